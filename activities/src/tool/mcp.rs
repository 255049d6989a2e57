//! Tools of MCP servers: found as an agent is loaded, called as its runs go on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use longhaul_contract::definition::{Definition, McpServer, McpTransport};
use longhaul_contract::failure::FailureKind;
use longhaul_contract::interrupt::{InterruptKind, Judged, Plan, Stage};
use longhaul_contract::policy::{OnDeadline, Outcome, Verdict};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{
    Effect, Lane, ToolBinding, ToolErrorKind, ToolInvocation, ToolSpec, one_line,
};
use longhaul_mcp::{
    Answer, Call, Connect, Content, Credential, FailedKind, InputRequest, McpOutcome, McpTool,
    Resume, Server, Servers, Stdio,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::accounts::Called;
use super::trouble::{Course, EffectSeen, Trouble};
use crate::error::Failure;
use crate::model::names;

/// How long a run waits for an answer that a server asked for.
const QUESTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Most bytes of what a server wants to have back.
const MOST_STATE: usize = 64 * 1024;
/// What a person says to a tool that has changed.
const ACCEPT: &str = "use it as it is now";

/// What goes into history with a question, and comes back with its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Back {
    /// The server asked.
    Asked {
        /// The ids of its questions.
        ids: Vec<String>,
        /// Its state.
        state: Option<String>,
        /// The hash of the tool that asked.
        pinned: String,
    },
    /// The tool is not what it was.
    Changed {
        /// What it is now.
        now: String,
    },
}

/// The MCP servers of a worker.
#[derive(Clone)]
pub struct McpHost {
    servers: Servers,
}

impl std::fmt::Debug for McpHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("McpHost")
    }
}

impl McpHost {
    /// A host of those servers.
    pub fn new(servers: Servers) -> Self {
        Self { servers }
    }

    /// Adds the tools of the definition's servers, as they are now.
    ///
    /// # Errors
    ///
    /// A server that cannot be reached, to be tried again; one whose tools cannot be used.
    pub(crate) async fn resolve(&self, definition: &mut Definition) -> Result<(), Failure> {
        let mut found = Vec::new();
        for server in &definition.mcp {
            let tools = self.servers.list(&settings(server), &Credential::None).await;
            let tools = tools.map_err(|error| {
                let kind = match error.is_retryable() {
                    true => FailureKind::ToolUnavailable,
                    false => FailureKind::AgentInvalid,
                };
                Failure::new(kind, format!("the MCP server `{}`: {error}", server.name))
            })?;
            let wanted = |tool: &McpTool| {
                server.tools.is_empty()
                    || server
                        .tools
                        .iter()
                        .any(|pattern| longhaul_contract::glob::matches(pattern, &tool.name))
            };
            found.extend(tools.into_iter().filter(wanted).map(|tool| spec(server, tool)));
        }
        let names: BTreeSet<&str> = definition.tools.iter().map(|it| it.name.as_str()).collect();
        let mut wires: BTreeSet<String> = names.iter().map(|name| names::wire(name)).collect();
        if let Some(twice) = found.iter().find(|tool| !wires.insert(names::wire(&tool.name))) {
            let message = format!("two tools of the agent are called `{}` by a model", twice.name);
            return Err(Failure::new(FailureKind::AgentInvalid, message));
        }
        definition.tools.extend(found);
        Ok(())
    }

