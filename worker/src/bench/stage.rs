//! A field with a mock model and agents that ask it: some work, one asks a person first.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use longhaul_contract::run::StartAgent;
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::field::{Field, completed};
use super::machine::cpu_ms;
use super::mock_model::{MockModel, MockOptions};
use crate::client::Runs;
use crate::process::Process;
use crate::server::Progress;

/// The agent that works.
pub const WORKS: &str = "mock";
/// The agent whose every call waits for a person.
pub const ASKS: &str = "gated";
/// The agent that works, its reads by the express lane from the first turn on.
pub const EXPRESS: &str = "express";
/// The agent that works, its reads never by the express lane.
pub const PLAIN: &str = "plain";
/// The queue of the product's worker.
pub const QUEUE: &str = "bench-stage";

/// How often something that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a conversation may stand still.
const STILL: Duration = Duration::from_secs(120);
/// How many requests to the server are under way at once.
const AT_ONCE: usize = 50;

/// What all measurements with a mock model have in common.
#[derive(Clone, Copy, Debug)]
pub struct StageOptions {
    /// The model.
    pub model: MockOptions,
    /// Whether the agent's reads take the express lane, in versions that have one.
    pub fast: bool,
    /// Whether the server keeps its state in a file.
    pub in_file: bool,
}

/// A field with a mock model.
#[derive(Debug)]
pub struct Stage {
    /// The field.
    pub field: Field,
    /// The model.
    pub model: MockModel,
}

impl Stage {
    /// Starts a server and a model, and writes the agents.
    ///
    /// # Errors
    /// If the server cannot be found, or files cannot be written.
    pub async fn start(options: StageOptions, progress: &dyn Progress) -> Result<Self, BenchError> {
        let failed = |source| BenchError::File { what: "start the mock model", source };
        let field = Field::start(options.in_file, progress).await?;
        let model = MockModel::start(options.model).await.map_err(failed)?;
        for name in [WORKS, ASKS, EXPRESS, PLAIN] {
            let path = field.folder().join(format!("agents/{name}.yaml"));
            let text = agent_file(name, &model.base_url(), options.fast);
            std::fs::write(path, text).map_err(failed)?;
        }
        for size in [220, 1024, 5 * 1024, 10 * 1024] {
            let path = field.folder().join(format!("work/data-{size}.txt"));
            std::fs::write(path, data(size)).map_err(failed)?;
        }
        Ok(Self { field, model })
    }

