//! Models: one call in, one reply out, whoever the provider is.
//!
//! A client speaks to a provider and reports what came back. What every reply needs whatever the
//! provider (dotted tool names, ids, checked arguments, a checked answer, a price) is done once,
//! in `finish`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use longhaul_contract::definition::Definition;
use longhaul_contract::message::Item;
use longhaul_contract::model::ModelReply;

use crate::error::Failure;
use encoded::Encoded;

pub mod encoded;
mod finish;
mod genai;
pub mod names;
pub mod render;
pub mod script;
pub mod summary;
pub mod window;

/// The provider that plays scenario files.
pub const SCRIPT: &str = "script";

/// One model call. It makes one attempt: retries are Temporal's.
#[derive(Clone, Copy, Debug)]
pub struct ModelCall<'a> {
    /// The definition that the run is pinned to.
    pub definition: &'a Definition,
    /// The whole conversation so far: a provider is sent what [`window::window`] leaves of it.
    pub items: &'a [Item],
    /// What earlier calls have made of these items.
    pub encoded: &'a Encoded,
    /// Turn of the conversation, from 1.
    pub turn: u32,
    /// Which attempt of this call, from 1.
    pub attempt: u32,
    /// The run's workflow id.
    pub workflow_id: &'a str,
    /// The run's run id.
    pub run_id: &'a str,
}

/// Speaks to one kind of provider.
#[async_trait]
pub trait ModelClient: Send + Sync {
    /// Makes one call. Calls for tools may come back with the names that were on the wire.
    async fn call(&self, call: &ModelCall<'_>) -> Result<ModelReply, Failure>;
}

/// What the models are set up with.
#[derive(Clone, Debug, Default)]
pub struct ModelsSettings {
    /// The folder of agent files, where scenario files are.
    pub agents: PathBuf,
    /// Where the scripted model notes each request, as JSON lines, if anywhere.
    pub script_log: Option<PathBuf>,
}

/// Reads one variable of the worker's environment.
#[derive(Clone)]
pub struct Environment(Arc<ReadVariable>);

type ReadVariable = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The environment of this process.
    pub fn process() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }

    /// An environment that is read by `read`.
    pub fn of(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The variable's value, unless it is empty.
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// All models: picks the client by the definition's provider.
pub struct Models {
    script: script::ScriptModel,
    genai: genai::GenaiModel,
}

impl Models {
    /// The models, with keys from the environment of this process.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn new(settings: ModelsSettings) -> Result<Self, Failure> {
        Self::with_environment(settings, Environment::process())
    }

    /// The models, with keys from `environment`.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn with_environment(
        settings: ModelsSettings,
        environment: Environment,
    ) -> Result<Self, Failure> {
        Ok(Self {
            script: script::ScriptModel::new(settings.agents, settings.script_log),
            genai: genai::GenaiModel::new(environment)?,
        })
    }

    /// Makes one call and finishes its reply.
    ///
    /// # Errors
    ///
    /// What the provider or the way to it said, as the kind that decides who may retry. Never
    /// holds a key.
    pub async fn call(&self, call: &ModelCall<'_>) -> Result<ModelReply, Failure> {
        let client: &dyn ModelClient =
            if call.definition.model.provider == SCRIPT { &self.script } else { &self.genai };
        let reply = client.call(call).await?;
        Ok(finish::finish(call, reply))
    }
}

/// Every provider that an agent file may name.
pub fn providers() -> Vec<&'static str> {
    let mut names = vec![SCRIPT, genai::OPENAI_RESPONSES];
    names.extend(genai::providers());
    names
}
