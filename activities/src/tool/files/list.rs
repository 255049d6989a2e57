//! `files.list`: what is in a folder.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::root::{Root, written};
use super::walk::{Depth, Kind, walk};
use super::{Room, Stop};
use crate::tool::trouble::Trouble;

/// The arguments, defaults applied.
#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    recursive: bool,
    max: usize,
}

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    path: String,
    entries: Vec<Entry>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    path: String,
    kind: Kind,
    bytes: u64,
}

/// Lists a folder.
pub(crate) fn list(root: &Root, arguments: Arguments, stop: &Stop) -> Result<Listing, Trouble> {
    let asked = &arguments.path;
    let start = root.locate(asked)?;
    if !root.metadata(&start).map_err(|error| root.trouble(asked, &error))?.is_dir() {
        let hint = "hint: `files.read` reads a file";
        return Err(Trouble::arguments(format!("`{asked}` is not a folder\n{hint}")));
    }
    let depth = if arguments.recursive { Depth::All } else { Depth::One };
    let mut listing = Listing { path: written(&start), entries: Vec::new(), truncated: false };
    let mut room = Room::new();
    walk(root, &start, depth, stop, |found| {
        let entry = Entry { path: written(&found.path), kind: found.kind, bytes: found.bytes };
        if listing.entries.len() >= arguments.max || !room.take(&entry) {
            listing.truncated = true;
            return ControlFlow::Break(());
        }
        listing.entries.push(entry);
        ControlFlow::Continue(())
    });
    Ok(listing)
}