    /// Makes the call once.
    pub(crate) async fn call(
        &self,
        definition: &Definition,
        invocation: &ToolInvocation,
        binding: (&str, &str, &str),
        arguments: Value,
        limit: Duration,
    ) -> Called {
        let (server, tool, pinned) = binding;
        let Some(server) = definition.mcp.iter().find(|it| it.name == server) else {
            let message = format!("the agent has no MCP server `{server}`");
            return Called::Trouble(Trouble::new(ToolErrorKind::NotFound, message));
        };
        let back = invocation.resume.clone().map(serde_json::from_value::<Back>).transpose();
        let (pinned, resume) = match back {
            Ok(None) => (pinned.to_owned(), None),
            Ok(Some(Back::Changed { now })) => (now, None),
            Ok(Some(Back::Asked { ids, state, pinned })) => {
                (pinned, Some(resumed(ids, state, invocation.answer.as_ref())))
            }
            Err(error) => {
                let message = format!("what the server wanted to have back is lost: {error}");
                return Called::Trouble(Trouble::new(ToolErrorKind::Other, message));
            }
        };
        let settings = settings(server);
        let call = Call {
            tool: tool.to_owned(),
            arguments: arguments.as_object().cloned().unwrap_or_else(Map::new),
            pinned: Some(pinned.clone()),
            resume,
            progress: None,
        };
        let work = async {
            let mut outcome = self.servers.call(&settings, &Credential::None, call).await;
            // As long as the call may take; a worker that dies meanwhile begins it anew.
            while let McpOutcome::Task { id, poll_after, .. } = outcome {
                tokio::time::sleep(poll_after).await;
                outcome = self.servers.poll(&settings, &Credential::None, &id, None).await;
            }
            outcome
        };
        match tokio::time::timeout(limit, work).await {
            Ok(outcome) => called(server, tool, &pinned, outcome),
            Err(_) => Called::Trouble(Trouble {
                effect: EffectSeen::Perhaps,
                ..Trouble::new(ToolErrorKind::Timeout, format!("`{tool}` took over {limit:?}"))
                    .on(Course::Passing(None))
            }),
        }
    }
}

/// A server of an agent as the client takes it.
fn settings(server: &McpServer) -> Server {
    let mut settings = match &server.transport {
        McpTransport::Stdio { command, args, env } => Server::stdio(
            &server.name,
            Stdio {
                command: command.clone(),
                args: args.clone(),
                env: env.iter().map(|name| (name.clone(), format!("${{{name}}}"))).collect(),
                ..Stdio::default()
            },
        ),
        McpTransport::Http { url, headers } => {
            let mut settings = Server::http(&server.name, url);
            if let Connect::Http(http) = &mut settings.connect {
                http.headers = headers.iter().cloned().collect();
            }
            settings
        }
    };
    settings.trusted = server.trusted;
    settings
}

/// A tool of a server as agents know it.
fn spec(server: &McpServer, tool: McpTool) -> ToolSpec {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = tool.name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    ToolSpec {
        name: format!("{}.{}", server.name, name.trim_matches('.').replace("..", ".")),
        description: tool.description,
        parameters: tool.parameters,
        effect: tool.effect,
        idempotent: tool.idempotent,
        timeout: None,
        lane: if tool.effect == Effect::Read { Lane::Learnt } else { Lane::Normal },
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Mcp {
            server: server.name.clone(),
            tool: tool.name,
            pinned: tool.hash,
        },
    }
}

fn resumed(ids: Vec<String>, state: Option<String>, answer: Option<&Value>) -> Resume {
    let several = ids.len() > 1;
    let of = |id: &str| match answer {
        None => Answer::Cancel,
        Some(answer) if several => Answer::Accept { content: answer.get(id).cloned() },
        Some(answer) => Answer::Accept { content: Some(answer.clone()) },
    };
    let answers: BTreeMap<String, Answer> =
        ids.into_iter().map(|id| (id.clone(), of(&id))).collect();
    Resume { answers, state }
}

