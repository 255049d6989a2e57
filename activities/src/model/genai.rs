//! Real providers, through the crate `genai`: OpenAI (Chat and Responses), Anthropic, Gemini,
//! Ollama and the others it knows.
//!
//! Its types stay in here: they change between its versions, and history must not.

use std::time::Duration;

use async_trait::async_trait;
use genai::adapter::AdapterKind;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, Headers, ModelIden, ServiceTarget};
use longhaul_contract::definition::ModelSettings;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::model::ModelReply;
use url::Url;

use super::{Environment, ModelCall, ModelClient};
use crate::error::Failure;
use crate::http::{self, ClientSettings};

mod completions;
mod failure;
mod messages;
mod native;
mod reply;
mod request;
mod salvage;
#[cfg(test)]
mod tests;

/// Our name for the provider that `genai` calls `openai_resp`.
pub(super) const OPENAI_RESPONSES: &str = "openai_responses";

/// How long one attempt may take unless the agent says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The providers that `genai` knows, by their names in agent files.
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    AdapterKind::all()
        .iter()
        .filter(|kind| **kind != AdapterKind::OpenAIResp)
        .map(AdapterKind::as_lower_str)
}

/// Calls providers.
pub(super) struct GenaiModel {
    client: Client,
    http: reqwest::Client,
    environment: Environment,
}

/// The key in use and what may be shown in its place.
#[derive(Clone, Default)]
struct Key {
    value: Option<String>,
    variable: Option<String>,
}

impl Key {
    /// `text` without the key.
    fn redact(&self, text: &str) -> String {
        match (&self.value, &self.variable) {
            (Some(value), variable) if value.len() >= 4 => {
                text.replace(value, &format!("[{}]", variable.as_deref().unwrap_or("key")))
            }
            (Some(_), _) | (None, _) => text.to_owned(),
        }
    }
}

impl GenaiModel {
    /// A client whose keys come from `environment`.
    pub(super) fn new(environment: Environment) -> Result<Self, Failure> {
        let reqwest = http::client(&ClientSettings::default())?;
        let client = Client::builder().with_reqwest(reqwest.clone()).build().map_err(|error| {
            Failure::new(FailureKind::Internal, format!("no model client could be made: {error}"))
        })?;
        Ok(Self { client, http: reqwest, environment })
    }

    async fn target(
        &self,
        kind: AdapterKind,
        model: &ModelSettings,
    ) -> Result<(ServiceTarget, Key), Failure> {
        let refused = |why: String| Failure::new(FailureKind::ModelRequest, why);
        let iden = ModelIden::new(kind, model.name.clone());
        let base_url = model.base_url.as_deref().map(normal).transpose().map_err(refused)?;
        // The key of a provider's usual variable goes to the provider's usual address only: to
        // any other it goes when the agent's file says so.
        let variable = match (&model.api_key_env, &base_url) {
            (Some(variable), _) => Some(variable.clone()),
            (None, None) => kind.default_key_env_name().map(str::to_owned),
            (None, Some(_)) => None,
        };
        let key = Key {
            value: variable.as_deref().and_then(|variable| self.environment.get(variable)),
            variable,
        };
        if let (None, Some(variable), None) = (&key.value, &key.variable, &base_url) {
            return Err(Failure::new(
                FailureKind::ModelAuth,
                format!(
                    "the worker's environment has no `{variable}`, which holds the key for `{}`\n\
                     hint: set it, restart the worker, then `longhaul retry` the run",
                    model.provider
                ),
            ));
        }
        let mut target = match &base_url {
            // Looked up by address alone, so that no default key is asked for.
            Some(url) => ServiceTarget {
                endpoint: Endpoint::from_owned(url.as_str()),
                auth: anonymous(kind, url),
                model: iden,
            },
            None => self.client.resolve_service_target(iden).await.map_err(|error| {
                refused(format!("`{}` cannot be set up: {error}", model.provider))
            })?,
        };
        if let Some(value) = &key.value {
            target.auth = AuthData::Key(value.clone());
        }
        Ok((target, key))
    }
}

