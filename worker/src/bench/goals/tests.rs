//! Tests of goals and of whether they are met.

use super::*;

#[test]
fn each_goal_looks_at_the_right_side_and_sample() {
    assert!(Goal::AtMost(1.2).is_met(1.2, 9.0));
    assert!(!Goal::AtMost(1.2).is_met(1.3, 1.0));
    assert!(Goal::AtLeast(2.0).is_met(2.0, 0.0));
    assert!(!Goal::AtLeast(2.0).is_met(1.9, 9.0));
    assert!(Goal::MostlyAtMost(700.0).is_met(900.0, 700.0));
    assert!(!Goal::MostlyAtMost(700.0).is_met(10.0, 701.0));
    assert_eq!(Goal::AtMost(1.2).told(1.0, 1.0), "at most 1.2: met");
    assert_eq!(Goal::MostlyAtMost(700.0).told(1.0, 800.0), "p95 at most 700: MISSED");
}

#[test]
fn figures_have_goals_by_name() {
    assert_eq!(Goal::of("peak memory, 10000 by 1000"), Some(Goal::AtMost(1.2)));
    assert_eq!(Goal::of("peak memory, 2000 by 1000"), None);
    let name = "turns a second, express lane, longhaul by the best peer on Temporal";
    assert_eq!(Goal::of(name), Some(Goal::AtLeast(4.0)));
    let name = "10 KiB results, 200 turns: largest model call input";
    assert_eq!(Goal::of(name), Some(Goal::AtMost(1024.0)));
    assert_eq!(Goal::of("something by the best peer on Temporal"), None);
}
