//! Words for people.

use std::time::Duration;

use super::*;

#[test]
fn durations_take_the_unit_that_fits() {
    let cases = [
        (8, "8 ms"),
        (999, "999 ms"),
        (1_440, "1.4 s"),
        (185_000, "3m 05s"),
        (7_800_000, "2h 10m"),
        (86_400_000, "1d"),
        (356_400_000, "4d 3h"),
    ];
    for (millis, words) in cases {
        assert_eq!(duration(Duration::from_millis(millis)), words);
    }
}

#[test]
fn sizes_and_counts() {
    assert_eq!(bytes(812), "812 B");
    assert_eq!(bytes(4_120), "4.1 KB");
    assert_eq!(bytes(2_000_000), "2.0 MB");
    assert_eq!(number(7), "7");
    assert_eq!(number(999), "999");
    assert_eq!(number(1_234_567), "1,234,567");
    assert_eq!(count(1, "turn"), "1 turn");
    assert_eq!(count(2_000, "turn"), "2,000 turns");
    assert_eq!(dollars(0.0123), "$0.0123");
    assert_eq!(dollars(1.5), "$1.50");
}

#[test]
fn a_terminal_never_obeys_what_a_model_wrote() {
    assert_eq!(harmless("a\u{1b}[2Jb\rc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    assert_eq!(harmless("line\n\tnext"), "line\n\tnext");
    assert_eq!(short("one\n  two\u{7} three", 9), "one two\u{fffd}…");
    assert_eq!(quoted("yes", 10), "\"yes\"");
}