#[async_trait]
impl ModelClient for GenaiModel {
    async fn call(&self, call: &ModelCall<'_>) -> Result<ModelReply, Failure> {
        let model = &call.definition.model;
        let kind = adapter(&model.provider).ok_or_else(|| {
            let message = format!("this worker knows no provider `{}`", model.provider);
            Failure::new(FailureKind::ModelRequest, message)
        })?;
        let (target, key) = self.target(kind, model).await?;
        let format = native::format(kind);
        let work = async {
            if kind == AdapterKind::OpenAI {
                self.complete(call, &target, &key, &format).await
            } else {
                self.exchange(call, target, &key, &format).await
            }
        };
        // A little under the activity's own limit, so that the run learns what did not answer.
        let limit = model.timeout.map_or(TIMEOUT, |timeout| timeout * 19 / 20);
        match tokio::time::timeout(limit, Box::pin(work)).await {
            Ok(answered) => answered,
            Err(_) => Err(failure::timed_out(model, limit)),
        }
    }
}

impl GenaiModel {
    /// Asks a provider through `genai`.
    async fn exchange(
        &self,
        call: &ModelCall<'_>,
        target: ServiceTarget,
        key: &Key,
        format: &str,
    ) -> Result<ModelReply, Failure> {
        let (model, kind) = (&call.definition.model, target.model.adapter_kind);
        let chat = request::chat(call, kind, format);
        let options = request::options(model, kind);
        match self.client.exec_chat(target, chat, Some(&options)).await {
            Ok(response) => Ok(reply::from_response(response, format)),
            Err(error) => {
                salvage::reply(&error, model).ok_or_else(|| failure::from_error(error, model, key))
            }
        }
    }

    /// Asks a provider by Chat Completions.
    async fn complete(
        &self,
        call: &ModelCall<'_>,
        target: &ServiceTarget,
        key: &Key,
        format: &str,
    ) -> Result<ModelReply, Failure> {
        let model = &call.definition.model;
        let url = completions_url(target.endpoint.base_url())
            .map_err(|why| Failure::new(FailureKind::ModelRequest, why))?;
        let body = completions::body(call, format)?;
        let answer =
            completions::send(&self.http, url, key.value.as_deref(), body, &target.model).await;
        let answer = answer.map_err(|error| failure::from_error(error, model, key))?;
        let response = completions::response(answer, &target.model)
            .map_err(|why| failure::unreadable(model, &why, key))?;
        Ok(reply::from_response(response, format))
    }
}

fn completions_url(base_url: &str) -> Result<Url, String> {
    let base = normal(base_url)?;
    let mut url = base.join("chat/completions").map_err(|error| format!("`base_url`: {error}"))?;
    url.set_query(base.query());
    Ok(url)
}

fn adapter(provider: &str) -> Option<AdapterKind> {
    if provider == OPENAI_RESPONSES {
        return Some(AdapterKind::OpenAIResp);
    }
    AdapterKind::from_lower_str(provider)
}

/// The address with the `/` at its end that relative paths need.
fn normal(base_url: &str) -> Result<Url, String> {
    let mut url = Url::parse(base_url).map_err(|error| format!("`base_url`: {error}"))?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// How to call a server at an address of one's own without a key.
///
/// The Responses wire then carries no `Authorization` header at all, as that of Chat Completions;
/// the others cannot do without a key, and get a word that is none.
fn anonymous(kind: AdapterKind, base_url: &Url) -> AuthData {
    if kind != AdapterKind::OpenAIResp {
        return AuthData::Key("none".to_owned());
    }
    match base_url.join("responses") {
        Ok(mut url) => {
            url.set_query(base_url.query());
            AuthData::RequestOverride { url: url.to_string(), headers: Headers::default() }
        }
        Err(_) => AuthData::Key("none".to_owned()),
    }
}
