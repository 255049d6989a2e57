//! Durations, sizes and counts in words, and text that is safe to print.

use std::time::Duration;

use longhaul_contract::tool::one_line;

/// A duration as people say it: `8 ms`, `1.4 s`, `3m 05s`, `2h 10m`, `4d 3h`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_millis() as f64 / 1000.0),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ if seconds % 86_400 < 3_600 => format!("{}d", seconds / 86_400),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number of bytes: `812 B`, `4.1 KB`, `2.0 MB`.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A number with its digits grouped: `12,345`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun: `1 turn`, `2 turns`.
pub fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// US dollars, fine enough for a single call.
pub fn dollars(dollars: f64) -> String {
    if dollars >= 0.1 { format!("${dollars:.2}") } else { format!("${dollars:.4}") }
}

/// The text with every character that could move the cursor, change colours or reorder the line
/// made visible; line ends and tabs stay.
///
/// Models, tools and files write this text: a terminal must never obey it.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                '\u{fffd}'
            }
            _ if character.is_control() => '\u{fffd}',
            _ => character,
        })
        .collect()
}

/// The text on one line of at most `most` characters, safe to print.
pub fn short(text: &str, most: usize) -> String {
    one_line(&harmless(text), most)
}

/// The text in quotation marks on one line, safe to print.
pub fn quoted(text: &str, most: usize) -> String {
    format!("\"{}\"", short(text, most))
}

#[cfg(test)]
mod tests;
