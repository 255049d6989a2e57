//! `files.read`: lines of a text file.

use longhaul_contract::tool::ToolErrorKind;
use serde::{Deserialize, Serialize};

use super::ROOM;
use super::root::{Root, Unread, written};
use crate::tool::trouble::Trouble;

/// The arguments, defaults applied.
#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    from_line: usize,
    lines: usize,
}

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct Lines {
    path: String,
    from_line: usize,
    to_line: usize,
    total_lines: usize,
    text: String,
    /// The first line is longer than a result may be.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    line_cut: bool,
}

/// Reads lines of a file.
pub(crate) fn read(root: &Root, arguments: Arguments) -> Result<Lines, Trouble> {
    let Arguments { path, from_line, lines } = arguments;
    let real = root.locate(&path)?;
    let text = root.text(&real).map_err(|unread| unread.trouble(root, &path))?;
    let total_lines = text.split_inclusive('\n').count();
    if from_line > total_lines.max(1) {
        let message = format!(
            "`{path}` has {total_lines} lines, so there is no line {from_line}\nhint: `from_line` is at most {}",
            total_lines.max(1)
        );
        return Err(Trouble::arguments(message));
    }
    let mut result = Lines {
        path: written(&real),
        from_line,
        to_line: from_line - 1,
        total_lines,
        text: String::new(),
        line_cut: false,
    };
    let mut room = ROOM;
    for line in text.split_inclusive('\n').skip(from_line - 1).take(lines) {
        match room.checked_sub(written_length(line)) {
            Some(left) => {
                room = left;
                result.text.push_str(line);
            }
            None if result.text.is_empty() => {
                result.text = beginning(line, room);
                result.line_cut = true;
                result.to_line = from_line;
                break;
            }
            None => break,
        }
        result.to_line += 1;
    }
    Ok(result)
}

impl Unread {
    /// What the model is told of the file at `path`.
    pub(crate) fn trouble(self, root: &Root, path: &str) -> Trouble {
        match self {
            Self::Binary => Trouble::new(
                ToolErrorKind::Other,
                format!("`{path}` is a binary file; only text can be read"),
            ),
            Self::TooLarge(bytes) => Trouble::new(
                ToolErrorKind::Other,
                format!(
                    "`{path}` has {bytes} bytes; files over 8 MiB are not read\nhint: `files.search` skips it, too; look for a smaller source"
                ),
            ),
            Self::NotAFile => Trouble::arguments(format!(
                "`{path}` is not a file\nhint: `files.list` lists a folder"
            )),
            Self::Io(error) => root.trouble(path, &error),
        }
    }
}

/// Bytes of `text` in a JSON string.
fn written_length(text: &str) -> usize {
    text.chars().map(written_char).sum()
}

fn written_char(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control < ' ' => 6,
        other => other.len_utf8(),
    }
}

/// As much of `line` as fits in `room`.
fn beginning(line: &str, mut room: usize) -> String {
    line.chars()
        .take_while(|character| match room.checked_sub(written_char(*character)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        })
        .collect()
}
