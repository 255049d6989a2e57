//! `longhaul inbox`: what waits for people over all runs, from the store's index.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use futures::{StreamExt as _, stream};
use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use longhaul_store::{
    GateId, InboxCursor, InboxFilter, InboxOrder, InboxRepair, Store, StoreError, Waiting,
};
use serde::Serialize;

use super::context::now;
use super::{Globals, exit};
use crate::client::{RunError, RunSummary, Runs};
use crate::output::{self, Stream};
use crate::view::gate;
use crate::view::words::{count, harmless};

/// How much visibility may lag behind what runs have told.
const LAG: Duration = Duration::from_secs(30);
/// Runs asked at the same time.
const PARALLEL: usize = 8;
/// Runs that a repair looks at.
const MOST_RUNS: usize = 10_000;

const EXAMPLES: &str = "\
Examples:
  longhaul inbox                                      everything that waits, oldest first
  longhaul inbox --for ada@example.com --group finance --order deadline
  longhaul inbox repair                               compare it with what Temporal says

`longhaul approvals` asks the runs themselves, one by one; this is one look into the store.";

/// Show what waits for people, over all runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Inbox {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Close what is over, and put in what is missing
    Repair {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct List {
    /// What this person may decide, and has not voted on
    #[arg(long = "for", value_name = "NAME")]
    person: Option<String>,
    /// With `--for`: a group of theirs; without: what this group may decide; may be repeated
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// Of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Of this run
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// What comes first
    #[arg(long, value_enum, default_value_t = Order::Age)]
    order: Order,
    /// Most items
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Where the page before ended, as `--json` tells it
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// What has waited longest
    Age,
    /// What closes by itself soonest
    Deadline,
    /// What is hardest to undo
    Effect,
}

/// What a repair did.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    repair: InboxRepair,
    /// Runs that could not be asked, so that nothing was changed.
    unknown: Vec<String>,
}

impl Inbox {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let store = Store::new(globals.load()?.store)?;
        match self.verb {
            Some(Verb::Repair { json }) => repair(&store, &globals.runs().await?, json).await,
            None => self.list.execute(&store).await,
        }
    }
}

impl List {
    async fn execute(self, store: &Store) -> Result<ExitCode> {
        let (waits_for, groups) = match self.person {
            Some(name) => (Some(Person { name, groups: self.group }), Vec::new()),
            None => (None, self.group),
        };
        let (agent, workflow_id) = (self.agent, self.run);
        let filter =
            InboxFilter { waits_for, groups, agent, workflow_id, ..InboxFilter::default() };
        let order = match self.order {
            Order::Age => InboxOrder::Age,
            Order::Deadline => InboxOrder::Deadline,
            Order::Effect => InboxOrder::Effect,
        };
        let cursor: Option<InboxCursor> =
            self.cursor.map(|text| serde_json::from_value(text.into())).transpose()?;
        let page = store.inbox(&filter, order, cursor.as_ref(), self.limit).await?;
        if self.json {
            output::json(&page)?;
            return Ok(ExitCode::SUCCESS);
        }
        if page.items.is_empty() {
            Stream::Err.line("nothing waits");
        }
        let paint = Stream::Out.paint();
        for item in &page.items {
            let run = harmless(&item.waiting.workflow_id);
            let line = gate::one_line(&item.waiting.request, now(), paint);
            Stream::Out.line(format_args!("{}/{line}", paint.strong(run)));
        }
        if page.next.is_some() {
            let total = store.count_inbox(&filter).await?;
            Stream::Err.line(format_args!("{} in all", count(total, "gate")));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks every run that may wait, and mends the inbox by what they say.
async fn repair(store: &Store, runs: &Runs, json: bool) -> Result<ExitCode> {
    let asked = Timestamp::from(std::time::SystemTime::now());
    let before = Timestamp::from_millis(asked.as_millis() - i64::try_from(LAG.as_millis())?);
    let waiting: Vec<RunSummary> =
        runs.open(MOST_RUNS).await?.into_iter().filter(super::approvals::may_wait).collect();
    let answers: Vec<_> = stream::iter(waiting)
        .map(|summary| async move {
            let found = of_run(runs, &summary).await;
            (summary.id, found)
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let mut open = Vec::new();
    let mut unknown = Vec::new();
    for (id, found) in answers {
        match found {
            Ok(found) => open.extend(found),
            Err(RunError::NotFound { .. } | RunError::Closed { .. }) => {}
            Err(error) => {
                output::error(error);
                unknown.push(id);
            }
        }
    }
    // A run that cannot be asked may hold any gate: nothing is closed on a guess.
    let repair = match unknown.is_empty() {
        true => mend(store, &open, before).await?,
        false => InboxRepair::default(),
    };
    let code = if unknown.is_empty() { ExitCode::SUCCESS } else { exit::FAILED };
    if json {
        output::json(&Report { repair, unknown })?;
    } else {
        let (closed, missing) = (repair.closed.len() as u64, repair.missing.len() as u64);
        Stream::Out.line(format_args!(
            "{} closed, {} put in; {} could not be asked",
            count(closed, "gate"),
            count(missing, "gate"),
            count(unknown.len() as u64, "run")
        ));
    }
    Ok(code)
}

async fn mend(
    store: &Store,
    open: &[Waiting],
    before: Timestamp,
) -> Result<InboxRepair, StoreError> {
    let ids: BTreeSet<GateId> = open.iter().map(gate_id).collect();
    let repair = store.repair_inbox(&ids, before).await?;
    for waiting in open.iter().filter(|waiting| repair.missing.contains(&gate_id(waiting))) {
        store.put_waiting(waiting).await?;
    }
    Ok(repair)
}

fn gate_id(waiting: &Waiting) -> GateId {
    GateId {
        workflow_id: waiting.workflow_id.clone(),
        chain: waiting.chain.clone(),
        gate: waiting.request.id.clone(),
    }
}

/// The gates of one run as the inbox has them.
async fn of_run(runs: &Runs, summary: &RunSummary) -> Result<Vec<Waiting>, RunError> {
    let run = runs.exactly(&summary.id, &summary.run_id);
    let requests: Vec<ApprovalRequest> = run.approvals().await?;
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let status = run.status().await?;
    let waiting = |request| Waiting {
        workflow_id: summary.id.clone(),
        chain: status.chain.clone(),
        number: 0,
        agent: status.agent.clone(),
        starter: None,
        request,
    };
    Ok(requests.into_iter().map(waiting).collect())
}
