//! What goes on between steps.

use longhaul_contract::approval::Channel;
use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;

use super::*;

fn take(pulse: &mut Pulse, event: TraceEvent) {
    pulse.take(&[TraceEntry { at: Timestamp::from_millis(0), event }]);
}

fn judged(summary: &str, verdict: Action) -> TraceEvent {
    TraceEvent::ToolJudged {
        turn: 1,
        call: summary.to_owned(),
        summary: summary.to_owned(),
        verdict,
        reason: String::new(),
        rules: Vec::new(),
        shadow: Vec::new(),
    }
}

fn ran(summary: &str) -> TraceEvent {
    TraceEvent::ToolRan {
        turn: 1,
        call: summary.to_owned(),
        summary: summary.to_owned(),
        outcome: "done".to_owned(),
        error: None,
        bytes: 0,
        started_at: None,
    }
}

#[test]
fn it_names_what_runs() {
    let mut pulse = Pulse::default();
    assert_eq!(pulse.words(), "waiting for a worker");
    let start = TraceEvent::RunStarted {
        agent: "brief".to_owned(),
        definition: Digest::of("d"),
        carried: 0,
    };
    take(&mut pulse, start);
    assert_eq!(pulse.words(), "the model thinks");
    take(&mut pulse, judged("files.read a", Action::Run));
    take(&mut pulse, judged("files.write b", Action::Ask));
    assert_eq!(pulse.words(), "files.read a runs");
    take(
        &mut pulse,
        TraceEvent::ApprovalDecided {
            id: "apr_1_2".to_owned(),
            summary: "files.write b".to_owned(),
            outcome: GateOutcome::Approved,
            channel: Channel::Update,
            reason: None,
            edited: false,
            asked_at: Timestamp::from_millis(0),
            by: None,
        },
    );
    assert_eq!(pulse.words(), "files.read a and 1 more run");
    take(&mut pulse, ran("files.read a"));
    take(&mut pulse, ran("files.write b"));
    assert_eq!(pulse.words(), "the model thinks");
}
