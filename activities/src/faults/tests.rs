//! What `LONGHAUL_PAUSE` may say.

use std::time::Duration;

use super::Faults;

#[test]
fn asks_for_nothing_by_default() {
    assert_eq!(Faults::parse("").unwrap(), Faults::default());
    assert_eq!(Faults::default().duration("CallTool", "files.read", 1), None);
}

#[test]
fn matches_activity_tool_and_attempt() {
    let faults =
        Faults::parse("CallTool/files.search@1=5s, CallModel@2=200ms,LoadAgent=1m").unwrap();
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(faults.duration("CallTool", "files.search", 1), seconds(5));
    assert_eq!(faults.duration("CallTool", "files.search", 2), None);
    assert_eq!(faults.duration("CallTool", "files.read", 1), None);
    assert_eq!(faults.duration("CallModel", "", 1), None);
    assert_eq!(faults.duration("CallModel", "", 2), Some(Duration::from_millis(200)));
    assert_eq!(faults.duration("LoadAgent", "brief", 7), seconds(60));
}

#[test]
fn takes_the_longest_of_those_that_match() {
    let faults = Faults::parse("CallTool=1s,CallTool/files.read=3s").unwrap();
    assert_eq!(faults.duration("CallTool", "files.read", 1), Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_pause_that_does_not_match_returns_at_once() {
    Faults::parse("CallTool@1=1h").unwrap().pause("CallTool", "files.read", 2).await;
}

#[test]
fn says_what_is_wrong() {
    let problem = |text: &str| Faults::parse(text).unwrap_err().problem;
    assert_eq!(problem("CallTool@1"), "it has no `=` and duration");
    assert_eq!(problem("CallTool@x=1s"), "its attempt is not a number from 1");
    assert_eq!(problem("CallTool@0=1s"), "its attempt is not a number from 1");
    assert_eq!(problem("CallTool/@1=1s"), "it has a `/` and no tool after it");
    assert_eq!(problem("@1=1s"), "it names no activity");
    assert!(problem("CallTool=soon").starts_with("its duration is wrong: "));
    let error = Faults::parse("CallModel=1s,CallTool@1").unwrap_err();
    assert_eq!(error.entry, "CallTool@1");
    assert!(error.to_string().contains("hint: write `ACTIVITY[/TOOL][@ATTEMPT]=DURATION`"));
}

#[test]
fn forgetting_is_asked_for_beside_pauses() {
    assert!(!Faults::parse("CallTool=1s").unwrap().forgets());
    let faults = Faults::parse("CallTool.report@1=1s, forget").unwrap();
    assert!(faults.forgets());
    assert_eq!(faults.duration("CallTool.report", "echo", 1), Some(Duration::from_secs(1)));
    assert_eq!(faults.duration("CallTool", "echo", 1), None);
}
