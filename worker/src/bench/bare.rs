//! The measure of the product: a bare SDK worker whose workflow runs two empty activities a turn.
//!
//! It has the product's pollers, slots and payload sizes, and nothing else of it.
#![expect(missing_docs, reason = "the Temporal macros write undocumented items")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowGetResultOptions, WorkflowHandle,
    WorkflowStartOptions,
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker};
use temporalio_workflow::{ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::BenchError;
use crate::compose::{self, ComposeError};
use crate::config::{self, Config};
use crate::interceptors;

/// Bytes of payload that go into and come out of the two activities of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Into the first, which stands for the model call.
    pub model_input: usize,
    /// Out of it.
    pub model_result: usize,
    /// Into the second, which stands for the tool call.
    pub tool_input: usize,
    /// Out of it.
    pub tool_result: usize,
}

/// The input of the workflow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turns {
    /// How many there are.
    pub turns: u32,
    /// Payload sizes.
    pub sizes: Sizes,
}

/// The input of an activity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Padded {
    /// Bytes of the result.
    pub result: usize,
    /// What makes the input as long as it should be.
    pub padding: String,
}

impl Padded {
    fn new(input: usize, result: usize) -> Self {
        let mut padded = Self { result, padding: String::new() };
        let empty = serde_json::to_vec(&padded).map_or(0, |json| json.len());
        padded.padding = "x".repeat(input.saturating_sub(empty));
        padded
    }

    /// A JSON text of the asked length, with its quotes.
    fn answer(&self) -> String {
        "x".repeat(self.result.saturating_sub(2))
    }
}

/// Activities that do nothing.
#[derive(Debug)]
pub struct Empty;

#[activities]
impl Empty {
    #[activity(name = "BareModel")]
    pub async fn model(_ctx: ActivityContext, input: Padded) -> Result<String, ActivityError> {
        Ok(input.answer())
    }

    #[activity(name = "BareTool")]
    pub async fn tool(_ctx: ActivityContext, input: Padded) -> Result<String, ActivityError> {
        Ok(input.answer())
    }
}

/// Two empty activities a turn.
#[workflow]
#[derive(Default)]
pub struct Bare;

#[workflow_methods]
impl Bare {
    #[run(name = "Bare")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Turns) -> WorkflowResult<()> {
        let sizes = input.sizes;
        for _ in 0..input.turns {
            let options = || ActivityOptions::start_to_close_timeout(Duration::from_secs(60));
            let padded = Padded::new(sizes.model_input, sizes.model_result);
            ctx.execute_activity(Empty::model, padded, options()).await?;
            let padded = Padded::new(sizes.tool_input, sizes.tool_result);
            ctx.execute_activity(Empty::tool, padded, options()).await?;
        }
        Ok(())
    }
}

/// A workflow that does nothing but answer.
#[workflow]
#[derive(Default)]
pub struct Answers {
    asked: u32,
}

#[workflow_methods]
impl Answers {
    #[run(name = "BareAnswers")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        // Never: whoever started it ends it.
        let _ = ctx.wait_condition(|answers| answers.asked == u32::MAX).await;
        Ok(())
    }

    #[update(name = "ask")]
    pub fn ask(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _question: String) -> u32 {
        self.asked += 1;
        self.asked
    }
}

/// Starts a workflow that answers, on `queue` under the workflow id `id`.
///
/// # Errors
/// If it cannot be started.
pub async fn answering(
    client: &Client,
    queue: &str,
    id: &str,
) -> Result<WorkflowHandle<Client, answers::Run>, BenchError> {
    let options = WorkflowStartOptions::new(queue, id).build();
    client.start_workflow(Answers::run, (), options).await.map_err(|error| failed(id, &error))
}

/// Asks it, and waits for the answer.
///
/// # Errors
/// If there is none.
pub async fn ask(
    handle: &WorkflowHandle<Client, answers::Run>,
    question: String,
) -> Result<(), BenchError> {
    let options = WorkflowExecuteUpdateOptions::default();
    let answered = handle.execute_update(Answers::ask, question, options).await;
    answered.map(drop).map_err(|error| failed("ask", &error))
}

/// The bare worker.
///
/// # Errors
/// If the SDK refuses it.
pub fn worker(runtime: &Runtime, client: Client, config: &Config) -> Result<Worker, ComposeError> {
    let mut options = compose::options(&config.task_queue, &config.tuning);
    options.register_workflow::<Bare>()?.register_workflow::<Answers>()?.register_activities(Empty);
    Ok(Worker::new(runtime, client, options)?)
}

/// Starts the workflow on `queue` under the workflow id `id`.
///
/// # Errors
/// If it cannot be started.
pub async fn start(
    client: &Client,
    queue: &str,
    id: &str,
    turns: Turns,
) -> Result<WorkflowHandle<Client, bare::Run>, BenchError> {
    let options = WorkflowStartOptions::new(queue, id).build();
    client.start_workflow(Bare::run, turns, options).await.map_err(|error| failed(id, &error))
}

/// Runs the workflow on `queue` under the workflow id `id`, and waits for its end.
///
/// # Errors
/// If it cannot be started, or fails.
pub async fn run(client: &Client, queue: &str, id: &str, turns: Turns) -> Result<(), BenchError> {
    let handle = start(client, queue, id, turns).await?;
    let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
    ended.map_err(|error| failed(id, &error))
}

/// Serves `config`'s queue until this process is ended. Give it the main task.
///
/// # Errors
/// If the server cannot be reached, or the worker ends.
pub async fn serve(config: &Config) -> Result<(), BenchError> {
    let client = config::connect_to(&config::target(config)?, interceptors::client()).await?;
    let sdk = RuntimeOptions::builder().build().map_err(BenchError::BareEnded)?;
    let runtime = Runtime::from_current_tokio(sdk)?;
    let mut worker = worker(&runtime, client, config)?;
    worker.run().await.map_err(|error| BenchError::BareEnded(error.to_string()))
}

fn failed(id: &str, why: &dyn std::fmt::Display) -> BenchError {
    BenchError::Ending { id: id.to_owned(), ending: why.to_string() }
}
