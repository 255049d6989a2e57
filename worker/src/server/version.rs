//! Versions of Temporal, and whether one will do.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::process;

/// The Temporal command line that Longhaul builds, downloads or runs in a container.
pub(super) const CLI: &str = "1.5.1";
/// The server inside it.
pub(super) const SERVER: Version = Version { major: 1, minor: 29, patch: 1 };
/// The oldest server that has all that runs need: updates and the details shown in the Web UI.
pub(super) const OLDEST: Version = Version { major: 1, minor: 27, patch: 0 };

/// How long a program may take to tell its version; a cold disk makes this slow.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A version of the Temporal server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// First number.
    pub(super) major: u32,
    /// Second number.
    pub(super) minor: u32,
    /// Third number.
    pub(super) patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Reads `1.29.1`, with anything after the third number ignored.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end)?.parse().ok()
        });
        Some(Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? })
    }
}

/// The version of the server inside the command line at `program`, if it will do.
pub(super) async fn probe(program: &Path) -> Result<Version, String> {
    let mut command = Command::new(program);
    command.arg("--version");
    let output = process::run(command, ANSWER_WITHIN).await?;
    if !output.success {
        return Err(format!("`--version` failed: {}", first_line(&output.text)));
    }
    judge(&output.text)
}

/// Reads `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`.
fn judge(text: &str) -> Result<Version, String> {
    let version =
        text.split_once("Server ").and_then(|(_, rest)| Version::parse(rest)).ok_or_else(|| {
            format!("`--version` names no server version, but says `{}`", first_line(text))
        })?;
    if version < OLDEST {
        return Err(format!("its server is {version}, too old: {OLDEST} or later is needed"));
    }
    Ok(version)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_version_is_read() {
        let text = "temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)";
        assert_eq!(judge(text), Ok(SERVER));
        let text = "temporal version 1.6.2 (Server 1.31.0-151.3, UI 2.45.0)";
        assert_eq!(judge(text), Ok(Version { major: 1, minor: 31, patch: 0 }));
    }

    #[test]
    fn an_old_or_strange_program_is_refused() {
        assert_eq!(
            judge("temporal version 0.10.7 (server 1.20.1) (ui 2.9.0)"),
            Err("`--version` names no server version, but says `temporal version 0.10.7 \
                 (server 1.20.1) (ui 2.9.0)`"
                .to_owned())
        );
        assert_eq!(
            judge("temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)"),
            Err("its server is 1.25.0, too old: 1.27.0 or later is needed".to_owned())
        );
        assert_eq!(
            judge(""),
            Err("`--version` names no server version, but says `nothing`".to_owned())
        );
    }
}
