//! What a worker does with the journals of the dead: their calls fail at once instead of when
//! their heartbeat is missed, and their runs are handed out to anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, stream};
use longhaul_contract::failure::FailureKind;
use temporalio_client::Client;
use temporalio_client::tonic::{Code, IntoRequest as _, Status};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_common::protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    ResetStickyTaskQueueRequest, RespondActivityTaskFailedRequest,
};

use super::file::Dead;
use super::ledger::{Ledger, Line};
use super::{Call, Header, Run};

/// Runs that are looked after at the same time.
const AT_ONCE: usize = 32;
/// Under what name the server hears of it.
const IDENTITY: &str = "longhaul crash journal";
const MESSAGE: &str = "the worker that made the call died in the middle of it";

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Journals of dead workers.
    pub journals: u64,
    /// Calls that were in flight, and that the server did not know to have ended.
    pub calls: u64,
    /// Runs that were in a dead worker's memory.
    pub runs: u64,
    /// Requests that the server did not answer, or refused for another reason than that there is
    /// nothing left to do.
    pub problems: u64,
}

/// One run of a dead worker, with what it had in flight.
#[derive(Debug, PartialEq, Eq)]
struct Estate {
    run: Run,
    calls: Vec<Call>,
}

/// Takes over the journals in `folder` that dead workers of the same `header` have left.
///
/// A journal is deleted after its calls and runs were looked after, so a worker that dies meanwhile
/// leaves it to the next.
pub async fn take_over(client: &Client, folder: PathBuf, header: &Header) -> Taken {
    let wanted = header.clone();
    let found = tokio::task::spawn_blocking(move || claim(&folder, &wanted)).await;
    let mut taken = Taken::default();
    for (dead, ledger) in found.unwrap_or_default() {
        let before = taken.problems;
        settle(client, header, &ledger, &mut taken).await;
        if taken.problems == before {
            dead.delete();
        }
        taken.journals += 1;
    }
    if taken.journals > 0 {
        let Taken { journals, calls, runs, problems } = taken;
        tracing::info!(journals, calls, runs, problems, "took over from workers that died");
    }
    taken
}

/// The journals of dead workers with that header. All others are left as they are.
fn claim(folder: &Path, header: &Header) -> Vec<(Dead, Ledger)> {
    let first = Line::Journal(header.clone()).text();
    let dead = Dead::all(folder, &first).unwrap_or_else(|error| {
        tracing::warn!(folder = %folder.display(), %error, "cannot look for crash journals");
        Vec::new()
    });
    let read = |mut dead: Dead| {
        let (_, ledger) = Ledger::read(&dead.text().ok()?)?;
        Some((dead, ledger))
    };
    dead.into_iter().filter_map(read).collect()
}

/// The runs of a journal, those with calls in flight first.
fn estates(ledger: &Ledger) -> Vec<Estate> {
    let mut calls: BTreeMap<&Run, Vec<Call>> = BTreeMap::new();
    for call in ledger.calls() {
        calls.entry(&call.run).or_default().push(call.clone());
    }
    let busy: BTreeSet<&Run> = calls.keys().copied().collect();
    let idle: Vec<&Run> = ledger.held().filter(|run| !busy.contains(run)).collect();
    let busy = calls.into_iter().map(|(run, calls)| Estate { run: run.clone(), calls });
    busy.chain(idle.into_iter().map(|run| Estate { run: run.clone(), calls: Vec::new() })).collect()
}

async fn settle(client: &Client, header: &Header, ledger: &Ledger, taken: &mut Taken) {
    let mut each = stream::iter(estates(ledger))
        .map(|estate| inherit(client, header, estate))
        .buffer_unordered(AT_ONCE);
    while let Some(part) = each.next().await {
        taken.calls += part.calls;
        taken.runs += part.runs;
        taken.problems += part.problems;
    }
}

/// Hands out one run and fails its calls.
///
/// The run first of all: what comes of the failures is not to wait for the dead worker's queue.
/// But the server has that in memory only until it next writes the run, and forgets it when it
/// refuses something about the run, as it does for a call that has ended after all. So the run is
/// handed out again until a failure was written down. That of the newest call is the likeliest.
async fn inherit(client: &Client, header: &Header, estate: Estate) -> Taken {
    let mut taken = Taken::default();
    let mut written = false;
    for call in estate.calls.into_iter().rev() {
        if !written {
            taken.runs = taken.count(reset(client, header, &estate.run).await);
        }
        let failed = taken.count(fail(client, header, call).await);
        written |= failed > 0;
        taken.calls += failed;
    }
    if !written {
        taken.runs = taken.count(reset(client, header, &estate.run).await);
    }
    taken
}

