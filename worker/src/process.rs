//! Child processes in groups of their own: started, stopped, killed and recognised again.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

#[cfg(test)]
mod tests;

/// How often a process that is not our child is looked at while it ends.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What can go wrong with a child process.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program's path.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It was started and cannot be watched.
    #[error("cannot watch process {pid}: {source}")]
    Watch {
        /// Its id.
        pid: i32,
        /// Why.
        source: io::Error,
    },
}

/// A process that cannot be mistaken for a later one with the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id, which is also the id of its group if Longhaul started it.
    pub pid: i32,
    /// When it started, in whatever unit the system tells.
    pub started: String,
}

impl Identity {
    /// The living process `pid`; none if there is none, or only its remains.
    pub fn of(pid: i32) -> Option<Self> {
        let started = if cfg!(target_os = "linux") { from_proc(pid) } else { from_ps(pid) };
        started.map(|started| Self { pid, started })
    }

    /// This process.
    pub fn current() -> Option<Self> {
        Self::of(Pid::this().as_raw())
    }

    /// Whether it still lives.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        while self.is_alive() {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks its group to end with `signal`, and kills the group after `grace`.
    pub async fn stop(&self, signal: Signal, grace: Duration) -> Ending {
        if !self.is_alive() {
            return Ending::Ended;
        }
        signal_group(self.pid, signal);
        let ending = match timeout(grace, self.ended()).await {
            Ok(()) => Ending::Ended,
            Err(_) => Ending::Killed,
        };
        self.kill9();
        ending
    }

    /// Kills its group with SIGKILL, if it still lives.
    pub fn kill9(&self) {
        if self.is_alive() {
            signal_group(self.pid, Signal::SIGKILL);
        }
    }
}

/// How a process that was asked to end did so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, within the grace period.
    Ended,
    /// It had to be killed.
    Killed,
}

/// A child in a process group of its own, so that Ctrl-C in the terminal does not reach it.
///
/// Dropping it kills the whole group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    identity: Identity,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a new process group.
    pub fn start(mut command: Command) -> Result<Self, ProcessError> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let failed = |source| ProcessError::Start { program: program.clone(), source };
        let child = command.process_group(0).spawn().map_err(failed)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        // A child that is gone already has no start time; nothing can be mistaken for it.
        let identity = Identity::of(pid).unwrap_or(Identity { pid, started: String::new() });
        Ok(Self { child, identity, ended: None })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.identity.pid
    }

    /// The child's handle, to take its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let status = self.child.wait().await.map_err(|source| self.unwatched(source))?;
        self.ended = Some(status);
        // What the child left behind in its group ends with it.
        signal_group(self.identity.pid, Signal::SIGKILL);
        Ok(status)
    }

    /// Its exit status, if it has ended.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().map_err(|source| self.unwatched(source))?;
        }
        Ok(self.ended)
    }

    /// Asks it to end with `signal`, and kills its group after `grace`.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) -> Result<Ending, ProcessError> {
        if self.try_wait()?.is_some() {
            return Ok(Ending::Ended);
        }
        signal_group(self.identity.pid, signal);
        if let Ok(ended) = timeout(grace, self.wait()).await {
            return ended.map(|_| Ending::Ended);
        }
        self.kill9().await?;
        Ok(Ending::Killed)
    }

    /// Kills its group with SIGKILL and waits until it is gone.
    pub async fn kill9(&mut self) -> Result<ExitStatus, ProcessError> {
        if self.ended.is_none() {
            signal_group(self.identity.pid, Signal::SIGKILL);
        }
        self.wait().await
    }

    fn unwatched(&self, source: io::Error) -> ProcessError {
        ProcessError::Watch { pid: self.identity.pid, source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            signal_group(self.identity.pid, Signal::SIGKILL);
        }
    }
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Whether it ended with 0.
    pub success: bool,
    /// Standard output and standard error, one after the other, trimmed.
    pub text: String,
}

/// Runs a short command to its end; it is killed when `most` has passed.
pub async fn run(mut command: Command, most: Duration) -> Result<Output, String> {
    let begun = Instant::now();
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    match timeout(most, command.output()).await {
        Ok(Ok(output)) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            Ok(Output { success: output.status.success(), text: text.trim().to_owned() })
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {:.0} s", begun.elapsed().as_secs_f64())),
    }
}

/// Sends `signal` to the group that process `pid` leads. A group that is gone is no error.
fn signal_group(pid: i32, signal: Signal) {
    // 0 and 1 would reach our own group and everything.
    if pid <= 1 {
        return;
    }
    match killpg(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        // macOS answers so when only the remains of the leader are left.
        Err(errno) => tracing::debug!(pid, %signal, %errno, "signal not delivered"),
    }
}

/// The start time in clock ticks since boot, from `/proc`.
fn from_proc(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command's name in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    // Fields 3 (state) to 22 (start time).
    let started = fields.nth(18)?;
    (state != "Z" && state != "X").then(|| started.to_owned())
}

/// The start time as a date, from `ps`.
fn from_ps(pid: i32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (state, started) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| started.trim().to_owned())
}
