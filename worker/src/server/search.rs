//! Looks for something that can run a Temporal server, in a fixed order.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::container::Engine;
use super::error::{Attempt, ServerError};
use super::progress::Progress;
use super::version::{self, Version};
use super::{container, download, go_build};

#[cfg(test)]
mod tests;

/// Where programs are looked for and where the one built or downloaded is kept.
#[derive(Clone, Debug)]
pub struct SearchPath {
    /// As the variable `PATH`.
    pub path: OsString,
    /// The folder of the pinned command line, if the user has a cache folder.
    pub cache: Option<PathBuf>,
    /// Whether the pinned command line may be downloaded.
    pub download: bool,
}

impl SearchPath {
    /// The user's: `PATH`, and `$XDG_CACHE_HOME/longhaul` or what the platform has for it.
    pub fn from_env() -> Self {
        let folder = format!("temporal-{}", version::CLI);
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            cache: user_cache().map(|cache| cache.join(folder)),
            download: true,
        }
    }

    /// The first executable file called `name`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    }
}

/// Where this user's programs that Longhaul got are kept, if the user has a cache folder.
pub fn user_cache() -> Option<PathBuf> {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(dirs::cache_dir)
        .map(|base| base.join("longhaul"))
}

/// Something that can run a server.
#[derive(Clone, Debug)]
pub(super) enum Runner {
    /// The Temporal command line.
    Binary(PathBuf),
    /// A container engine with the pinned image at hand.
    Container(Engine),
}

/// What a search came to.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) runner: Runner,
    /// Version of the server.
    pub(super) version: Version,
    /// Which it is and why it was taken.
    pub(super) why: String,
    /// What was tried before it.
    pub(super) skipped: Vec<Attempt>,
}

/// Looks in this order: `temporal` on `PATH`, the one built or downloaded before, a running
/// container engine, `go` on `PATH` to build it, a download.
pub(super) async fn search(
    place: &SearchPath,
    progress: &dyn Progress,
) -> Result<Found, ServerError> {
    let mut tried = Vec::new();
    let found = on_path(place, &mut tried).await;
    let found = match found {
        None => cached(place, &mut tried).await,
        some => some,
    };
    let found = match found {
        None => in_container(place, progress, &mut tried).await,
        some => some,
    };
    let found = match found {
        None => built(place, progress, &mut tried).await,
        some => some,
    };
    let found = match found {
        None => downloaded(place, progress, &mut tried).await,
        some => some,
    };
    progress.idle();
    match found {
        Some((runner, version, why)) => Ok(Found { runner, version, why, skipped: tried }),
        None => Err(ServerError::NotFound { tried }),
    }
}

type Candidate = Option<(Runner, Version, String)>;

async fn on_path(place: &SearchPath, tried: &mut Vec<Attempt>) -> Candidate {
    let what = "`temporal` on PATH".to_owned();
    let Some(program) = place.program("temporal") else {
        tried.push(Attempt { what, why: "not there".to_owned() });
        return None;
    };
    match version::probe(&program).await {
        Ok(version) => {
            let why = format!("`temporal` on PATH ({})", program.display());
            Some((Runner::Binary(program), version, why))
        }
        Err(trouble) => {
            let why = format!("`{}`: {trouble}", program.display());
            tried.push(Attempt { what, why });
            None
        }
    }
}

async fn cached(place: &SearchPath, tried: &mut Vec<Attempt>) -> Candidate {
    let what = format!("Temporal {} built or downloaded before", version::CLI);
    let Some(cache) = &place.cache else {
        tried.push(Attempt { what, why: "this user has no cache folder".to_owned() });
        return None;
    };
    let program = cache.join("temporal");
    if !is_executable(&program) {
        let why = format!("no `{}`", program.display());
        tried.push(Attempt { what, why });
        return None;
    }
    match version::probe(&program).await {
        Ok(version) => {
            let why = format!("built or downloaded before ({})", program.display());
            Some((Runner::Binary(program), version, why))
        }
        Err(trouble) => {
            let why = format!("`{}`: {trouble}", program.display());
            tried.push(Attempt { what, why });
            None
        }
    }
}

async fn in_container(
    place: &SearchPath,
    progress: &dyn Progress,
    tried: &mut Vec<Attempt>,
) -> Candidate {
    for name in container::ENGINES {
        let what = format!("container engine `{name}`");
        let why = match place.program(name) {
            None => "not on PATH".to_owned(),
            Some(program) => match container::prepare(name, &program, progress).await {
                Ok(engine) => {
                    let why = format!("image `{}` in `{name}`", container::IMAGE);
                    return Some((Runner::Container(engine), version::SERVER, why));
                }
                Err(why) => why,
            },
        };
        tried.push(Attempt { what, why });
    }
    None
}

async fn built(place: &SearchPath, progress: &dyn Progress, tried: &mut Vec<Attempt>) -> Candidate {
    let what = "`go` on PATH, to build it".to_owned();
    let why = match (place.program("go"), &place.cache) {
        (None, _) => "not there".to_owned(),
        (Some(_), None) => "this user has no cache folder".to_owned(),
        (Some(go), Some(cache)) => match go_build::build(&go, place, cache, progress).await {
            Ok(program) => match version::probe(&program).await {
                Ok(version) => {
                    let why = format!("built with `go` ({})", program.display());
                    return Some((Runner::Binary(program), version, why));
                }
                Err(why) => why,
            },
            Err(why) => why,
        },
    };
    tried.push(Attempt { what, why });
    None
}

async fn downloaded(
    place: &SearchPath,
    progress: &dyn Progress,
    tried: &mut Vec<Attempt>,
) -> Candidate {
    let what = format!("download from {}", download::HOST);
    let why = match &place.cache {
        _ if !place.download => "not allowed here".to_owned(),
        None => "this user has no cache folder".to_owned(),
        Some(cache) => match download::fetch(cache, progress).await {
            Ok(program) => match version::probe(&program).await {
                Ok(version) => {
                    let why = format!("downloaded ({})", program.display());
                    return Some((Runner::Binary(program), version, why));
                }
                Err(why) => why,
            },
            Err(why) => why,
        },
    };
    tried.push(Attempt { what, why });
    None
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
