//! Walks a folder in order, leaving out `.git` and what .gitignore leaves out.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};
use serde::Serialize;

use super::Stop;
use super::root::Root;

/// Something that a walk found.
pub(crate) struct Found {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its size, 0 unless it is a file.
    pub(crate) bytes: u64,
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link, which is not followed.
    Link,
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The folder's own entries.
    One,
    /// Everything below it.
    All,
}

/// Visits what is below the folder `start` (relative to the root, free of links), in the order of
/// paths, until `visit` breaks.
///
/// Ignore files above the root have no say. A folder that they leave out is walked nevertheless if
/// it is named: whoever names it wants to see it. `.git` never is.
pub(crate) fn walk(
    root: &Root,
    start: &Path,
    depth: Depth,
    stop: &Stop,
    mut visit: impl FnMut(Found) -> ControlFlow<()>,
) {
    let from_root = Walk { root, base: Path::new(""), start, depth };
    let in_git = start.components().any(|part| part.as_os_str() == ".git");
    if from_root.run(stop, &mut visit) == Reached::No && !in_git {
        Walk { root, base: start, start, depth }.run(stop, &mut visit);
    }
}

/// One walk: begins at `base`, visits what is below `start`.
struct Walk<'w> {
    root: &'w Root,
    base: &'w Path,
    start: &'w Path,
    depth: Depth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Yes,
    No,
}

impl Walk<'_> {
    fn run(&self, stop: &Stop, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Reached {
        let mut reached = Reached::No;
        // What cannot be looked at is as good as absent.
        for entry in self.builder().build().flatten() {
            if stop.asked() {
                break;
            }
            let Ok(path) = entry.path().strip_prefix(self.root.ambient_path()) else { continue };
            if path == self.start {
                reached = Reached::Yes;
                continue;
            }
            if !path.starts_with(self.start) {
                continue;
            }
            if let Some(found) = found(path, &entry)
                && visit(found).is_break()
            {
                break;
            }
        }
        reached
    }

    fn builder(&self) -> WalkBuilder {
        let levels = self.start.components().count() - self.base.components().count();
        let mut builder = WalkBuilder::new(self.root.ambient_path().join(self.base));
        let (start, root) = (self.start.to_owned(), self.root.ambient_path().to_owned());
        builder
            .hidden(false)
            .parents(false)
            .git_global(false)
            .require_git(false)
            .follow_links(false)
            .max_depth(match self.depth {
                Depth::One => Some(levels + 1),
                Depth::All => None,
            })
            .sort_by_file_name(OsStr::cmp)
            .filter_entry(move |entry| {
                let path = entry.path().strip_prefix(&root).unwrap_or(Path::new(""));
                entry.file_name() != ".git" && (path.starts_with(&start) || start.starts_with(path))
            });
        builder
    }
}

fn found(path: &Path, entry: &DirEntry) -> Option<Found> {
    let file_type = entry.file_type()?;
    let kind = if file_type.is_symlink() {
        Kind::Link
    } else if file_type.is_dir() {
        Kind::Dir
    } else if file_type.is_file() {
        Kind::File
    } else {
        return None;
    };
    let bytes = match kind {
        Kind::File => entry.metadata().map_or(0, |metadata| metadata.len()),
        Kind::Dir | Kind::Link => 0,
    };
    Some(Found { path: path.to_owned(), kind, bytes })
}
