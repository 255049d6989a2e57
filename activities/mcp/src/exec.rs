//! The shim between a worker and a server that is a program: limits, and an end with the worker.
//!
//! The worker starts itself a second time under the word [`VERB`]. That process watches two
//! things: the server, and the pipe on its own standard error, whose other end only the worker
//! has. When the worker closes it or dies, however it dies, the server's whole process group is
//! killed. It starts itself a third time to set the limits and to become the server, so that what
//! watches is not limited by them.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The word under which the program is its own shim.
pub const VERB: &str = "mcp-exec";
/// Between being asked to end and being killed.
const GRACE: Duration = Duration::from_secs(2);
/// The exit code for a server that could not be started.
const NOT_STARTED: u8 = 127;

/// What a server that is a program may use up. What is not named has no limit of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of address space of each of its processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Seconds of processor time of each of its processes, over its whole life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u64>,
    /// Open files of each of its processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Processes of its user, those of others included; not enforced for root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Bytes of a file that it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Node reserves several GiB and uses a fraction of them.
            memory: Some(16 << 30),
            cpu: None,
            files: Some(1_024),
            processes: None,
            file_size: Some(4 << 30),
        }
    }
}

/// How the shim is started: this program under [`VERB`], unless tests say otherwise.
#[derive(Clone, Debug)]
pub struct Shim {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
}

impl Default for Shim {
    fn default() -> Self {
        Self { program: this_program(), args: vec![VERB.into()] }
    }
}

/// This program's file, even if another version was put in its place meanwhile.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("longhaul"))
}

/// What the shim is told.
struct Order {
    limits: Limits,
    /// The process that watches, if this one is to become the server.
    watcher: Option<i32>,
    command: OsString,
    args: Vec<OsString>,
}

impl Order {
    fn words(
        limits: &Limits,
        watcher: Option<u32>,
        command: &OsStr,
        args: &[OsString],
    ) -> Vec<OsString> {
        let limits = serde_json::to_string(limits).unwrap_or_default();
        let mut words: Vec<OsString> = vec!["--limits".into(), limits.into()];
        if let Some(watcher) = watcher {
            words.extend(["--watcher".into(), watcher.to_string().into()]);
        }
        words.extend(["--".into(), command.to_owned()]);
        words.extend(args.iter().cloned());
        words
    }

    fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words.peekable();
        let mut limits = None;
        let mut watcher = None;
        while let Some(word) = words.next() {
            let mut value = || {
                let text = words.next().and_then(|value| value.into_string().ok());
                text.ok_or_else(|| format!("`{}` has no value", word.display()))
            };
            match word.to_str() {
                Some("--limits") => {
                    let read = serde_json::from_str(&value()?);
                    limits = Some(read.map_err(|error| format!("unreadable limits: {error}"))?);
                }
                Some("--watcher") => {
                    let read = value()?.parse::<i32>();
                    watcher =
                        Some(read.map_err(|error| format!("unreadable process id: {error}"))?);
                }
                Some("--") => break,
                Some(_) | None => return Err(format!("unknown option `{}`", word.display())),
            }
        }
        let command = words.next().ok_or("no command is given")?;
        Ok(Self { limits: limits.unwrap_or_default(), watcher, command, args: words.collect() })
    }
}

/// What the shim's own arguments are for a server.
pub(crate) fn arguments(limits: &Limits, command: &str, args: &[String]) -> Vec<OsString> {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    Order::words(limits, None, OsStr::new(command), &args)
}

/// Does the shim's work if these are its arguments, the program's name first; otherwise gives
/// nothing and the program goes on. To be asked before threads are started.
pub fn intercept(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    words.next();
    if words.next().as_deref() != Some(OsStr::new(VERB)) {
        return None;
    }
    let order = match Order::parse(words) {
        Ok(order) => order,
        Err(problem) => return Some(fail(&format!("`{VERB}`: {problem}"))),
    };
    Some(match order.watcher {
        Some(watcher) => become_server(order, watcher),
        None => watch(&order),
    })
}

fn fail(problem: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "longhaul: {problem}");
    ExitCode::from(NOT_STARTED)
}

