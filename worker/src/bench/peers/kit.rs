//! The programs of the peers with their packages: found in the user's cache, or installed there.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::peer::{Language, Peer};
use crate::process::run;
use crate::server::{Progress, SearchPath};

#[cfg(test)]
mod tests;

/// How long one step of an installation may take.
const STEP: Duration = Duration::from_secs(900);
/// The file that tells which packages are installed: a copy of what pins them, written last.
const INSTALLED: &str = "installed";
/// How much of what a failed installer says is shown.
const TOLD_LINES: usize = 8;

/// A peer that can be started.
#[derive(Clone, Debug)]
pub struct Kit {
    /// Which.
    pub peer: Peer,
    folder: PathBuf,
    runs: PathBuf,
}

/// A peer that cannot be measured here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not measured: {why}\nhint: {hint}", peer.name())]
pub struct Missing {
    /// Which.
    pub peer: Peer,
    /// Why not.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl Kit {
    /// Finds the peer below the folder `home`, and with `install` installs it if need be.
    ///
    /// # Errors
    /// If it is not there, or cannot be installed.
    pub async fn get(
        peer: Peer,
        home: &Path,
        search: &SearchPath,
        install: bool,
        progress: &dyn Progress,
    ) -> Result<Self, Missing> {
        let kit = Self::at(peer, home, search)?;
        let installed = kit.is_installed();
        if !installed && !install {
            let why = format!("its packages are not in `{}`", kit.folder.display());
            let hint = format!("`longhaul bench peers --install --only {}`", peer.name());
            return Err(Missing { peer, why, hint });
        }
        kit.write().map_err(|error| kit.failed(format!("cannot write its program: {error}")))?;
        if !installed {
            progress.busy("installing", peer.name());
            let done = kit.install(search).await;
            progress.idle();
            done.map_err(|why| kit.failed(why))?;
        }
        Ok(kit)
    }

    /// Waits for the right to install; it ends when the file is closed.
    async fn lock(&self) -> Result<File, String> {
        let mut path = self.folder.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let failed = |error: std::io::Error| format!("cannot lock `{}`: {error}", path.display());
        let file = File::create(&path).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(300)).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// The command that starts its program.
    pub fn command(&self) -> Command {
        let mut command = clean(Command::new(&self.runs));
        command.arg(match self.peer.language() {
            Language::Python => "agent.py",
            Language::Node => "agent.mjs",
        });
        command.current_dir(&self.folder);
        command
    }

    /// The command that starts a program that one of its Node packages has.
    pub fn package_command(&self, name: &str) -> Command {
        clean(Command::new(self.folder.join("node_modules/.bin").join(name)))
    }

    /// Where it would be, if its language is there.
    fn at(peer: Peer, home: &Path, search: &SearchPath) -> Result<Self, Missing> {
        let folder = home.join(peer.name());
        let lacks = |program: &str, hint: &str| Missing {
            peer,
            why: format!("there is no `{program}` on PATH"),
            hint: hint.to_owned(),
        };
        let runs = match peer.language() {
            Language::Python => {
                if search.program("uv").is_none() && search.program("python3").is_none() {
                    return Err(lacks(
                        "python3",
                        "install Python 3.10 or newer with `venv`, or uv",
                    ));
                }
                folder.join("python/bin/python")
            }
            Language::Node => search
                .program("node")
                .filter(|_| search.program("npm").is_some())
                .ok_or_else(|| lacks("node` and `npm", "install Node 20 or newer with npm"))?,
        };
        Ok(Self { peer, folder, runs })
    }

    /// Whether exactly the pinned packages are installed.
    fn is_installed(&self) -> bool {
        let installed = std::fs::read_to_string(self.folder.join(INSTALLED));
        installed.is_ok_and(|pins| pins == self.peer.pins())
    }

    /// Writes the program, which may be newer than what is there.
    fn write(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        for (name, text) in self.peer.files() {
            std::fs::write(self.folder.join(name), text)?;
        }
        Ok(())
    }

    async fn install(&self, search: &SearchPath) -> Result<(), String> {
        let _lock = self.lock().await?;
        if self.is_installed() {
            // Somebody else was at it.
            return Ok(());
        }
        let _ = std::fs::remove_file(self.folder.join(INSTALLED));
        let uv = search.program("uv");
        let python = search.program("python3");
        let pins = ["-r", "requirements.txt"];
        match (self.peer.language(), uv, python) {
            (Language::Node, _, _) => {
                // Nothing of the packages runs before it is measured; they need no scripts.
                let npm = search.program("npm").unwrap_or_else(|| "npm".into());
                let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
                self.step(&npm, &arguments).await?;
            }
            (Language::Python, Some(uv), _) => {
                self.step(&uv, &["venv", "--clear", "python"]).await?;
                let to = ["pip", "install", "--python", "python/bin/python"];
                self.step(&uv, &[&to[..], &pins].concat()).await?;
            }
            (Language::Python, None, python) => {
                let python = python.unwrap_or_else(|| "python3".into());
                self.step(&python, &["-m", "venv", "--clear", "python"]).await?;
                let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
                self.step(&self.runs, &[&pip[..], &pins].concat()).await?;
            }
        }
        let done = std::fs::write(self.folder.join(INSTALLED), self.peer.pins());
        done.map_err(|error| format!("cannot write to `{}`: {error}", self.folder.display()))
    }

    /// Runs a program in the peer's folder.
    async fn step(&self, program: &Path, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        let told = format!("`{} {}`", program.display(), arguments.join(" "));
        let output = run(command, STEP).await.map_err(|why| format!("{told}: {why}"))?;
        if output.success {
            return Ok(());
        }
        Err(format!("{told} failed:{}", last_lines(&output.text, TOLD_LINES)))
    }

    fn failed(&self, why: String) -> Missing {
        let hint = format!(
            "packages come from the registries that pip and npm are set up for; `{}` may be \
             deleted",
            self.folder.display()
        );
        Missing { peer: self.peer, why, hint }
    }
}

/// A command without what the environment says to other programs of its kind.
fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["TEMPORAL_", "RESTATE_", "OPENAI_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// The last lines of a text, each on an indented line of its own.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(count)..).unwrap_or_default();
    last.iter().map(|line| format!("\n  {line}")).collect()
}
