//! Decisions on gates from the command line: which, with what, for how long, and by whom.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use longhaul_contract::approval::{ApprovalRequest, Decide, Decision, Remember, Span};
use longhaul_contract::policy::Scope;
use serde_json::Value;

use super::{Which, find};
use crate::cli::context::now;
use crate::cli::{Globals, exit};
use crate::client::Runs;
use crate::output::{self, Stream};
use crate::view::gate::{self, Extent};

/// What every decision may say besides.
#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    which: Which,
    /// Decide only if the gate has this digest (the beginning is enough)
    #[arg(long)]
    digest: Option<String>,
    /// Of a batch (`RUN/bat_4`): only this gate; may be given again
    #[arg(long, value_name = "GATE")]
    only: Vec<String>,
    /// Who decides, for the record: nothing proves it
    #[arg(long = "as", value_name = "NAME")]
    by: Option<String>,
}

/// `approve`.
#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    common: Common,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Arguments in place of the model's: JSON, or `@FILE`
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    #[command(flatten)]
    always: Always,
}

/// `deny`.
#[derive(Debug, Args)]
pub(super) struct Deny {
    #[command(flatten)]
    common: Common,
    /// Why; it reaches the model
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    always: Always,
}

/// `answer`.
#[derive(Debug, Args)]
pub(super) struct Answer {
    #[command(flatten)]
    common: Common,
    /// The answer: text; `@FILE` for the content of a file
    answer: String,
    /// The answer is JSON: a choice, a form
    #[arg(long)]
    as_json: bool,
}

/// `ask`.
#[derive(Debug, Args)]
pub(super) struct AskBack {
    #[command(flatten)]
    common: Common,
    /// The question that the model is to answer first
    question: String,
}

/// `delegate`.
#[derive(Debug, Args)]
pub(super) struct Delegate {
    #[command(flatten)]
    common: Common,
    /// Who is to decide
    #[arg(long, value_name = "NAME")]
    to: String,
}

/// Holding a decision for calls to come.
#[derive(Debug, Args)]
pub(super) struct Always {
    /// Hold it for calls to come: this very call, those whose argument begins alike, or all of the
    /// tool
    #[arg(long, value_name = "CALLS")]
    always: Option<Calls>,
    /// With `--always`: for this run, for all of its agent, or for all
    #[arg(long = "for", value_name = "RUNS", default_value = "run", requires = "always")]
    reach: Runs_,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Calls {
    Call,
    Prefix,
    Tool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Runs_ {
    Run,
    Agent,
    Everywhere,
}

impl Approve {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let arguments = self.arguments.as_deref().map(json).transpose()?;
        let (reason, always) = (self.reason, self.always);
        decide(globals, self.common, |request| {
            let remember = always.remember(request)?;
            let id = request.id.clone();
            Ok(Decide { arguments, reason, remember, ..Decide::new(id, Decision::Approve) })
        })
        .await
    }
}

impl Deny {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let (reason, always) = (self.reason, self.always);
        decide(globals, self.common, |request| {
            let remember = always.remember(request)?;
            Ok(Decide { reason, remember, ..Decide::new(request.id.clone(), Decision::Deny) })
        })
        .await
    }
}

impl Answer {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let answer =
            if self.as_json { json(&self.answer)? } else { Value::String(text(&self.answer)?) };
        decide(globals, self.common, |request| {
            let id = request.id.clone();
            Ok(Decide { answer: Some(answer), ..Decide::new(id, Decision::Answer) })
        })
        .await
    }
}

impl AskBack {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let question = self.question;
        decide(globals, self.common, |request| {
            let id = request.id.clone();
            Ok(Decide { reason: Some(question), ..Decide::new(id, Decision::Question) })
        })
        .await
    }
}

impl Delegate {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let to = self.to;
        decide(globals, self.common, |request| {
            Ok(Decide { to: Some(to), ..Decide::new(request.id.clone(), Decision::Delegate) })
        })
        .await
    }
}