/// Starts the server, and ends with it or with the worker.
fn watch(order: &Order) -> ExitCode {
    let words = Order::words(&order.limits, Some(std::process::id()), &order.command, &order.args);
    let server = Command::new(this_program())
        .arg0("longhaul")
        .arg(VERB)
        .args(words)
        .process_group(0)
        .spawn();
    let mut server = match server {
        Ok(server) => server,
        Err(error) => return fail(&format!("cannot start the shim again: {error}")),
    };
    // The group is named after its first process.
    let group = Pid::from_raw(server.id().cast_signed());
    let (over, is_over) = channel::<()>();
    thread::spawn(move || end_with_worker(group, &is_over));
    let status = server.wait();
    drop(over);
    // What the server has started ends with it.
    let _ = killpg(group, Signal::SIGKILL);
    match status {
        Ok(status) => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
            ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Err(error) => fail(&format!("cannot wait for the server: {error}")),
    }
}

/// Waits until nobody reads our standard error, then ends the group.
fn end_with_worker(group: Pid, is_over: &Receiver<()>) {
    let stderr = io::stderr();
    loop {
        let mut watched = [PollFd::new(std::os::fd::AsFd::as_fd(&stderr), PollFlags::empty())];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => break,
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
    let _ = killpg(group, Signal::SIGTERM);
    // Closed when the server's first process is gone; the rest of its group is killed then.
    if is_over.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
        let _ = killpg(group, Signal::SIGKILL);
    }
}

/// Sets the limits and becomes the server.
fn become_server(order: Order, watcher: i32) -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
        return fail(&format!("cannot tie the server to its watcher: {error}"));
    }
    // It may have died before it was tied to.
    if nix::unistd::getppid() != Pid::from_raw(watcher) {
        return fail("the worker is gone");
    }
    if let Err(problem) = limit(&order.limits) {
        return fail(&problem);
    }
    let error = Command::new(&order.command).args(order.args).exec();
    fail(&format!("cannot run `{}`: {error}", order.command.display()))
}

fn limit(limits: &Limits) -> Result<(), String> {
    let set = |what: &str, resource: Resource, value: u64| {
        setrlimit(resource, value, value)
            .map_err(|error| format!("cannot limit {what} to {value}: {error}"))
    };
    // A dump would hold the environment.
    set("core dumps", Resource::RLIMIT_CORE, 0)?;
    let chosen = [
        ("files", Resource::RLIMIT_NOFILE, limits.files),
        ("processor time", Resource::RLIMIT_CPU, limits.cpu),
        ("processes", Resource::RLIMIT_NPROC, limits.processes),
        ("file sizes", Resource::RLIMIT_FSIZE, limits.file_size),
        ("memory", Resource::RLIMIT_AS, limits.memory),
    ];
    for (what, resource, value) in chosen {
        if let Some(value) = value {
            set(what, resource, value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! What the shim is told arrives.

    use std::ffi::OsString;

    use super::{Limits, Order, arguments, intercept};

    #[test]
    fn orders_arrive() {
        let limits = Limits { memory: Some(1), cpu: Some(2), ..Limits::default() };
        let args = ["--limits".to_owned(), "-x".to_owned()];
        let order = Order::parse(arguments(&limits, "server", &args).into_iter()).unwrap();
        assert_eq!(order.limits, limits);
        assert_eq!(order.watcher, None);
        assert_eq!(order.command, "server");
        assert_eq!(order.args, ["--limits", "-x"].map(OsString::from));
    }

    #[test]
    fn other_verbs_are_left_alone() {
        let words = ["longhaul", "run", "mcp-exec"].map(OsString::from);
        assert!(intercept(words.into_iter()).is_none());
    }

    #[test]
    fn says_what_it_does_not_understand() {
        let parse = |words: &[&str]| {
            Order::parse(words.iter().map(OsString::from)).map(|_| ()).unwrap_err()
        };
        assert_eq!(parse(&["--limits"]), "`--limits` has no value");
        assert_eq!(parse(&["--fast", "--", "x"]), "unknown option `--fast`");
        assert_eq!(parse(&["--"]), "no command is given");
    }
}
