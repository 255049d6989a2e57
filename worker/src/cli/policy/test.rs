//! `longhaul policy test`: the policy time machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use longhaul_activities::time_machine::TimeMachine;
use longhaul_contract::definition::Action;
use longhaul_store::Store;
use serde::Serialize;

use crate::cli::{Globals, exit};
use crate::output::{self, Paint, Stream};
use crate::past::{self, PastCall, Recorded};
use crate::policy;
use crate::view::words::{count, harmless, short};

const NOTES: &str = "\
Every call of these runs is judged again, by the policy in place of the worker's own, the agent's \
rules as the run was pinned to them, and what people let hold for calls to come as it is now. \
Nothing is called and nothing is changed.

Examples:
  longhaul policy test policy.yaml --runs \"LonghaulAgent = 'brief'\"
  longhaul policy test policy.yaml --runs \"StartTime > '2026-11-01T00:00:00Z'\" --fail-on-change
  longhaul policy test policy.yaml --archived      runs that Temporal has forgotten, too";

#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct Test {
    /// The policy to try
    file: PathBuf,
    /// Which runs: a visibility query of Temporal [default: all]
    #[arg(long, value_name = "QUERY")]
    runs: Option<String>,
    /// Runs that the store alone has, too
    #[arg(long)]
    archived: bool,
    /// Most runs to look at, the newest first
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Folder of agent files, for runs whose definition Temporal has forgotten [default: `agents`]
    #[arg(long, value_name = "DIR")]
    agents: Option<PathBuf>,
    /// Show calls that would not change, too
    #[arg(long)]
    all: bool,
    /// End with exit code 1 if a call would change
    #[arg(long)]
    fail_on_change: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    policy: longhaul_contract::digest::Digest,
    runs: u64,
    calls: u64,
    changes: u64,
    shadowed: u64,
    judged: Vec<PastCall>,
    skipped: Vec<Skipped>,
}

/// A run that could not be judged.
#[derive(Debug, Serialize)]
struct Skipped {
    run: String,
    problem: String,
}

impl Test {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let tried = policy::read(&self.file)?.policy;
        let config = globals.load()?;
        let store = Store::new(config.store.clone())?;
        let remembered = store.remembered_now().await?.decisions;
        let runs = crate::cli::connect(&config).await?;
        let agents = self.agents.clone().unwrap_or(config.agents);

        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let found = runs.search(self.runs.as_deref().unwrap_or_default(), limit).await?;
        // The newest execution of a chain tells the whole chain.
        let found: Vec<_> = found.into_iter().filter(|run| run.status != "continued").collect();
        let mut known: Vec<_> =
            found.iter().map(|found| runs.exactly(&found.id, &found.run_id)).collect();
        if self.archived {
            let here = |id: &str| found.iter().any(|found| found.id == id);
            let archived = store.list(self.limit).await?;
            let gone = archived.iter().filter(|archived| !here(&archived.workflow_id));
            known.extend(gone.map(|archived| runs.run(&archived.workflow_id)));
        }
        if known.is_empty() {
            bail!("there is no such run\nhint: `longhaul status` lists the runs");
        }

        let policy = tried.digest();
        let machine = TimeMachine::new(tried, remembered);
        let mut report = Report {
            policy,
            runs: 0,
            calls: 0,
            changes: 0,
            shadowed: 0,
            judged: Vec::new(),
            skipped: Vec::new(),
        };
        for run in &known {
            match Box::pin(Recorded::read(run, &agents)).await {
                Ok(recorded) => report.add(past::judge(&machine, &recorded), self.all),
                Err(error) => {
                    let problem = error.to_string();
                    report.skipped.push(Skipped { run: run.id().to_owned(), problem });
                }
            }
        }
        if self.json {
            output::json(&report)?;
        } else {
            report.print();
        }
        if report.runs == 0 {
            // Nothing was found out, which must not look as if nothing changed.
            return Ok(exit::FAILED);
        }
        let failed = self.fail_on_change && report.changes > 0;
        Ok(if failed { exit::FAILED } else { ExitCode::SUCCESS })
    }
}

impl Report {
    fn add(&mut self, calls: Vec<PastCall>, all: bool) {
        self.runs += 1;
        for call in calls {
            self.calls += 1;
            self.changes += u64::from(call.changes);
            self.shadowed += u64::from(!call.shadow.is_empty());
            if all || call.changes || !call.shadow.is_empty() {
                self.judged.push(call);
            }
        }
    }

    fn print(&self) {
        let paint = Stream::Out.paint();
        for call in &self.judged {
            Stream::Out.line(line(paint, call));
        }
        for Skipped { run, problem } in &self.skipped {
            let problem = problem.lines().next().unwrap_or_default();
            Stream::Err.line(format!("skipped {}: {}", harmless(run), harmless(problem)));
        }
        let mut told = format!(
            "{} of {} in {} would change",
            self.changes,
            count(self.calls, "call"),
            count(self.runs, "run")
        );
        if self.shadowed > 0 {
            told += &format!("; rules in shadow mode speak of {}", self.shadowed);
        }
        Stream::Out.line(told);
    }
}

/// `brief-1  turn 3  files.write a.txt  ask → refuse  worker:no-writes`
fn line(paint: Paint, call: &PastCall) -> String {
    let verdict = if call.changes {
        let (was, would_be) = (word(call.was), word(call.would_be));
        paint.attention(format!("{was} → {would_be}"))
    } else {
        word(call.was).to_owned()
    };
    let mut line = format!(
        "{}  turn {}  {}  {verdict}",
        harmless(&call.run),
        call.turn,
        short(&harmless(&call.summary), 80)
    );
    if call.changes {
        let why =
            if call.rules.is_empty() { harmless(&call.reason) } else { call.rules.join(", ") };
        line += &format!("  {}", paint.faint(why));
    }
    for hit in &call.shadow {
        line += &format!("  {}", paint.faint(format!("shadow {}: {}", hit.rule, word(hit.action))));
    }
    line
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Run => "run",
        Action::Ask => "ask",
        Action::Refuse => "refuse",
    }
}