impl Taken {
    /// How many were done, which is one or none.
    fn count(&mut self, result: Result<(), Status>) -> u64 {
        let Err(status) = result else { return 1 };
        // It has ended, was retried, or is another server's: nothing is left to do.
        let over = [Code::NotFound, Code::InvalidArgument, Code::FailedPrecondition];
        if !over.contains(&status.code()) {
            tracing::debug!(code = ?status.code(), "a request about a dead worker was refused");
            self.problems += 1;
        }
        0
    }
}

/// Hands the next workflow task of the run to whoever asks, not to the dead worker.
async fn reset(client: &Client, header: &Header, run: &Run) -> Result<(), Status> {
    let request = ResetStickyTaskQueueRequest {
        namespace: header.namespace().to_owned(),
        execution: Some(WorkflowExecution {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
        }),
    };
    let mut service = client.connection().workflow_service();
    service.reset_sticky_task_queue(request.into_request()).await.map(|_| ())
}

/// Fails the attempt as one that may be retried at once, if its policy leaves a retry.
async fn fail(client: &Client, header: &Header, call: Call) -> Result<(), Status> {
    let info = ApplicationFailureInfo {
        r#type: FailureKind::WorkerLost.as_str().to_owned(),
        non_retryable: false,
        // To the server, none at all would mean the delay of the retry policy.
        next_retry_delay: std::time::Duration::from_millis(1).try_into().ok(),
        ..ApplicationFailureInfo::default()
    };
    let request = RespondActivityTaskFailedRequest {
        task_token: call.token,
        failure: Some(Failure {
            message: MESSAGE.to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
            ..Failure::default()
        }),
        identity: IDENTITY.to_owned(),
        namespace: header.namespace().to_owned(),
        ..RespondActivityTaskFailedRequest::default()
    };
    let mut service = client.connection().workflow_service();
    service.respond_activity_task_failed(request.into_request()).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::Journal;
    use super::*;

    fn run(id: &str) -> Run {
        Run { workflow_id: id.to_owned(), run_id: format!("{id}-1") }
    }

    fn call(id: &str, token: u8) -> Call {
        Call {
            token: vec![token],
            activity_type: "CallTool".to_owned(),
            activity_id: format!("tool-1-{token}"),
            run: run(id),
        }
    }

    #[test]
    fn a_journal_of_another_queue_namespace_server_or_host_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = Header::new("127.0.0.1:7233", "default", "queue");
        let others = [
            Header::new("127.0.0.1:7233", "default", "other"),
            Header::new("127.0.0.1:7233", "other", "queue"),
            Header::new("127.0.0.1:7234", "default", "queue"),
            Header { host: "elsewhere".to_owned(), ..own.clone() },
        ];
        for header in others.iter().chain([&own]) {
            Journal::open(folder.path(), header.clone()).unwrap().begin(call("a", 1));
        }
        let claimed = claim(folder.path(), &own);
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].1.calls().count(), 1);
        drop(claimed);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
        for header in &others {
            assert_eq!(claim(folder.path(), header).len(), 1, "{header:?}");
        }
    }

    #[test]
    fn runs_with_calls_in_flight_come_first_and_none_twice() {
        let mut ledger = Ledger::default();
        for id in ["a", "b", "c"] {
            ledger.apply(Line::Held(run(id)));
        }
        ledger.apply(Line::Begin { n: 1, call: call("c", 1) });
        ledger.apply(Line::Begin { n: 2, call: call("c", 2) });
        ledger.apply(Line::Begin { n: 3, call: call("d", 3) });
        let estates = estates(&ledger);
        let order: Vec<_> =
            estates.iter().map(|it| (it.run.workflow_id.as_str(), it.calls.len())).collect();
        assert_eq!(order, [("c", 2), ("d", 1), ("a", 0), ("b", 0)]);
    }

    #[test]
    fn a_call_that_has_ended_is_no_problem_and_a_server_away_is_one() {
        let mut taken = Taken::default();
        assert_eq!(taken.count(Ok(())), 1);
        assert_eq!(taken.count(Err(Status::not_found("completed"))), 0);
        assert_eq!(taken.problems, 0);
        assert_eq!(taken.count(Err(Status::unavailable("away"))), 0);
        assert_eq!(taken.problems, 1);
    }
}
