//! A folder that file tools cannot leave: neither by `..` nor by a symbolic link.

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata};
use longhaul_contract::tool::ToolErrorKind;

use super::super::trouble::Trouble;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// A file with a NUL in so many first bytes is binary.
const SNIFFED: usize = 8 * 1024;

/// The folder that file tools are confined to. Its own path never enters a message.
pub(crate) struct Root {
    dir: Dir,
    path: PathBuf,
}

/// Why a file's text is not read.
pub(crate) enum Unread {
    /// It holds a NUL.
    Binary,
    /// It has so many bytes.
    TooLarge(u64),
    /// It is neither a file nor a link to one.
    NotAFile,
    /// The system says no.
    Io(io::Error),
}

impl Root {
    /// Opens the folder at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let open = || {
            let path = std::fs::canonicalize(path)?;
            Ok(Self { dir: Dir::open_ambient_dir(&path, ambient_authority())?, path })
        };
        open().map_err(|error: io::Error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let kind = if missing { ToolErrorKind::NotFound } else { ToolErrorKind::Other };
            let message = format!(
                "the folder of the file tools cannot be opened on this worker: {}\nhint: check `root` of the `files` tool in the agent's file",
                reason(&error)
            );
            Trouble::new(kind, message)
        })
    }

    /// The open folder.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Its path, for walking only: what a walk finds is opened through [`Self::dir`].
    pub(crate) fn ambient_path(&self) -> &Path {
        &self.path
    }

    /// The real path of what exists at `path`, relative to the folder and free of links; empty
    /// for the folder itself.
    pub(crate) fn locate(&self, path: &str) -> Result<PathBuf, Trouble> {
        let inside = inside(path)?;
        let real = self.dir.canonicalize(inside).map_err(|error| self.trouble(path, &error))?;
        Ok(if real == Path::new(".") { PathBuf::new() } else { real })
    }

    /// What is at `path`, as [`Self::locate`] returns it.
    pub(crate) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.dir.metadata(if path.as_os_str().is_empty() { Path::new(".") } else { path })
    }

    /// The text of the file at `path`, with U+FFFD for what is not UTF-8.
    pub(crate) fn text(&self, path: &Path) -> Result<String, Unread> {
        // Asked before it is opened: opening a pipe would wait for its other end.
        if !self.metadata(path).map_err(Unread::Io)?.is_file() {
            return Err(Unread::NotAFile);
        }
        let file = self.dir.open(path).map_err(Unread::Io)?;
        let size = file.metadata().map_err(Unread::Io)?.len();
        if size > LARGEST {
            return Err(Unread::TooLarge(size));
        }
        let bytes = bytes(&file).map_err(Unread::Io)?;
        if bytes.iter().take(SNIFFED).any(|byte| *byte == 0) {
            return Err(Unread::Binary);
        }
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// What the model is told of `error` at `path`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's list is open")]
    pub(crate) fn trouble(&self, path: &str, error: &io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::NotFound => Trouble::new(
                ToolErrorKind::NotFound,
                format!("`{path}` does not exist\nhint: `files.list` shows what does"),
            ),
            // An error without a number is the confinement's own.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => outside(path),
            io::ErrorKind::PermissionDenied => {
                Trouble::forbidden(format!("`{path}` is not accessible: permission denied"))
            }
            io::ErrorKind::NotADirectory => {
                Trouble::arguments(format!("a part of `{path}` is a file, not a folder"))
            }
            io::ErrorKind::IsADirectory => {
                Trouble::arguments(format!("`{path}` is a folder, not a file"))
            }
            _ => Trouble::new(ToolErrorKind::Other, format!("`{path}`: {}", reason(error))),
        }
    }
}

/// `path` as a relative path that does not climb out of its start.
pub(crate) fn inside(path: &str) -> Result<PathBuf, Trouble> {
    if path.contains('\0') {
        return Err(Trouble::arguments("a path cannot hold a NUL"));
    }
    let mut depth = 0_i64;
    for component in Path::new(path).components() {
        depth += match component {
            Component::Prefix(_) | Component::RootDir => return Err(outside(path)),
            Component::ParentDir => -1,
            Component::Normal(_) => 1,
            Component::CurDir => 0,
        };
        if depth < 0 {
            return Err(outside(path));
        }
    }
    let path = if path.is_empty() { "." } else { path };
    Ok(PathBuf::from(path))
}

/// A path relative to the folder, with `/` between its parts.
pub(crate) fn written(path: &Path) -> String {
    let parts: Vec<_> =
        path.components().map(|component| component.as_os_str().to_string_lossy()).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn outside(path: &str) -> Trouble {
    Trouble::forbidden(format!(
        "`{path}` leads out of the folder that the file tools may use\nhint: paths are relative to its root; links that leave it are not followed"
    ))
}

fn bytes(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A file that grows while it is read ends where it was too large.
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The system's words, without the number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}