fn called(server: &McpServer, tool: &str, pinned: &str, outcome: McpOutcome) -> Called {
    let trouble = |kind, message: String| Called::Trouble(Trouble::new(kind, message));
    match outcome {
        McpOutcome::Done { content, structured } => Called::Done(text(&content, structured)),
        McpOutcome::Failed { kind, message, retry_after } => {
            let error = match kind {
                FailedKind::Tool => ToolErrorKind::Other,
                FailedKind::Validation => ToolErrorKind::Validation,
                FailedKind::RateLimit => ToolErrorKind::RateLimit,
                FailedKind::Upstream => ToolErrorKind::Upstream,
            };
            let trouble = Trouble::new(error, message);
            Called::Trouble(match kind.is_retryable() {
                true => trouble.on(Course::Passing(retry_after)),
                false => trouble,
            })
        }
        McpOutcome::Unknown { message } => Called::Trouble(
            Trouble::new(ToolErrorKind::Upstream, message)
                .on(Course::Passing(None))
                .with_effect(EffectSeen::Perhaps),
        ),
        McpOutcome::InputRequired { requests, state, repeats: _ } => {
            if state.as_ref().is_some_and(|state| state.len() > MOST_STATE) {
                let message = format!("`{tool}` asks for more than {MOST_STATE} bytes back");
                return trouble(ToolErrorKind::Upstream, message);
            }
            let (words, schema) = question(&requests);
            let ids = requests.into_keys().collect();
            let back = Back::Asked { ids, state, pinned: pinned.to_owned() };
            asking(format!("`{}` asks: {words}", server.name), words, schema, &back)
        }
        McpOutcome::Changed { pinned: _, now: None } => trouble(
            ToolErrorKind::NotFound,
            format!("`{}` has no tool `{tool}` any more", server.name),
        ),
        McpOutcome::Changed { pinned: _, now: Some(now) } => {
            let reason = format!("`{tool}` of `{}` is not what it was", server.name);
            let preview = format!("it says now: {}", one_line(&now.description, 2_000));
            let schema = json!({"enum": [ACCEPT]});
            asking(reason, preview, Some(schema), &Back::Changed { now: now.hash })
        }
        McpOutcome::AuthRequired(_) => trouble(
            ToolErrorKind::Auth,
            format!(
                "the MCP server `{}` wants to know who asks: its `headers` in the agent's file \
                 can say so",
                server.name
            ),
        ),
        McpOutcome::Task { .. } => {
            trouble(ToolErrorKind::Upstream, format!("`{tool}` goes on without an end"))
        }
    }
}

/// The gate at which a person answers what a server asked.
fn asking(reason: String, preview: String, response: Option<Value>, back: &Back) -> Called {
    let until = Timestamp::from(SystemTime::now()).plus(QUESTION);
    let plan = Plan {
        kind: InterruptKind::Elicitation,
        stages: vec![Stage { groups: Vec::new(), until, remind_at: Vec::new() }],
        outcome: OnDeadline::Deny,
        approvers: Vec::new(),
        rules: Vec::new(),
        because: Vec::new(),
        preview: Some(preview),
        offers: Vec::new(),
        response,
        batch: false,
        masked: None,
        connect: None,
        resume: serde_json::to_value(back).ok(),
    };
    let verdict = Verdict::new(Outcome::Ask, one_line(&reason, 300));
    Called::Ask(Box::new(Judged { verdict, plan: Some(plan) }))
}

/// What a person reads, and the schema of their answer.
fn question(requests: &BTreeMap<String, InputRequest>) -> (String, Option<Value>) {
    let words = |request: &InputRequest| match request {
        InputRequest::Form { message, .. } => message.clone(),
        InputRequest::Url { message, url } => format!("{message}\n{url}"),
    };
    let schema = |request: &InputRequest| match request {
        InputRequest::Form { schema, .. } => Some(schema.clone()),
        InputRequest::Url { .. } => None,
    };
    let all: Vec<String> = requests.values().map(words).collect();
    let response = match requests.iter().collect::<Vec<_>>().as_slice() {
        [(_, request)] => schema(request),
        several => {
            let properties: Map<String, Value> = several
                .iter()
                .map(|(id, request)| ((*id).clone(), schema(request).unwrap_or(Value::Bool(true))))
                .collect();
            let required: Vec<&String> = several.iter().map(|(id, _)| *id).collect();
            Some(json!({"type": "object", "properties": properties, "required": required}))
        }
    };
    (all.join("\n"), response)
}

/// What the model reads of a result.
fn text(content: &[Content], structured: Option<Value>) -> String {
    if let Some(structured) = structured {
        return structured.to_string();
    }
    let part = |content: &Content| match content {
        Content::Text(text) => text.clone(),
        Content::Binary { bytes, media_type, uri } => {
            let from = uri.as_ref().map(|uri| format!(" from {uri}")).unwrap_or_default();
            format!("[{media_type}, {} bytes{from}]", bytes.len())
        }
        Content::Link { uri, name, .. } => format!("[{name}]({uri})"),
    };
    content.iter().map(part).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
