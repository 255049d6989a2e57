//! What is wrong with an agent file, and where.

use std::fmt;
use std::path::Path;

use serde_saphyr::Location;

/// An agent file's text, and the path it came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file; its stem is the agent's name, its folder holds scenario files.
    pub path: &'a Path,
    /// The text.
    pub text: &'a str,
}

impl Source<'_> {
    /// The file's name with its folder's, which is all that messages show of the path: they end
    /// up in the histories of runs.
    pub fn label(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy();
        match self.path.parent().and_then(Path::file_name) {
            Some(folder) => format!("{}/{name}", folder.to_string_lossy()),
            None => name.into_owned(),
        }
    }
}

/// What is wrong with an agent file.
///
/// Displayed as `file:line:column: message`, the lines concerned, and a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, with its folder's name.
    pub file: String,
    /// Line, from 1; 0 if the problem has no place.
    pub line: u64,
    /// Column in characters, from 1; 0 if the problem has no place.
    pub column: u64,
    /// What is wrong and what is allowed.
    pub message: String,
    /// The lines around the place, marked.
    pub snippet: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at `at`.
    pub fn new(source: &Source<'_>, at: Location, message: impl Into<String>) -> Self {
        let (line, column) = (at.line(), at.column());
        Self {
            file: source.label(),
            line,
            column,
            message: message.into(),
            snippet: snippet(source.text, line, column),
            hint: None,
        }
    }

    /// A problem of the file as a whole.
    pub fn whole(source: &Source<'_>, message: impl Into<String>) -> Self {
        Self::new(source, Location::UNKNOWN, message)
    }

    /// The same at another place.
    #[must_use]
    pub(super) fn moved(mut self, source: &Source<'_>, line: u64, column: u64) -> Self {
        (self.line, self.column) = (line, column);
        self.snippet = snippet(source.text, line, column);
        self
    }

    /// The same, with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same without the lines, for when they may hold a secret.
    #[must_use]
    pub fn without_snippet(mut self) -> Self {
        self.snippet = None;
        self
    }

    /// A problem that the YAML reader found.
    pub(super) fn from_yaml(source: &Source<'_>, error: &serde_saphyr::Error) -> Self {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let plain = error.without_snippet().render();
        // The reader appends the position, which stands in front already.
        let message = match plain.find(" at line ").or_else(|| plain.find("\n")) {
            Some(end) if plain.get(end..).is_some_and(|rest| rest.contains("column")) => {
                plain.get(..end).unwrap_or(&plain)
            }
            Some(_) | None => plain.as_str(),
        };
        Self::new(source, at, in_words(message.trim()))
    }
}

/// The reader's words for a scalar of the wrong type say what it is not; these say what it must be.
fn in_words(message: &str) -> &str {
    match message {
        "invalid u32" | "invalid u64" => "expected a whole number, 0 or more",
        "invalid f64" => "expected a number",
        "invalid bool" => "expected `true` or `false`",
        other => other,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(snippet) = &self.snippet {
            write!(f, "\n{snippet}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// The line with one before it, and a caret under the column.
fn snippet(text: &str, line: u64, column: u64) -> Option<String> {
    let line = usize::try_from(line).ok().filter(|line| *line > 0)?;
    let column = usize::try_from(column).ok()?.saturating_sub(1);
    let width = line.to_string().len();
    let mut shown = String::new();
    for (index, content) in text.lines().enumerate().take(line).skip(line.saturating_sub(2)) {
        shown.push_str(&format!("{:>width$} | {}\n", index + 1, printable(content)));
    }
    // Tabs keep their width only if the caret's line has them too.
    let indent: String = text
        .lines()
        .nth(line - 1)?
        .chars()
        .take(column)
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    shown.push_str(&format!("{:>width$} | {indent}^", ""));
    Some(shown)
}

/// `line` without control characters, which could repaint a terminal.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
