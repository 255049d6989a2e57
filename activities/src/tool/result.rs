//! The result budget: what is too long for the model is cut, and says so.

/// `content`, cut to at most `budget` bytes, and whether it was cut.
pub(crate) fn cap(content: String, budget: usize) -> (String, bool) {
    if content.len() <= budget {
        return (content, false);
    }
    // The number in the closing line can only get shorter than this.
    let room = budget.saturating_sub(closing_line(content.len()).len());
    let kept = head(&content, room);
    let mut text = kept.to_owned();
    text.push_str(&closing_line(content.len() - kept.len()));
    (text, true)
}

/// The longest beginning of `text` that has at most `most` bytes and ends between characters.
pub(crate) fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn closing_line(left_out: usize) -> String {
    format!(
        "\n[cut: {left_out} more bytes are left out; to get the rest, call the tool again for less at a time: a narrower query, a page or a range]"
    )
}
