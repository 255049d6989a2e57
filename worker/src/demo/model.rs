//! Which model the demo runs with, and the agent file made for it.

use crate::env_vars::Env;

/// The agent that ships with Longhaul.
const SHIPPED: &str = include_str!("../../../agents/brief.yaml");

/// The model of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// The scenario `brief`.
    Scripted,
    /// A model whose key is in the environment.
    Real {
        /// The provider, as agent files name it.
        provider: &'static str,
        /// The model.
        name: String,
        /// Where it is, if not at its usual address.
        base_url: Option<String>,
        /// The variable that holds the key.
        key: &'static str,
    },
}

/// Provider, variable of the key, variable of the model's name, its default, variable of the
/// address.
type Known = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const KNOWN: [Known; 3] = [
    ("openai", "OPENAI_API_KEY", "OPENAI_MODEL", "gpt-4.1", Some("OPENAI_BASE_URL")),
    ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_MODEL", "claude-sonnet-4-5", None),
    ("gemini", "GEMINI_API_KEY", "GEMINI_MODEL", "gemini-2.5-pro", None),
];

impl Model {
    /// The first model with a key in the environment, else the scripted one.
    pub(super) fn of(env: &Env) -> Self {
        let keyed = KNOWN.into_iter().find(|(_, key, ..)| env.get(key).is_some());
        match keyed {
            None => Self::Scripted,
            Some((provider, key, model, default, address)) => Self::Real {
                provider,
                name: env.get(model).unwrap_or(default).to_owned(),
                base_url: address.and_then(|name| env.get(name)).map(str::to_owned),
                key,
            },
        }
    }

    /// What is said about it before anything runs.
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::Scripted => vec![
                "scripted: no language model is asked, the steps follow from what the tools return".to_owned(),
                "(with OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY set, that model decides)".to_owned(),
            ],
            Self::Real { provider, name, base_url, key } => {
                let place = base_url.as_ref().map_or(String::new(), |url| format!(" at {url}"));
                vec![
                    format!("{provider} {name}{place}, with the key in {key}"),
                    "(what the agent reads is sent there; `--scripted` sends nothing anywhere)".to_owned(),
                ]
            }
        }
    }
}

/// The shipped agent with the model put in.
pub(super) fn agent_file(model: &Model) -> String {
    let line = match model {
        Model::Scripted => "model: {provider: script, name: brief}".to_owned(),
        Model::Real { provider, name, base_url, key } => {
            let address = base_url
                .as_ref()
                .map_or(String::new(), |url| format!(", base_url: {}", quoted(url)));
            format!(
                "model: {{provider: {provider}, name: {}{address}, api_key_env: {key}}}",
                quoted(name)
            )
        }
    };
    let mut text = String::with_capacity(SHIPPED.len() + 80);
    for old in SHIPPED.lines() {
        if old.starts_with("model:") {
            text.push_str(&line);
        } else if old.starts_with("# yaml-language-server:") {
            // The schema is not beside the copy.
            continue;
        } else {
            text.push_str(old);
        }
        text.push('\n');
    }
    text
}

/// A JSON string is a YAML string, whatever is in it.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests;
