//! Tests of the sums.

use super::*;

#[test]
fn samples_are_summed_up_in_any_order() {
    let spread = Spread::of([3.0, 1.0, 2.0, 5.0, 4.0]);
    let expected = Spread { samples: 5, min: 1.0, median: 3.0, p95: 4.8, max: 5.0 };
    assert_eq!(spread, expected);
}

#[test]
fn an_even_number_of_samples_has_its_median_between_two() {
    assert_eq!(Spread::of([1.0, 2.0]).median, 1.5);
}

#[test]
fn one_sample_is_everything() {
    let expected = Spread { samples: 1, min: 7.0, median: 7.0, p95: 7.0, max: 7.0 };
    assert_eq!(Spread::of([7.0]), expected);
}

#[test]
fn no_samples_are_zero() {
    assert_eq!(Spread::of([]), Spread::default());
}

#[test]
fn durations_are_milliseconds() {
    assert_eq!(millis(Duration::from_micros(1500)), 1.5);
}
