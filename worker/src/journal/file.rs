//! Files that belong to one living process each, and those whose process is dead.
//!
//! The owner holds an exclusive lock on its file for as long as it lives. The kernel lets go of it
//! whatever way the process ends, so a free lock is what tells a dead owner; a process id, which
//! may be another's by then, never is. A file gets its name only once it is locked and has its
//! first line, so one that is just being made is not mistaken for a dead one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

const FOLDER: &str = "journal";
const EXTENSION: &str = "journal";
/// Of a file that is being made.
const UNNAMED: &str = "new";
/// The largest file that is read; a living worker keeps its own far below.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Dead files of other queues and servers are kept this long. No attempt lives longer.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A file that has not got its name after this long never will.
const NAMED_WITHIN: Duration = Duration::from_secs(60);

/// Where the journals of a project are, below its folder of state.
pub fn folder(state: &Path) -> PathBuf {
    state.join(FOLDER)
}

/// A file that this process holds.
#[derive(Debug)]
pub(super) struct Owned {
    file: File,
    size: u64,
}

impl Owned {
    /// A new file in `folder` that begins with `text`, and its path.
    pub(super) fn create(folder: &Path, text: &str) -> io::Result<(PathBuf, Self)> {
        if let Some(state) = folder.parent() {
            std::fs::create_dir_all(state)?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let name = unique();
        let path = folder.join(format!("{name}.{EXTENSION}"));
        let unnamed = folder.join(format!("{name}.{UNNAMED}"));
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create_new(true).mode(0o600).open(&unnamed)?;
        let made = file
            .try_lock()
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&unnamed, &path));
        match made {
            Ok(()) => Ok((path, Self { file, size: length(text) })),
            Err(error) => {
                // The error is what matters.
                let _ = std::fs::remove_file(&unnamed);
                Err(error)
            }
        }
    }

    /// Adds `text` in one call. It is not flushed to the disk: it has to outlive the process, not
    /// the host.
    pub(super) fn append(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.size += length(text);
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

/// The file of a dead process, held so that no other successor reads it at the same time.
#[derive(Debug)]
pub(super) struct Dead {
    path: PathBuf,
    file: File,
}

impl Dead {
    /// Those in `folder` whose first line is `wanted`. What is of no use to anybody is deleted.
    ///
    /// No other file is locked, not for a moment: who wants it might come in just that moment.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn all(folder: &Path, wanted: &str) -> io::Result<Vec<Self>> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let (named, kept_for) = match path.extension().and_then(|it| it.to_str()) {
                Some(EXTENSION) => (true, KEPT_FOR),
                Some(UNNAMED) => (false, NAMED_WITHIN),
                Some(_) | None => continue,
            };
            let Ok(file) = File::open(&path) else { continue };
            let mut found = Self { path, file };
            let expired = found.age().is_some_and(|age| age > kept_for);
            if expired && found.claim() {
                found.delete();
            } else if !expired && named && found.begins_with(wanted) && found.claim() {
                all.push(found);
            }
        }
        Ok(all)
    }

    /// Locks it, unless its owner lives or another has claimed it.
    fn claim(&self) -> bool {
        if self.file.try_lock().is_err() {
            return false;
        }
        // Another may have taken it over and deleted it, or its owner gone on in a new one, after
        // it was opened and before it was locked.
        let (Ok(held), Ok(named)) = (self.file.metadata(), std::fs::metadata(&self.path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino()) && held.is_file()
    }

    /// Whether `line` is the first. It is there before the file has its name.
    fn begins_with(&mut self, line: &str) -> bool {
        let mut start = vec![0; line.len()];
        let read = self.file.read_exact(&mut start).and_then(|()| self.file.rewind());
        read.is_ok() && start == line.as_bytes()
    }

    /// What is in it.
    pub(super) fn text(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        (&mut self.file).take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Deletes it, and lets go of it only then.
    pub(super) fn delete(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a dead journal stays");
        }
    }

    fn age(&self) -> Option<Duration> {
        let changed = self.file.metadata().ok()?.modified().ok()?;
        SystemTime::now().duration_since(changed).ok()
    }
}

/// A name that no other file has had: process, time, and a number within the process.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (pid, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}-{pid}-{number}", now.as_millis())
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
