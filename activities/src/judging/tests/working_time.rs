//! Time that passes in working hours only.

use std::time::Duration;

use longhaul_contract::policy::{Weekday, WorkingHours};
use longhaul_contract::time::Timestamp;

use crate::judging::hours;

const HOUR: u64 = 3_600;

/// The offices of `zone`, Monday to Friday.
fn office(zone: &str, from: u16, to: u16) -> WorkingHours {
    use Weekday::{Fri, Mon, Thu, Tue, Wed};
    WorkingHours { zone: zone.to_owned(), days: vec![Mon, Tue, Wed, Thu, Fri], from, to }
}

/// Nine to five in Berlin.
fn berlin() -> WorkingHours {
    office("Europe/Berlin", 540, 1_020)
}

fn instant(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

#[track_caller]
fn assert_after(from: &str, hours: u64, working: &WorkingHours, then: &str) {
    let left = Duration::from_secs(hours * HOUR);
    assert_eq!(hours::after(instant(from), left, working), Some(instant(then)), "from {from}");
}

#[test]
fn within_a_day_it_is_plain_time() {
    assert_after("2026-11-25T09:00:00Z", 2, &berlin(), "2026-11-25T11:00:00Z");
    // To the very end of the day, and not to the morning after.
    assert_after("2026-11-25T08:00:00Z", 8, &berlin(), "2026-11-25T16:00:00Z");
}

#[test]
fn nights_do_not_count() {
    assert_after("2026-11-25T15:00:00Z", 2, &berlin(), "2026-11-26T09:00:00Z");
    assert_after("2026-11-25T03:00:00Z", 1, &berlin(), "2026-11-25T09:00:00Z");
    assert_after("2026-11-25T22:30:00Z", 1, &berlin(), "2026-11-26T09:00:00Z");
}

#[test]
fn weekends_do_not_count() {
    // From Friday, 16:00 in Berlin, to Monday, 10:00.
    assert_after("2026-11-27T15:00:00Z", 2, &berlin(), "2026-11-30T09:00:00Z");
    assert_after("2026-11-28T12:00:00Z", 1, &berlin(), "2026-11-30T09:00:00Z");
    // Forty hours are a whole week.
    assert_after("2026-11-23T08:00:00Z", 40, &berlin(), "2026-11-27T16:00:00Z");
    assert_after("2026-11-25T08:00:00Z", 40, &berlin(), "2026-12-01T16:00:00Z");
}

#[test]
fn a_change_of_the_clock_moves_the_instants() {
    // Summer time begins in Berlin on 2026-03-29: Friday, 16:00 at +01, to Monday, 10:00 at +02.
    assert_after("2026-03-27T15:00:00Z", 2, &berlin(), "2026-03-30T08:00:00Z");
    // It ends on 2026-10-25: Friday, 16:00 at +02, to Monday, 10:00 at +01.
    assert_after("2026-10-23T14:00:00Z", 2, &berlin(), "2026-10-26T09:00:00Z");
    let night = WorkingHours { days: vec![Weekday::Sun], ..office("Europe/Berlin", 60, 240) };
    // One to four o'clock on the Sunday that skips an hour are two hours, …
    assert_after("2026-03-29T00:00:00Z", 2, &night, "2026-03-29T02:00:00Z");
    // … and four on the one that has an hour twice.
    assert_after("2026-10-24T23:00:00Z", 4, &night, "2026-10-25T03:00:00Z");
}

#[test]
fn a_working_day_may_end_at_midnight() {
    let late = office("UTC", 1_200, 1_440);
    assert_after("2026-11-25T22:00:00Z", 2, &late, "2026-11-26T00:00:00Z");
    assert_after("2026-11-25T22:00:00Z", 3, &late, "2026-11-26T21:00:00Z");
}

#[test]
fn hours_that_never_come_have_no_instant() {
    let unknown = office("Europe/Atlantis", 540, 1_020);
    let none = WorkingHours { days: Vec::new(), ..berlin() };
    for hours in [unknown, none] {
        let from = instant("2026-11-25T09:00:00Z");
        assert_eq!(hours::after(from, Duration::from_secs(HOUR), &hours), None);
    }
}
