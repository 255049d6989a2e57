//! What a host makes of calls and of their troubles.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};

use super::Attempt;
use super::result::{cap, head};
use super::trouble::{Course, EffectSeen, Trouble};

const FIRST: Attempt = Attempt { number: 1, last: false };
const LAST: Attempt = Attempt { number: 3, last: true };

fn passing() -> Trouble {
    Trouble::new(ToolErrorKind::Timeout, "late")
        .on(Course::Passing(Some(Duration::from_secs(2))))
        .with_effect(EffectSeen::Perhaps)
}

fn failed(message: &str) -> ToolOutcome {
    ToolOutcome::Failed { error: ToolErrorKind::Timeout, message: message.to_owned() }
}

#[test]
fn a_passing_trouble_is_retried_only_if_the_call_may_be_repeated() {
    let failure = passing().settle(true, FIRST).unwrap_err();
    assert_eq!(failure.kind, FailureKind::ToolUnavailable);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(2)));
    assert_eq!(passing().settle(true, LAST), Ok(failed("late (tried 3 times)")));
    let unknown = ToolOutcome::Unknown { message: "late".to_owned() };
    assert_eq!(passing().settle(false, FIRST), Ok(unknown));
    assert_eq!(passing().with_effect(EffectSeen::None).settle(false, FIRST), Ok(failed("late")));
}

#[test]
fn a_lasting_trouble_is_the_outcome() {
    let lasting = Trouble::new(ToolErrorKind::Timeout, "late");
    assert_eq!(lasting.clone().settle(true, FIRST), Ok(failed("late")));
    assert_eq!(lasting.settle(false, LAST), Ok(failed("late")));
}

#[test]
fn results_are_cut_between_characters() {
    assert_eq!(cap("short".to_owned(), 200), ("short".to_owned(), false));
    for budget in 180..190 {
        let (text, cut) = cap("äöü".repeat(100), budget);
        assert!(cut && text.len() <= budget, "{} of {budget}", text.len());
        let (kept, closing) = text.split_once("\n[cut: ").unwrap();
        assert!(kept.chars().all(|character| "äöü".contains(character)));
        assert!(closing.starts_with(&format!("{} more bytes", 600 - kept.len())));
    }
    assert_eq!(head("äb", 1), "");
    assert_eq!(head("äb", 2), "ä");
    assert_eq!(head("äb", 9), "äb");
}