    /// A worker of the product, with more variables.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn worker(&self, env: &[(&str, &str)]) -> Result<Process, BenchError> {
        self.field.process(&["worker", "--agents", "agents", "--root", "work"], QUEUE, env)
    }

    /// The runs of that worker.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn runs(&self) -> Result<Runs, BenchError> {
        self.field.runs(QUEUE).await
    }

    /// Runs [`WORKS`] for `turns` turns and waits for its end.
    ///
    /// # Errors
    /// If it does not end well.
    pub async fn run(
        &self,
        runs: &Runs,
        id: &str,
        turns: u32,
        size: u32,
    ) -> Result<(), BenchError> {
        self.run_of(runs, WORKS, id, turns, size).await
    }

    /// Runs `agent` for `turns` turns and waits for its end.
    ///
    /// # Errors
    /// If it does not end well.
    pub async fn run_of(
        &self,
        runs: &Runs,
        agent: &str,
        id: &str,
        turns: u32,
        size: u32,
    ) -> Result<(), BenchError> {
        runs.start(id, input(agent, id, turns, size, false)).await?;
        self.sound(completed(&runs.run(id)).await)
    }

    /// Does `work` for each id, some at once.
    ///
    /// # Errors
    /// If one fails.
    pub async fn each(
        &self,
        ids: impl IntoIterator<Item = String>,
        work: impl AsyncFn(String) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let all = stream::iter(ids).map(|id| work(id)).buffer_unordered(AT_ONCE);
        self.sound(all.try_for_each(async |()| Ok(())).await)
    }

    /// Waits until the conversation has had `count` exchanges; it may take long, but not stop.
    ///
    /// # Errors
    /// If the model was sent something wrong, or the conversation stands still.
    pub async fn exchanges(&self, runs: &Runs, id: &str, count: usize) -> Result<(), BenchError> {
        let (mut had, mut since) = (0, Instant::now());
        loop {
            let has = self.model.count(id);
            if has >= count {
                return Ok(());
            }
            if has > had {
                (had, since) = (has, Instant::now());
            }
            self.sound(Ok(()))?;
            if since.elapsed() > Duration::from_secs(5) && !runs.run(id).vitals().await?.open {
                let ending = format!("closed after {has} model calls");
                return Err(BenchError::Ending { id: id.to_owned(), ending });
            }
            if since.elapsed() > STILL {
                let what = format!("model call {} of `{id}`", has + 1);
                return Err(BenchError::TooLate { what, within: STILL, log: String::new() });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until there are `count` conversations.
    ///
    /// # Errors
    /// If the model was sent something wrong, or no more come.
    pub async fn conversations(&self, count: usize) -> Result<(), BenchError> {
        let (mut had, mut since) = (0, Instant::now());
        while self.model.conversations() < count {
            if self.model.conversations() > had {
                (had, since) = (self.model.conversations(), Instant::now());
            }
            if since.elapsed() > STILL {
                let what = format!("conversation {} of {count}", had + 1);
                return Err(BenchError::TooLate { what, within: STILL, log: String::new() });
            }
            sleep(LOOK_EVERY).await;
        }
        self.sound(Ok(()))
    }

    /// `outcome`, unless the model was sent something wrong, which explains it.
    ///
    /// # Errors
    /// If so.
    pub fn sound<T>(&self, outcome: Result<T, BenchError>) -> Result<T, BenchError> {
        match self.model.complaint() {
            Some(complaint) => Err(BenchError::Request(complaint)),
            None => outcome,
        }
    }
}

/// Waits until a process has next to nothing to do.
pub async fn idle(pid: i32) {
    let look = Duration::from_secs(2);
    let begun = Instant::now();
    let mut before = cpu_ms(pid);
    while begun.elapsed() < STILL {
        sleep(look).await;
        let now = cpu_ms(pid);
        match (before, now) {
            (Some(before), Some(now)) if now - before > 100.0 => {}
            (_, _) => return,
        }
        before = now;
    }
}

/// The input of a run that is also the conversation `id`.
pub fn input(agent: &str, id: &str, turns: u32, size: u32, session: bool) -> StartAgent {
    StartAgent {
        agent: agent.to_owned(),
        message: Some(message(id, turns, size)),
        session,
        ..StartAgent::default()
    }
}

/// What asks the mock model for `turns` turns with results of `size` bytes, in the conversation
/// `id`.
pub fn message(id: &str, turns: u32, size: u32) -> String {
    format!("{turns} {id} {size}")
}

fn agent_file(name: &str, base_url: &str, fast: bool) -> String {
    let fast = match name {
        EXPRESS => ", fast: true",
        // The start of an approved call is an event of history on the usual lane alone.
        PLAIN | ASKS => ", fast: false",
        _ if fast => ", fast: true",
        _ => "",
    };
    let gate = match name {
        ASKS => {
            "approvals: [{tools: [\"files.read\"], action: ask, timeout: 24h, on_timeout: deny}]\n"
        }
        _ => "",
    };
    format!(
        "name: {name}\ndescription: Reads a file, turn after turn.\nmodel: {{provider: openai, \
         name: bench-model, base_url: \"{base_url}\"}}\ninstructions: Read as often as the message \
         says.\ntools:\n  - files: {{root: .{fast}}}\n{gate}limits: {{turns: 1000000, tokens: \
         1000000000}}\n"
    )
}

/// A text of `size` bytes in lines of 64.
fn data(size: usize) -> String {
    let line = "A file that is read turn after turn, with lines of even length.\n";
    line.chars().cycle().take(size).collect()
}
