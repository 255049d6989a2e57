//! What is printed when a run is over, or when it is left waiting.

use std::process::ExitCode;

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::run::{BlockedView, StatusView};
use serde::Serialize;
use serde_json::Value;

use super::context::now;
use super::exit;
use crate::client::{Ending, Run};
use crate::output::{self, Stream};
use crate::view::gate;
use crate::view::run::answer_text;
use crate::view::words::harmless;

/// A run's status with its ids, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RunReport {
    /// The workflow id.
    pub(super) id: String,
    /// The run id.
    pub(super) run_id: String,
    /// Where it stands.
    #[serde(flatten)]
    pub(super) status: StatusView,
}

impl RunReport {
    /// Asks the run and the server.
    pub(super) async fn of(run: &Run) -> anyhow::Result<Self> {
        let run_id = run.vitals().await?.run_id;
        Ok(Self { id: run.id().to_owned(), run_id, status: run.status().await? })
    }
}

/// Prints how a run ended: the answer on standard output, everything else as an error.
pub(super) async fn print(run: &Run, ending: &Ending) -> ExitCode {
    let id = run.id();
    match ending {
        Ending::Completed(value) => {
            Stream::Out.line(answer(run, value).await);
            return ExitCode::SUCCESS;
        }
        Ending::Failed { kind, message } if kind.is_empty() => {
            output::error(format_args!("run `{id}` failed: {}", harmless(message)));
        }
        Ending::Failed { kind, message } => {
            output::error(format_args!("run `{id}` failed ({kind}): {}", harmless(message)));
        }
        Ending::Cancelled => output::error(format_args!("run `{id}` was cancelled")),
        Ending::Terminated => output::error(format_args!("run `{id}` was terminated")),
        Ending::TimedOut => {
            output::error(format_args!("run `{id}` ran out of its execution timeout"))
        }
    }
    exit::FAILED
}

/// An answer as people read it, read from the store where history has its beginning alone.
pub(super) async fn answer(run: &Run, answer: &Value) -> String {
    match run.whole_answer(answer).await {
        Ok(Some(whole)) => answer_text(&whole),
        Ok(None) => answer_text(answer),
        Err(error) => {
            output::error(format_args!("only the beginning of the answer can be shown: {error}"));
            let beginning = answer.get("preview").unwrap_or(answer);
            answer_text(beginning)
        }
    }
}

/// The exit code alone, for `--json`.
pub(super) fn code(ending: &Ending) -> ExitCode {
    match ending {
        Ending::Completed(_) => ExitCode::SUCCESS,
        Ending::Failed { .. } | Ending::Cancelled | Ending::Terminated | Ending::TimedOut => {
            exit::FAILED
        }
    }
}

/// Says which gates are open and how to decide them.
pub(crate) fn print_gates(id: &str, open: &[ApprovalRequest], stream: Stream) -> ExitCode {
    let paint = stream.paint();
    stream.line(paint.attention(format_args!("run {id} waits for approval:")));
    for request in open {
        stream.line(format_args!("  {}", gate::one_line(request, now(), paint)));
    }
    if let Some(request) = open.first() {
        let gate = &request.id;
        for (verb, why) in [("show", ""), ("approve", ""), ("deny", " --reason \"…\"")] {
            let command = format!("longhaul approvals {verb} {id}/{gate}{why}");
            stream.line(format_args!("  {}", paint.accent(command)));
        }
    }
    exit::waits()
}

/// Says what blocks a run and what mends it.
pub(crate) fn print_blocked(id: &str, blocked: &BlockedView, stream: Stream) -> ExitCode {
    let paint = stream.paint();
    stream.line(paint.attention(format_args!(
        "run {id} is blocked by {}: {}",
        blocked.kind.as_str(),
        harmless(&blocked.message)
    )));
    stream.line(format_args!(
        "  once it is mended: {}",
        paint.accent(format_args!("longhaul retry {id}"))
    ));
    exit::waits()
}
