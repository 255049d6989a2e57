//! Tests of who counts as the best peer.

use super::*;
use crate::bench::machine::Machine;

fn sheet() -> Sheet {
    Sheet {
        machine: Machine::here("0"),
        load_after: None,
        about: Vec::new(),
        figures: Vec::new(),
        spreads: Vec::new(),
    }
}

fn figures(standings: &[Standing]) -> Vec<(String, Option<f64>)> {
    let mut sheet = sheet();
    sum_up(standings, &mut sheet);
    sheet.figures.into_iter().map(|figure| (figure.name, figure.value)).collect()
}

fn ratios(plain: f64) -> Ratios {
    Ratios { express: plain / 2.0, plain }
}

#[test]
fn the_best_peer_is_the_one_that_ours_gains_least_over() {
    let many = |speed, cpu| Some(Many { speed: ratios(speed), cpu: ratios(cpu) });
    let standings = [
        Standing { peer: Peer::OpenaiAgents, turn: ratios(0.25), many: many(8.0, 0.125) },
        Standing { peer: Peer::AiSdk, turn: ratios(0.5), many: many(4.0, 0.0625) },
        Standing { peer: Peer::Restate, turn: ratios(3.0), many: many(0.125, 4.0) },
    ];
    let expected = [
        ("a turn, longhaul by the best peer on Temporal", 0.5),
        ("a turn, express lane, longhaul by the best peer on Temporal", 0.25),
        ("turns a second, longhaul by the best peer on Temporal", 4.0),
        ("turns a second, express lane, longhaul by the best peer on Temporal", 2.0),
        ("processor time a turn, longhaul by the best peer on Temporal", 0.125),
        ("processor time a turn, express lane, longhaul by the best peer on Temporal", 0.0625),
        ("a turn, longhaul by Restate", 3.0),
        ("a turn, express lane, longhaul by Restate", 1.5),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), Some(value)));
    assert_eq!(figures(&standings), expected);
}

#[test]
fn what_was_not_measured_has_no_figure() {
    assert_eq!(figures(&[]), []);
    let alone = Standing { peer: Peer::Restate, turn: ratios(3.0), many: None };
    assert_eq!(figures(&[alone]).len(), 2);
}
