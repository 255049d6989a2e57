//! A server that is a program: started through the shim, with an environment of its own.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::process::Stdio as Pipe;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rmcp::RoleClient;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadBuf};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::error::{McpError, words};
use crate::exec::{self, Shim};
use crate::settings::{Server, Stdio};
use crate::variables::{Secrets, Variables};

/// What the environment of every server has of the worker's.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];
/// Lines of standard error kept for an error message.
const TAIL_LINES: usize = 12;
/// Bytes of one line of standard error that are logged.
const LINE_BYTES: u64 = 2_048;
/// Bytes of standard error that are logged of one session.
const LOG_BYTES: usize = 256 * 1024;

/// A transport to a running program, and what ends the program when it is dropped.
pub(crate) struct Program {
    pub(crate) transport: AsyncRwTransport<RoleClient, Capped<ChildStdout>, ChildStdin>,
    pub(crate) life: Life,
}

/// The program's life: dropped, its process group is killed.
pub(crate) struct Life {
    listener: JoinHandle<()>,
    tail: Arc<Mutex<VecDeque<String>>>,
    broken: Arc<Mutex<Option<String>>>,
}

impl Drop for Life {
    fn drop(&mut self) {
        // Closes the pipe on the shim's standard error, which is what it waits for.
        self.listener.abort();
    }
}

impl Life {
    /// The last lines that the program wrote to standard error.
    pub(crate) fn last_words(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        words(&tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
    }

    /// Waits until the program has closed its standard error, for at most a moment.
    pub(crate) async fn settle(&mut self) {
        let moment = std::time::Duration::from_millis(500);
        let _ = tokio::time::timeout(moment, &mut self.listener).await;
    }

    /// Why the transport was closed from our side, if it was.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts the program of `server`.
pub(crate) fn start(
    server: &Server,
    stdio: &Stdio,
    shim: &Shim,
    variables: &Variables,
) -> Result<Program, McpError> {
    let (env, secrets) = environment(stdio, variables)?;
    let failed = |reason: String| McpError::Start { server: server.name.clone(), reason };
    let mut command = Command::new(&shim.program);
    command
        .args(&shim.args)
        .args(exec::arguments(&stdio.limits, &stdio.command, &stdio.args))
        .env_clear()
        .envs(env)
        // Ctrl-C in the worker's terminal is for the worker.
        .process_group(0)
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped());
    if let Some(folder) = &stdio.folder {
        command.current_dir(folder);
    }
    let mut child = command.spawn().map_err(|error| failed(format!("no process: {error}")))?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(failed("it has no pipes".to_owned()));
    };
    let name = server.name.clone();
    // Waited for, so that it leaves no zombie.
    tokio::spawn(async move {
        match child.wait().await {
            Ok(status) => tracing::debug!(server = name, %status, "MCP server ended"),
            Err(error) => {
                tracing::warn!(server = name, %error, "MCP server is not known to have ended")
            }
        }
    });
    let tail = Arc::default();
    let broken = Arc::default();
    let listener = tokio::spawn(listen(server.name.clone(), stderr, secrets, Arc::clone(&tail)));
    let most = server.most_bytes();
    let stdout = Capped { inner: stdout, line: 0, most, broken: Arc::clone(&broken) };
    // The reader is capped already; the transport itself would drop a long line and go on, and
    // whoever waits for it would wait for ever.
    let transport = AsyncRwTransport::new(stdout, stdin).with_max_line_length(usize::MAX);
    Ok(Program { transport, life: Life { listener, tail, broken } })
}

fn environment(
    stdio: &Stdio,
    variables: &Variables,
) -> Result<(BTreeMap<String, String>, Secrets), McpError> {
    let mut secrets = Secrets::default();
    let mut env: BTreeMap<String, String> = PASSED_ON
        .into_iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| (name.to_owned(), value)))
        .collect();
    for (name, value) in &stdio.env {
        env.insert(name.clone(), variables.fill(value, &mut secrets)?);
    }
    Ok((env, secrets))
}

/// Takes standard error into the log, as long as there is any.
async fn listen(
    server: String,
    stderr: ChildStderr,
    secrets: Secrets,
    tail: Arc<Mutex<VecDeque<String>>>,
) {
    let mut stderr = BufReader::new(stderr);
    let mut logged = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        // A longer line is logged in pieces.
        match (&mut stderr).take(LINE_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = secrets.mask(String::from_utf8_lossy(&line).trim_end());
        if text.is_empty() {
            continue;
        }
        let before = logged;
        logged += text.len();
        if logged <= LOG_BYTES {
            tracing::info!(target: "longhaul::mcp", server, "{text}");
        } else if before <= LOG_BYTES {
            tracing::warn!(target: "longhaul::mcp", server, "the rest of its standard error is not logged");
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(text);
    }
}

/// Reads, and breaks off when a line is longer than allowed.
pub(crate) struct Capped<R> {
    inner: R,
    line: usize,
    most: usize,
    broken: Arc<Mutex<Option<String>>>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Capped<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        self.line = match fresh.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => fresh.len() - newline - 1,
            None => self.line + fresh.len(),
        };
        if self.line > self.most {
            buffer.set_filled(before);
            let problem = format!("a message of it is longer than {} bytes", self.most);
            *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.clone());
            return Poll::Ready(Err(io::Error::other(problem)));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    //! The cap, and the environment.

    use std::collections::BTreeMap;
    use std::sync::Arc;

    use tokio::io::AsyncReadExt as _;

    use super::{Capped, environment};
    use crate::settings::Stdio;
    use crate::variables::Variables;

    async fn read(text: &str, most: usize) -> (Result<String, String>, Option<String>) {
        let broken = Arc::default();
        let mut capped =
            Capped { inner: text.as_bytes(), line: 0, most, broken: Arc::clone(&broken) };
        let mut out = String::new();
        let read = capped.read_to_string(&mut out).await;
        let problem = broken.lock().unwrap().clone();
        (read.map(|_| out).map_err(|error| error.to_string()), problem)
    }

    #[tokio::test]
    async fn lines_may_be_many_but_not_long() {
        let short = "1234\n".repeat(100);
        assert_eq!(read(&short, 4).await, (Ok(short.clone()), None));
        let (read, problem) = read("1234\n12345", 4).await;
        let told = "a message of it is longer than 4 bytes".to_owned();
        assert_eq!((read, problem), (Err(told.clone()), Some(told)));
    }

    #[test]
    fn the_environment_is_what_the_settings_name() {
        let variables = Variables::new(|name| (name == "A").then(|| "secret-a".to_owned()));
        let env = BTreeMap::from([("TOKEN".to_owned(), "${A}".to_owned())]);
        let (env, secrets) = environment(&Stdio { env, ..Stdio::default() }, &variables).unwrap();
        assert_eq!(env["TOKEN"], "secret-a");
        assert!(
            env.keys().all(|name| ["PATH", "HOME", "LANG", "TOKEN"].contains(&&**name)),
            "{env:?}"
        );
        assert_eq!(secrets.mask("it is secret-a"), "it is [A]");
    }
}
