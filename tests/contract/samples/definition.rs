//! Samples of pinned agents.

use std::time::Duration;

use longhaul_contract::definition::{
    Action, ActsFor, ApprovalRule, ContextSettings, ContinueAfter, Definition, LoadAgent,
    LoadedAgent, McpServer, McpTransport, ModelSettings, OnTimeout, Price,
};
use longhaul_contract::identity::Trust;
use longhaul_contract::limits::{Limits, Spend};
use longhaul_contract::model::Usage;
use longhaul_contract::names::{ATTRIBUTE_AGENT, ATTRIBUTE_STATE};
use serde_json::json;

use super::{policy, some, text, tool};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let usage = Usage {
        input_tokens: 1_200,
        output_tokens: 340,
        cached_tokens: 800,
        reasoning_tokens: 120,
    };
    let spend = Spend { turns: 4, tool_calls: 6, usage, cost_usd: Some(0.0125) };
    let load = LoadAgent { v: 1, agent: text("brief"), continues: None, chain: String::new() };
    vec![
        kind(
            "definition",
            [("full", full()), ("least", least()), ("long", long()), ("ruled", ruled())],
        ),
        kind(
            "context_settings",
            [("default", ContextSettings::default()), ("full", context_settings())],
        ),
        kind(
            "continue_after",
            [("default", ContinueAfter::default()), ("early", continue_early())],
        ),
        kind(
            "load_agent",
            [
                ("first", load.clone()),
                ("continues", LoadAgent { continues: some("0199d3c0-aaaa"), ..load.clone() }),
                ("reset", LoadAgent { chain: text("0199d3c0-aaaa"), ..load }),
            ],
        ),
        kind(
            "loaded_agent",
            [
                (
                    "full",
                    LoadedAgent {
                        v: 1,
                        definition: full(),
                        search_attributes: vec![text(ATTRIBUTE_AGENT), text(ATTRIBUTE_STATE)],
                        carried: super::conversation::items(),
                        sealed: None,
                        trust: Trust::default(),
                        quick: Vec::new(),
                    },
                ),
                (
                    "sealed",
                    LoadedAgent {
                        v: 2,
                        definition: long(),
                        search_attributes: vec![text(ATTRIBUTE_AGENT)],
                        carried: Vec::new(),
                        sealed: Some(super::archive::sealed()),
                        trust: Trust::default(),
                        quick: Vec::new(),
                    },
                ),
                (
                    "trusting",
                    LoadedAgent {
                        v: 4,
                        definition: least(),
                        search_attributes: Vec::new(),
                        carried: Vec::new(),
                        sealed: None,
                        trust: super::identity::trust(),
                        quick: Vec::new(),
                    },
                ),
                (
                    "quick",
                    LoadedAgent {
                        v: 5,
                        definition: elsewhere(),
                        search_attributes: Vec::new(),
                        carried: Vec::new(),
                        sealed: None,
                        trust: Trust::default(),
                        quick: vec![text("files.read")],
                    },
                ),
                (
                    "least",
                    LoadedAgent {
                        v: 1,
                        definition: least(),
                        search_attributes: Vec::new(),
                        carried: Vec::new(),
                        sealed: None,
                        trust: Trust::default(),
                        quick: Vec::new(),
                    },
                ),
            ],
        ),
        kind("spend", [("full", spend), ("none", Spend::default())]),
        kind("limits", [("default", Limits::default())]),
    ]
}

fn full() -> Definition {
    Definition {
        v: 1,
        name: text("brief"),
        description: text("Writes a brief of a folder."),
        model: ModelSettings {
            provider: text("openai"),
            name: text("any-model"),
            base_url: some("http://127.0.0.1:18080/v1"),
            api_key_env: some("OPENAI_API_KEY"),
            max_tokens: Some(4_096),
            temperature: Some(0.2),
            timeout: Some(Duration::from_secs(120)),
            price: Some(Price { input: 1.25, output: 10.0, cached: Some(0.125) }),
        },
        instructions: text("You write briefs.\n"),
        tools: tool::specs(),
        network_allow: vec![text("127.0.0.1:18080")],
        approvals: vec![
            ApprovalRule {
                tools: vec![text("files.write")],
                action: Action::Ask,
                timeout: Some(Duration::from_secs(86_400)),
                on_timeout: OnTimeout::Fail,
            },
            ApprovalRule {
                tools: vec![text("http.*"), text("echo")],
                action: Action::Refuse,
                timeout: None,
                on_timeout: OnTimeout::Deny,
            },
        ],
        rules: Vec::new(),
        limits: Limits {
            turns: 2_000,
            tokens: Some(5_000_000),
            wall_time: Some(Duration::from_secs(30 * 86_400)),
            blocked: Duration::from_secs(86_400),
            parallel_tools: 4,
        },
        output: Some(json!({"type": "object", "required": ["title"]})),
        context: None,
        continue_after: ContinueAfter::default(),
        acts_for: ActsFor::Agent,
        mcp: Vec::new(),
    }
}

/// With rules that say more than which tools.
fn ruled() -> Definition {
    Definition { rules: vec![policy::rule()], ..least() }
}

/// With tools from elsewhere.
fn elsewhere() -> Definition {
    let git = McpServer {
        name: text("git"),
        transport: McpTransport::Stdio {
            command: text("mcp-server-git"),
            args: vec![text("--repository"), text(".")],
            env: vec![text("GIT_TOKEN")],
        },
        tools: vec![text("git_*")],
        trusted: true,
    };
    let notes = McpServer {
        name: text("notes"),
        transport: McpTransport::Http {
            url: text("https://notes.example/mcp"),
            headers: vec![(text("authorization"), text("Bearer ${NOTES_TOKEN}"))],
        },
        tools: Vec::new(),
        trusted: false,
    };
    Definition { acts_for: ActsFor::Principal(text("team:ops")), mcp: vec![git, notes], ..least() }
}

/// With the settings of long runs.
fn long() -> Definition {
    Definition { context: Some(context_settings()), continue_after: continue_early(), ..least() }
}

fn context_settings() -> ContextSettings {
    ContextSettings {
        window: Some(200_000),
        compact_at: 75,
        keep_turns: 4,
        model: Some(ModelSettings { name: text("small-model"), ..least().model }),
        instructions: some("Keep every file name."),
    }
}

fn continue_early() -> ContinueAfter {
    ContinueAfter { events: 400, bytes: 65_536, updates: 20, signals: 30 }
}

pub(super) fn least() -> Definition {
    Definition {
        v: 1,
        name: text("echo"),
        description: String::new(),
        model: ModelSettings {
            provider: text("script"),
            name: text("echo"),
            base_url: None,
            api_key_env: None,
            max_tokens: None,
            temperature: None,
            timeout: None,
            price: None,
        },
        instructions: String::new(),
        tools: Vec::new(),
        network_allow: Vec::new(),
        approvals: Vec::new(),
        rules: Vec::new(),
        limits: Limits::default(),
        output: None,
        context: None,
        continue_after: ContinueAfter::default(),
        acts_for: ActsFor::Agent,
        mcp: Vec::new(),
    }
}
