//! Time that only passes in working hours.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _, Zoned};
use longhaul_contract::policy::{Weekday as Day, WorkingHours};
use longhaul_contract::time::Timestamp;

/// Days that are looked at before an answer is given up: no plan reaches further.
const MOST_DAYS: u32 = 3 * 366;

/// The instant at which so much working time has passed since `from`; `None` if the zone is
/// unknown or there are no such hours.
pub(super) fn after(
    from: Timestamp,
    mut left: Duration,
    hours: &WorkingHours,
) -> Option<Timestamp> {
    let zone = TimeZone::get(&hours.zone).ok()?;
    let mut at = jiff::Timestamp::from_millisecond(from.as_millis()).ok()?.to_zoned(zone);
    for _ in 0..MOST_DAYS {
        if let Some((begin, end)) = day(&at, hours) {
            let begin = if at > begin { at.clone() } else { begin };
            if begin < end {
                let here = begin.duration_until(&end).unsigned_abs();
                if left <= here {
                    let end = begin.checked_add(SignedDuration::try_from(left).ok()?).ok()?;
                    return Some(Timestamp::from_millis(end.timestamp().as_millisecond()));
                }
                left -= here;
            }
        }
        at = at.start_of_day().ok()?.checked_add(1.day()).ok()?;
    }
    None
}

/// Begin and end of the working hours on the day of `at`, if it is a working day.
fn day(at: &Zoned, hours: &WorkingHours) -> Option<(Zoned, Zoned)> {
    hours.days.iter().any(|day| weekday(*day) == at.weekday()).then_some(())?;
    let instant = |minutes: u16| {
        let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
        match hour {
            // Midnight at the end of the day.
            24 => at.start_of_day().ok()?.checked_add(1.day()).ok(),
            _ => at
                .date()
                .to_datetime(Time::new(hour, minute, 0, 0).ok()?)
                .to_zoned(at.time_zone().clone())
                .ok(),
        }
    };
    Some((instant(hours.from)?, instant(hours.to)?))
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}
