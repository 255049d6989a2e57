//! `files.write`: a whole text file, replaced all at once.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::Dir;
use cap_tempfile::TempFile;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::root::{Root, inside, written};
use crate::tool::trouble::Trouble;

/// The arguments.
#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    content: String,
}

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    path: String,
    bytes: usize,
    created: bool,
    sha256: String,
}

/// Writes a file.
pub(crate) fn write(root: &Root, arguments: Arguments) -> Result<Written, Trouble> {
    let Arguments { path: asked, content } = arguments;
    let trouble = |error: io::Error| root.trouble(&asked, &error);
    let place = Place::find(root, &asked)?;
    // Hooks and settings of the repository would run as the person who uses it.
    if place.path().components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
        return Err(Trouble::forbidden(format!("`{asked}`: file tools do not write in `.git`")));
    }
    let parent = place.open_parent(root).map_err(trouble)?;
    let old = match parent.symlink_metadata(&place.name) {
        Ok(metadata) if metadata.is_file() => Some(metadata),
        Ok(_) => return Err(Trouble::arguments(format!("`{asked}` exists and is not a file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(trouble(error)),
    };
    let result = Written {
        path: written(&place.path()),
        bytes: content.len(),
        created: old.is_none(),
        sha256: hexadecimal(&Sha256::digest(content.as_bytes())),
    };
    if let Some(metadata) = &old
        && metadata.len() == u64::try_from(content.len()).unwrap_or(u64::MAX)
        && parent.read(&place.name).map_err(trouble)? == content.as_bytes()
    {
        return Ok(result);
    }
    let permissions = old.map(|metadata| metadata.permissions());
    let replace = || {
        let mut file = TempFile::new(&parent)?;
        file.write_all(content.as_bytes())?;
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        file.replace(&place.name)?;
        // The new name is kept, too, once the folder is.
        parent.open(".")?.sync_all()
    };
    replace().map_err(trouble)?;
    Ok(result)
}

/// Where a file is to be: a folder and a name in it.
struct Place {
    folder: PathBuf,
    name: OsString,
}

impl Place {
    /// Where `asked` really leads. A link to a file stands for the file.
    fn find(root: &Root, asked: &str) -> Result<Self, Trouble> {
        let path = inside(asked)?;
        let not_a_name = || Trouble::arguments(format!("`{asked}` does not name a file"));
        if asked.ends_with('/') {
            return Err(not_a_name());
        }
        match root.dir().symlink_metadata(&path) {
            Ok(_) => {
                let real = root.dir().canonicalize(&path).map_err(|error| {
                    if error.kind() == io::ErrorKind::NotFound {
                        let message = format!("`{asked}` is a link that leads nowhere");
                        return Trouble::forbidden(message);
                    }
                    root.trouble(asked, &error)
                })?;
                Self::split(&real).ok_or_else(not_a_name)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Self { folder, name } = Self::split(&path).ok_or_else(not_a_name)?;
                Ok(Self { folder: real_folder(root, asked, &folder)?, name })
            }
            Err(error) => Err(root.trouble(asked, &error)),
        }
    }

    fn split(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_owned();
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Some(Self { folder, name })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Opens the folder, and makes it if it is not there.
    fn open_parent(&self, root: &Root) -> io::Result<Dir> {
        if self.folder.as_os_str().is_empty() {
            return root.dir().try_clone();
        }
        root.dir().create_dir_all(&self.folder)?;
        root.dir().open_dir(&self.folder)
    }
}

/// `folder` free of links, though its last parts may not exist.
fn real_folder(root: &Root, asked: &str, folder: &Path) -> Result<PathBuf, Trouble> {
    for ancestor in folder.ancestors() {
        let existing = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        let rest = folder.strip_prefix(ancestor).unwrap_or(Path::new(""));
        match root.dir().canonicalize(existing) {
            Ok(real) if rest.components().all(|part| matches!(part, Component::Normal(_))) => {
                let real = if real == Path::new(".") { PathBuf::new() } else { real };
                return Ok(real.join(rest));
            }
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(root.trouble(asked, &error)),
        }
    }
    Err(Trouble::arguments(format!("`{asked}`: write the path without `..`")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
