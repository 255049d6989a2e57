//! What is wrong with a file of the catalogue, and where.

use std::fmt;

use serde_saphyr::Location;

/// What is wrong with a file. Displayed as `file:line:column: message`, the line concerned with a
/// caret under the place, and a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, such as `stripe.yaml`.
    pub file: String,
    /// Line, from 1; 0 if the problem has no place.
    pub line: usize,
    /// Column in characters, from 1; 0 if the problem has no place.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub message: String,
    /// The line, with a caret under the place.
    pub snippet: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn whole(file: &str, message: impl Into<String>) -> Self {
        Self::at(file, "", (0, 0), message)
    }

    /// A problem at a line and column of `text`.
    pub fn at(
        file: &str,
        text: &str,
        (line, column): (usize, usize),
        message: impl Into<String>,
    ) -> Self {
        let snippet = snippet(text, line, column);
        Self { file: file.to_owned(), line, column, message: message.into(), snippet, hint: None }
    }

    /// The same, with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the reader of YAML found.
    pub(crate) fn from_yaml(file: &str, text: &str, error: &serde_saphyr::Error) -> Self {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let plain = error.without_snippet().render();
        // The reader appends the position, which stands in front already.
        let end = plain.find(" at line ").or_else(|| plain.find('\n')).unwrap_or(plain.len());
        let message = plain.get(..end).unwrap_or(&plain).trim();
        let number = |number: u64| usize::try_from(number).unwrap_or_default();
        Self::at(file, text, (number(at.line()), number(at.column())), message)
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

/// Line and column of the key at the end of `path`, such as `["operations", "emails.send"]`, in
/// block style. Where the text goes on in flow style, the last key that was found.
pub(crate) fn place(text: &str, path: &[&str]) -> (usize, usize) {
    let mut found = (0, 0);
    // Keys of one mapping share their column; the parent's stand further left.
    let mut outer: Option<usize> = None;
    let mut inner: Option<usize> = None;
    let mut wanted = path.iter();
    let Some(mut key) = wanted.next() else { return found };
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start_matches([' ', '-']);
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let column = line.chars().count() - content.chars().count();
        if outer.is_some_and(|outer| column <= outer) {
            return found;
        }
        if column != *inner.get_or_insert(column) {
            continue;
        }
        let is_key = content
            .trim_start_matches(['"', '\''])
            .strip_prefix(*key)
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'));
        if is_key {
            found = (number + 1, column + 1);
            let Some(next) = wanted.next() else { return found };
            key = next;
            (outer, inner) = (Some(column), None);
        }
    }
    found
}

/// The line, and a caret under the column.
fn snippet(text: &str, line: usize, column: usize) -> Option<String> {
    let content = text.lines().nth(line.checked_sub(1)?)?;
    let shown: String = content.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let width = line.to_string().len();
    let indent = " ".repeat(column.saturating_sub(1));
    Some(format!("{line} | {shown}\n{:>width$} | {indent}^", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "slug: a\noperations:\n  # words\n  one.get:\n    input:\n      id: {in: path}\n  two.get:\n    title: x\nauth:\n  - id: key\n    kind: bearer\n";

    #[test]
    fn keys_are_found_by_their_path() {
        assert_eq!(place(TEXT, &["operations", "two.get", "title"]), (8, 5));
        assert_eq!(place(TEXT, &["operations", "one.get", "input", "id"]), (6, 7));
        assert_eq!(place(TEXT, &["auth", "kind"]), (11, 5));
    }

    #[test]
    fn what_is_not_there_is_at_the_last_key_that_is() {
        assert_eq!(place(TEXT, &["operations", "one.get", "title"]), (4, 3));
        assert_eq!(place(TEXT, &["nothing"]), (0, 0));
    }

    #[test]
    fn a_problem_shows_the_line() {
        let problem = Problem::at("a.yaml", TEXT, (8, 5), "no").hint("yes");
        assert_eq!(problem.to_string(), "a.yaml:8:5: no\n8 |     title: x\n  |     ^\nhint: yes");
    }
}
