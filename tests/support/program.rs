//! The program under test as child processes, and the stock `temporal` command line.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use longhaul::server::SearchPath;
use serde_json::Value;
use tokio::process::Command;

mod worker;

pub use worker::{Worker, WorkerSetup};

/// How long a command may take before the test gives it up.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// Prefixes of variables that would change what the program does.
const OUTSIDE: [&str; 8] = [
    "LONGHAUL_",
    "TEMPORAL_",
    "OTEL_",
    "OPENAI_",
    "ANTHROPIC_",
    "GEMINI_",
    "RUST_LOG",
    "TRACEPARENT",
];

/// What a command printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command, for messages.
    pub command: String,
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The same, asserted to have ended with that exit code.
    ///
    /// # Panics
    /// With everything that was printed, if it ended otherwise.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// The same, asserted to have succeeded.
    #[must_use]
    pub fn ok(self) -> Self {
        self.expect(0)
    }

    /// Standard output as one JSON document.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON document ({error}) from {self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "`{command}` ({code:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A program that tests run: the one under test, or the stock `temporal`.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    folder: PathBuf,
    /// Arguments after those of the caller.
    last: Vec<String>,
}

impl Program {
    /// The program under test, run in `folder`.
    pub fn under_test(path: &Path, folder: &Path) -> Self {
        Self { path: path.to_path_buf(), folder: folder.to_path_buf(), last: Vec::new() }
    }

    /// The stock command line of Temporal: the one on `PATH`, or the one that the resolver built.
    ///
    /// # Panics
    /// If there is neither, as on a machine where the resolver took a container.
    pub fn temporal(folder: &Path, address: &str) -> Self {
        let search = SearchPath::from_env();
        let folders = std::env::split_paths(&search.path).chain(search.cache.clone());
        let path = folders
            .map(|folder| folder.join("temporal"))
            .find(|file| file.is_file())
            .expect("the Temporal command line, on PATH or in the cache of `longhaul`");
        let last = ["--address", address, "--namespace", "default"].map(str::to_owned).to_vec();
        Self { path, folder: folder.to_path_buf(), last }
    }

    /// Runs it with those arguments to its end.
    ///
    /// # Panics
    /// If it cannot be started or takes more than two minutes.
    pub async fn run<S: Into<String>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        finish(command).await
    }

    /// The same with `input` on standard input.
    pub async fn run_with_input<S: Into<String>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Output {
        let mut file = tempfile::tempfile().expect("a temporary file");
        std::io::Write::write_all(&mut file, input.as_bytes()).expect("write the input");
        std::io::Seek::rewind(&mut file).expect("rewind the input");
        let mut command = self.command(arguments);
        command.stdin(file).kill_on_drop(true);
        finish(command).await
    }

    /// A command that is not started yet, free of settings from outside of the test.
    pub fn command<S: Into<String>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = std::process::Command::new(&self.path);
        command.args(arguments.into_iter().map(Into::into)).args(&self.last);
        command.current_dir(&self.folder).process_group_of_its_own();
        without_outside_settings(&mut command);
        command.env("TEMPORAL_CONFIG_FILE", self.folder.join("temporal.toml"));
        command.env("NO_COLOR", "1");
        Command::from(command)
    }
}

trait OwnGroup {
    /// Ctrl-C in the terminal of the tests does not reach it.
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OwnGroup for std::process::Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}

/// Removes the variables by which the surroundings of the tests could change what a child does.
pub(crate) fn without_outside_settings(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_proxy = text.to_lowercase().ends_with("_proxy");
        if is_proxy || OUTSIDE.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

async fn finish(mut command: Command) -> Output {
    let line = command.as_std();
    let line = std::iter::once(line.get_program())
        .chain(line.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output())
        .await
        .unwrap_or_else(|_| panic!("`{line}` did not end within {COMMAND_TIMEOUT:?}"))
        .unwrap_or_else(|error| panic!("cannot run `{line}`: {error}"));
    Output {
        command: line,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
