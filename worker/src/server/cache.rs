//! The user's cache folder: one process fills it at a time, and it is never seen half full.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use super::progress::Progress;

/// The right to fill the cache folder, and a place to work in beside it.
pub(super) struct Slot {
    /// Where to put the program before it is finished.
    pub(super) scratch: TempDir,
    folder: PathBuf,
    /// Released when dropped, also when the process is killed.
    _lock: File,
}

/// What [`claim`] came to.
pub(super) enum Claim {
    /// The folder is to be filled.
    Fill(Slot),
    /// Somebody else filled it meanwhile.
    Filled(PathBuf),
}

/// Waits for the right to fill `folder`.
pub(super) async fn claim(folder: &Path, progress: &dyn Progress) -> Result<Claim, String> {
    let parent = folder.parent().ok_or("the cache folder has no parent")?;
    let failed = |what: &str, path: &Path, error: std::io::Error| {
        format!("cannot {what} `{}`: {error}", path.display())
    };
    std::fs::create_dir_all(parent).map_err(|error| failed("create", parent, error))?;
    let mut path = folder.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let lock = File::create(&path).map_err(|error| failed("create", &path, error))?;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                progress.busy("waiting for another longhaul that gets Temporal", "");
                sleep(Duration::from_millis(300)).await;
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path, error)),
        }
    }
    let program = folder.join("temporal");
    if program.exists() && super::version::probe(&program).await.is_ok() {
        return Ok(Claim::Filled(program));
    }
    let scratch = tempfile::Builder::new()
        .prefix(".temporal-")
        .tempdir_in(parent)
        .map_err(|error| failed("create a folder in", parent, error))?;
    Ok(Claim::Fill(Slot { scratch, folder: folder.to_path_buf(), _lock: lock }))
}

impl Slot {
    /// Puts the finished program at `made`, inside of the scratch folder, in its place.
    pub(super) fn keep(self, made: &Path) -> Result<PathBuf, String> {
        let program = self.folder.join("temporal");
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::rename(made, &program))
            .map_err(|error| format!("cannot create `{}`: {error}", program.display()))?;
        Ok(program)
    }
}