impl Always {
    /// What the decision is to hold for; one of what the gate offers.
    fn remember(&self, request: &ApprovalRequest) -> Result<Option<Remember>> {
        let Some(calls) = self.always else { return Ok(None) };
        let wanted = |scope: &&Scope| {
            matches!(
                (scope, calls),
                (Scope::Call { .. }, Calls::Call)
                    | (Scope::Prefix { .. }, Calls::Prefix)
                    | (Scope::Tool, Calls::Tool)
            )
        };
        let Some(scope) = request.offers.iter().find(wanted) else {
            let offered: Vec<&str> = request.offers.iter().map(word).collect();
            bail!(
                "gate `{}` cannot be held for that\nhint: its rules offer {}",
                request.id,
                if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") }
            );
        };
        let reach = match self.reach {
            Runs_::Run => Span::Run,
            Runs_::Agent => Span::Agent,
            Runs_::Everywhere => Span::Everywhere,
        };
        Ok(Some(Remember { scope: scope.clone(), reach }))
    }
}

fn word(scope: &Scope) -> &'static str {
    match scope {
        Scope::Call { .. } => "`--always call`",
        Scope::Prefix { .. } => "`--always prefix`",
        Scope::Tool => "`--always tool`",
    }
}

/// Shows what is decided on and decides it, bound to what was shown.
async fn decide(
    globals: &Globals,
    common: Common,
    decision: impl FnOnce(&ApprovalRequest) -> Result<Decide>,
) -> Result<ExitCode> {
    let runs: Runs = globals.runs().await?;
    let (id, gate_id) = common.which.parts()?;
    let run = runs.run(id);
    let waiting = find(&run, gate_id).await?;
    if let (Some(seen), Some(request)) = (&common.digest, waiting.first()) {
        let wanted = seen.strip_prefix("sha256:").unwrap_or(seen);
        let digest = request.digest.as_str().trim_start_matches("sha256:");
        if wanted.len() < 8 || !digest.starts_with(wanted) {
            bail!(
                "gate `{gate_id}` has digest {}, not `{seen}`: nothing was decided\nhint: `longhaul approvals show {id}/{gate_id}` shows the call",
                request.digest.short()
            );
        }
    }
    if !common.which.json {
        for request in &waiting {
            for line in gate::lines(request, Extent::Preview, now(), Stream::Err.paint()) {
                Stream::Err.line(line);
            }
        }
    }
    let Some(first) = waiting.first() else { bail!("nothing waits as `{gate_id}`") };
    let mut decide = decision(first)?;
    decide.by = common.by;
    decide.only = common.only;
    if waiting.len() == 1 && first.id == gate_id {
        decide.digest = Some(first.digest.clone());
    } else {
        gate_id.clone_into(&mut decide.id);
    }
    let receipt = run.decide(decide).await?;
    if common.which.json {
        output::json(&receipt)?;
    } else if receipt.each.is_empty() {
        Stream::Out.line(gate::receipt(&receipt, Stream::Out.paint()));
    } else {
        for receipt in &receipt.each {
            Stream::Out.line(gate::receipt(receipt, Stream::Out.paint()));
        }
    }
    Ok(if receipt.accepted { ExitCode::SUCCESS } else { exit::FAILED })
}

/// A text, or the content of the file after `@`.
fn text(argument: &str) -> Result<String> {
    match argument.strip_prefix('@') {
        None => Ok(argument.to_owned()),
        Some(path) => {
            let path = PathBuf::from(path);
            std::fs::read_to_string(&path)
                .with_context(|| format!("`{}` cannot be read", path.display()))
        }
    }
}

fn json(argument: &str) -> Result<Value> {
    let text = text(argument)?;
    serde_json::from_str(&text).with_context(|| {
        format!("`{argument}` is not JSON\nhint: quote it for the shell, or write `@FILE`")
    })
}
