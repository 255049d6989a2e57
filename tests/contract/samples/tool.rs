//! Samples of tools, calls and outcomes.

use std::collections::BTreeMap;
use std::time::Duration;

use longhaul_contract::tool::{
    ConnectionNeed, Effect, FilesOperation, HttpRest, Lane, MetaTool, ToolBinding, ToolErrorKind,
    ToolInvocation, ToolOutcome, ToolSpec,
};
use serde_json::json;

use super::conversation::blob;
use super::interrupt::{asked, grant, judging};
use super::{digest, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let invocation = ToolInvocation {
        v: 1,
        definition: digest(),
        call: text("call_3_1"),
        tool: text("files.read"),
        arguments: json!({"path": "Cargo.toml", "lines": 40}),
        key: text("0199d3c0-aaaa/call_3_1"),
        turn: 3,
        chain: String::new(),
        index: 0,
        blob: None,
        judging: None,
        grant: None,
        answer: None,
        response: None,
        resume: None,
    };
    let long = ToolInvocation {
        v: 2,
        arguments: json!({"path": "BRIEF.md", "content": "# Br…"}),
        chain: text("0199d3c0-aaaa"),
        index: 2,
        blob: Some(blob()),
        ..invocation.clone()
    };
    let judged =
        ToolInvocation { judging: Some(Box::new(judging())), grant: Some(grant()), ..long.clone() };
    let answered = ToolInvocation {
        answer: Some(json!("b")),
        response: Some(json!({"enum": ["a", "b"]})),
        resume: None,
        ..long.clone()
    };
    let resumed = ToolInvocation { resume: Some(json!({"state": "s1"})), ..answered.clone() };
    let specs = specs();
    vec![
        kind(
            "tool_invocation",
            [
                ("read", invocation),
                ("long", long),
                ("judged", judged),
                ("answered", answered),
                ("resumed", resumed),
            ],
        ),
        kind("tool_outcome", outcomes().into_iter().map(|it| (outcome_case(&it), it))),
        kind(
            "tool_spec",
            specs
                .into_iter()
                .chain(more_specs())
                .chain(tools_from_elsewhere())
                .map(|spec| (spec_case(&spec), spec)),
        ),
    ]
}

/// A tool for each binding.
pub(super) fn specs() -> Vec<ToolSpec> {
    let files = ToolSpec {
        name: text("files.read"),
        description: text("Reads a text file."),
        parameters: json!({
            "type": "object",
            "required": ["path"],
            "properties": {"path": {"type": "string"}},
            "additionalProperties": false,
        }),
        effect: Effect::Read,
        idempotent: false,
        timeout: None,
        lane: Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Files { root: text("."), operation: FilesOperation::Read },
    };
    let get = ToolSpec {
        name: text("echo"),
        description: text("Returns text of the asked length."),
        parameters: json!({"type": "object", "required": ["n"]}),
        binding: ToolBinding::Http {
            method: text("GET"),
            url: text("http://127.0.0.1:18080/tool/echo?n={n}"),
            headers: Vec::new(),
            rest: HttpRest::Query,
        },
        ..files.clone()
    };
    let post = ToolSpec {
        name: text("ticket.create"),
        effect: Effect::Create,
        idempotent: true,
        timeout: Some(Duration::from_millis(2_500)),
        binding: ToolBinding::Http {
            method: text("POST"),
            url: text("https://tickets.example/v1/{project}"),
            headers: vec![(text("authorization"), text("Bearer ${TICKETS_TOKEN}"))],
            rest: HttpRest::Body,
        },
        ..get.clone()
    };
    vec![files, get, post]
}

/// Tools of kinds that came later; the definitions of older samples are without them.
fn more_specs() -> Vec<ToolSpec> {
    let results = ToolSpec {
        name: text("results.read"),
        description: text("Reads on in a long result."),
        parameters: json!({"type": "object", "required": ["call"]}),
        effect: Effect::Read,
        idempotent: false,
        timeout: None,
        lane: Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Results,
    };
    let fast = ToolSpec { lane: Lane::Fast, ..results.clone() };
    let normal = ToolSpec { lane: Lane::Normal, ..results.clone() };
    let person =
        ToolSpec { name: text("ask_person"), binding: ToolBinding::Person, ..results.clone() };
    let external = ToolSpec {
        name: text("warehouse.pick"),
        effect: Effect::Update,
        binding: ToolBinding::External { result: None },
        ..results.clone()
    };
    let typed = ToolSpec {
        binding: ToolBinding::External { result: Some(json!({"type": "object"})) },
        ..external.clone()
    };
    vec![results, fast, normal, person, external, typed]
}

