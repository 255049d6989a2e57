//! What counts as having survived.

use super::*;

fn record(id: &str, kind: &str, attempts: i32, completed: u32) -> ActivityRecord {
    ActivityRecord {
        id: id.to_owned(),
        kind: kind.to_owned(),
        tool: (kind == "CallTool").then(|| "files.search".to_owned()),
        turn: None,
        attempts,
        completed,
    }
}

fn survived() -> Vec<ActivityRecord> {
    vec![
        record("load", "LoadAgent", 1, 1),
        record("model-1", "CallModel", 1, 1),
        record("tool-1-1", "CallTool", 2, 1),
        record("model-2", "CallModel", 1, 1),
    ]
}

fn holds(findings: &[Finding]) -> Vec<bool> {
    findings.iter().map(|finding| finding.holds).collect()
}

#[test]
fn a_run_that_went_on_from_the_same_step() {
    let log = BTreeMap::from([(1, 1), (2, 1)]);
    let findings = findings(&survived(), Some("tool-1-1"), Some(&log));
    assert_eq!(holds(&findings), [true, true, true]);
    assert_eq!(
        findings[0].words,
        "files.search (tool-1-1), in which the worker was killed, was attempted twice and completed once"
    );
    assert_eq!(findings[1].words, "each of the 3 other calls ran once and completed once");
    assert_eq!(findings[2].words, "the model's own log holds one request for each of 2 of 2 turns");
}

#[test]
fn what_was_done_twice_is_named() {
    let mut records = survived();
    records[1].attempts = 3;
    let log = BTreeMap::from([(1, 2), (2, 1)]);
    let found = findings(&records, Some("tool-1-1"), Some(&log));
    assert_eq!(holds(&found), [true, false, false]);
    assert_eq!(found[1].words, "model-1 was attempted 3 times and completed once");

    records[2].attempts = 1;
    assert_eq!(holds(&findings(&records, Some("tool-1-1"), None)), [false, false]);
}

#[test]
fn a_demo_without_a_crash_proves_nothing() {
    assert_eq!(holds(&findings(&survived(), None, None)), [false]);
    assert_eq!(
        holds(&findings(&[], Some("tool-9-9"), Some(&BTreeMap::new()))),
        [false, true, true]
    );
}
