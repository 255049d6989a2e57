//! `files.search`: lines that fit a regular expression.

use std::ops::ControlFlow;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Match, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::root::{Root, written};
use super::walk::{Depth, Kind, walk};
use super::{Room, Stop};
use crate::tool::trouble::Trouble;

/// Characters of a line that are shown.
const SHOWN: usize = 200;

/// Characters before a match that are shown of a longer line.
const BEFORE: usize = 60;

/// The arguments, defaults applied.
#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    pattern: String,
    path: String,
    #[serde(default)]
    glob: Option<String>,
    max: usize,
    ignore_case: bool,
}

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct Matches {
    pattern: String,
    matches: Vec<Hit>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Hit {
    path: String,
    line: usize,
    text: String,
}

/// Searches a file or the files of a folder.
pub(crate) fn search(root: &Root, arguments: Arguments, stop: &Stop) -> Result<Matches, Trouble> {
    let regex = RegexBuilder::new(&arguments.pattern)
        .case_insensitive(arguments.ignore_case)
        .build()
        .map_err(|error| Trouble::arguments(format!("`pattern` cannot be used: {error}")))?;
    let glob = arguments.glob.as_deref().map(glob).transpose()?;
    let start = root.locate(&arguments.path)?;
    let mut search = Search {
        root,
        regex,
        max: arguments.max,
        room: Room::new(),
        found: Matches { pattern: arguments.pattern, matches: Vec::new(), truncated: false },
    };
    let is_file = root.metadata(&start).is_ok_and(|metadata| metadata.is_file());
    if is_file {
        let text = root.text(&start).map_err(|unread| unread.trouble(root, &arguments.path))?;
        // Whether it was the last match makes no difference here.
        let _ = search.lines(&start, &text);
    } else {
        walk(root, &start, Depth::All, stop, |found| {
            let wanted = glob.as_ref().is_none_or(|glob| glob.is_match(&found.path));
            if found.kind == Kind::File && wanted { search.file(&found.path) } else { NEXT }
        });
    }
    Ok(search.found)
}

const NEXT: ControlFlow<()> = ControlFlow::Continue(());

struct Search<'s> {
    root: &'s Root,
    regex: Regex,
    max: usize,
    room: Room,
    found: Matches,
}

impl Search<'_> {
    /// A file that is not read (binary, too large, gone) has no matches.
    fn file(&mut self, path: &Path) -> ControlFlow<()> {
        match self.root.text(path) {
            Ok(text) => self.lines(path, &text),
            Err(_) => NEXT,
        }
    }

    fn lines(&mut self, path: &Path, text: &str) -> ControlFlow<()> {
        for (index, line) in text.lines().enumerate() {
            let Some(found) = self.regex.find(line) else { continue };
            let hit = Hit { path: written(path), line: index + 1, text: shown(line, found) };
            if self.found.matches.len() >= self.max || !self.room.take(&hit) {
                self.found.truncated = true;
                return ControlFlow::Break(());
            }
            self.found.matches.push(hit);
        }
        NEXT
    }
}

/// A glob without `/` is about the file's name, whichever folder it is in.
fn glob(text: &str) -> Result<GlobMatcher, Trouble> {
    let anywhere = format!("**/{text}");
    let pattern = if text.contains('/') { text.trim_start_matches("./") } else { &anywhere };
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob =
        glob.map_err(|error| Trouble::arguments(format!("`glob` cannot be used: {error}")))?;
    Ok(glob.compile_matcher())
}

/// The line, or of a long one the part around the match.
fn shown(line: &str, found: Match<'_>) -> String {
    if line.chars().count() <= SHOWN {
        return line.to_owned();
    }
    let before = line.get(..found.start()).unwrap_or_default().chars().count();
    let skipped = if before > SHOWN / 2 { before - BEFORE } else { 0 };
    let mut text = String::new();
    if skipped > 0 {
        text.push('…');
    }
    let room = SHOWN - 1 - usize::from(skipped > 0);
    let mut rest = line.chars().skip(skipped);
    text.extend(rest.by_ref().take(room));
    match (rest.next(), rest.next()) {
        (Some(last), None) => text.push(last),
        (Some(_), Some(_)) => text.push('…'),
        (None, _) => {}
    }
    text
}