/// Tools from elsewhere: the catalogue, MCP servers, the worker's program.
fn tools_from_elsewhere() -> Vec<ToolSpec> {
    let issue = ToolSpec {
        name: text("github.issues.create"),
        description: text("GitHub: Open an issue."),
        parameters: json!({"type": "object", "required": ["title"]}),
        effect: Effect::Create,
        idempotent: false,
        timeout: None,
        lane: Lane::Normal,
        reversible: true,
        connection: Some(Box::new(ConnectionNeed {
            integration: text("github"),
            name: text("default"),
            scopes: BTreeMap::from([(text("oauth"), vec![text("repo")])]),
        })),
        budget: Some(16_384),
        deferred: false,
        binding: ToolBinding::Catalog {
            integration: text("github"),
            operation: text("issues.create"),
        },
    };
    let plain = ToolSpec { reversible: false, connection: None, budget: None, ..issue.clone() };
    let mcp = ToolSpec {
        name: text("git.status"),
        binding: ToolBinding::Mcp {
            server: text("git"),
            tool: text("git_status"),
            pinned: text("3f9a1c77d0"),
        },
        ..plain.clone()
    };
    let native = ToolSpec { name: text("orders.lookup"), binding: ToolBinding::Native, ..plain };
    let meta = ToolSpec {
        name: text("integrations.search"),
        deferred: true,
        binding: ToolBinding::Meta { operation: MetaTool::Search },
        ..native.clone()
    };
    vec![issue, mcp, native, meta]
}

fn outcomes() -> Vec<ToolOutcome> {
    vec![
        ToolOutcome::Done { content: text("[package]\n"), truncated: false, blob: None },
        ToolOutcome::Done { content: text("[pack"), truncated: true, blob: None },
        ToolOutcome::Done { content: text("[pack"), truncated: false, blob: Some(blob()) },
        ToolOutcome::Failed {
            error: ToolErrorKind::NotFound,
            message: text("no file `Cargo.tml`"),
        },
        ToolOutcome::Refused { reason: text("no tool `files.reed`") },
        ToolOutcome::Denied { reason: some("too early") },
        ToolOutcome::Denied { reason: None },
        ToolOutcome::Expired,
        ToolOutcome::Unknown { message: text("the worker died after the request was sent") },
        ToolOutcome::Cancelled,
        ToolOutcome::Answered { content: text("use the other file"), blob: None },
        ToolOutcome::Answered { content: text("use the"), blob: Some(blob()) },
        ToolOutcome::Questioned { question: text("which customer?") },
        ToolOutcome::Skipped,
        ToolOutcome::MustAsk { judged: Box::new(asked()) },
    ]
}

fn outcome_case(outcome: &ToolOutcome) -> &'static str {
    match outcome {
        ToolOutcome::Done { blob: Some(_), .. } => "done_blob",
        ToolOutcome::Done { truncated: false, .. } => "done",
        ToolOutcome::Done { .. } => "done_truncated",
        ToolOutcome::Failed { .. } => "failed",
        ToolOutcome::Refused { .. } => "refused",
        ToolOutcome::Denied { reason: Some(_) } => "denied_reason",
        ToolOutcome::Denied { reason: None } => "denied",
        ToolOutcome::Expired => "expired",
        ToolOutcome::Unknown { .. } => "unknown",
        ToolOutcome::Cancelled => "cancelled",
        ToolOutcome::Answered { blob: None, .. } => "answered",
        ToolOutcome::Answered { blob: Some(_), .. } => "answered_blob",
        ToolOutcome::Questioned { .. } => "questioned",
        ToolOutcome::Skipped => "skipped",
        ToolOutcome::MustAsk { .. } => "must_ask",
    }
}

fn spec_case(spec: &ToolSpec) -> &'static str {
    match &spec.binding {
        ToolBinding::Results => match spec.lane {
            Lane::Learnt => "results",
            Lane::Fast => "results_fast",
            Lane::Normal => "results_normal",
        },
        ToolBinding::Person => "person",
        ToolBinding::External { result: None } => "external",
        ToolBinding::External { result: Some(_) } => "external_result",
        ToolBinding::Files { .. } => "files",
        ToolBinding::Http { rest: HttpRest::Query, .. } => "http_query",
        ToolBinding::Http { rest: HttpRest::Body, .. } => "http_body",
        ToolBinding::Catalog { .. } => "catalog",
        ToolBinding::Mcp { .. } => "mcp",
        ToolBinding::Native => "native",
        ToolBinding::Meta { .. } => "meta",
    }
}
