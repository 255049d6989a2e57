//! Runs the pinned Temporal image in a container engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{getgid, getuid};
use tokio::process::Command;

use super::ports::Ports;
use super::progress::Progress;
use crate::process;

/// The engines looked for, in order.
pub(super) const ENGINES: [&str; 2] = ["docker", "podman"];
/// The image of the pinned Temporal command line.
pub(super) const IMAGE: &str = "temporalio/temporal:1.5.1";
/// Where the state folder is inside of the container.
pub(super) const STATE: &str = "/state";

/// How long an engine may take to say that it runs.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long the image may take to come.
const PULL_WITHIN: Duration = Duration::from_secs(600);

/// A container engine that runs and has the image.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// `docker` or `podman`.
    pub(super) name: &'static str,
    /// Its program.
    pub(super) program: PathBuf,
}

/// Makes sure that the engine runs and has the image.
pub(super) async fn prepare(
    name: &'static str,
    program: &Path,
    progress: &dyn Progress,
) -> Result<Engine, String> {
    let engine = Engine { name, program: program.to_path_buf() };
    // `info` answers even where no engine runs, so ask for something only the engine knows.
    let format = if name == "docker" { "{{.ServerVersion}}" } else { "{{.Version.Version}}" };
    let info = engine.run(&["info", "--format", format], ANSWER_WITHIN).await?;
    if !info.success || info.text.is_empty() {
        let said = info.text.lines().last().unwrap_or("nothing").trim();
        return Err(format!("installed, but does not run: {said}"));
    }
    let inspect = engine.run(&["image", "inspect", IMAGE], ANSWER_WITHIN).await?;
    if !inspect.success {
        let what = format!("pulling `{IMAGE}` with `{name}`");
        let args = ["pull", "--quiet", IMAGE];
        let mut pull = Box::pin(engine.run(&args, PULL_WITHIN));
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        let pulled = loop {
            tokio::select! {
                pulled = &mut pull => break pulled?,
                _ = tick.tick() => progress.busy(&what, ""),
            }
        };
        if !pulled.success {
            let said = pulled.text.lines().last().unwrap_or("nothing").trim();
            return Err(format!("runs, but cannot pull `{IMAGE}`: {said}"));
        }
    }
    Ok(engine)
}

impl Engine {
    async fn run(&self, args: &[&str], most: Duration) -> Result<process::Output, String> {
        let mut command = Command::new(&self.program);
        command.args(args);
        process::run(command, most).await
    }

    /// The command that runs `server`, the arguments of the Temporal command line, in a container
    /// called `container`, with `state` mounted if given.
    pub(super) fn command(
        &self,
        container: &str,
        ports: &Ports,
        state: Option<&Path>,
        server: &[String],
    ) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--rm", "--init", "--name", container]);
        for port in [ports.grpc, ports.ui, ports.http, ports.metrics] {
            command.args(["--publish", &format!("127.0.0.1:{port}:{port}")]);
        }
        // What the server writes in the state folder belongs to the user.
        if self.name == "podman" {
            command.arg("--userns=keep-id");
        }
        command.args(["--user", &format!("{}:{}", getuid(), getgid())]);
        if let Some(state) = state {
            let mut volume = state.as_os_str().to_owned();
            volume.push(format!(":{STATE}"));
            command.arg("--volume").arg(volume);
        }
        command.arg(IMAGE).args(server);
        command
    }

    /// Removes the container, if its client was killed before it could.
    pub(super) async fn remove(&self, container: &str) {
        // A container that is gone already is what is wanted.
        let _ = self.run(&["rm", "--force", container], Duration::from_secs(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_pinned_command_line() {
        assert_eq!(IMAGE, format!("temporalio/temporal:{}", super::super::version::CLI));
    }

    #[test]
    fn a_container_gets_ports_user_and_state() {
        let engine = Engine { name: "docker", program: PathBuf::from("/usr/bin/docker") };
        let ports = Ports { grpc: 7233, ui: 8233, http: 4, metrics: 5 };
        let server = ["server".to_owned(), "start-dev".to_owned()];
        let command =
            engine.command("longhaul-1", &ports, Some(Path::new("/w/.longhaul")), &server);
        let args: Vec<_> =
            command.as_std().get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let user = format!("{}:{}", getuid(), getgid());
        assert_eq!(
            args,
            [
                "run",
                "--rm",
                "--init",
                "--name",
                "longhaul-1",
                "--publish",
                "127.0.0.1:7233:7233",
                "--publish",
                "127.0.0.1:8233:8233",
                "--publish",
                "127.0.0.1:4:4",
                "--publish",
                "127.0.0.1:5:5",
                "--user",
                &user,
                "--volume",
                "/w/.longhaul:/state",
                "temporalio/temporal:1.5.1",
                "server",
                "start-dev",
            ]
        );
    }
}
