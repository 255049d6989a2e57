//! Status, lists and transcripts.

use longhaul_contract::limits::Spend;
use longhaul_contract::model::Usage;
use serde_json::json;

use super::*;

fn summary(id: &str, state: Option<RunState>) -> RunSummary {
    RunSummary {
        id: id.to_owned(),
        run_id: "r".to_owned(),
        agent: None,
        status: "running".to_owned(),
        state,
        waiting_for: vec!["files.write OUT.md".to_owned()],
        started_at: Some(Timestamp::from_millis(0)),
        closed_at: None,
    }
}

#[test]
fn a_list_lines_up() {
    let runs = [summary("brief-1", Some(RunState::WaitingForApproval)), summary("a", None)];
    assert_eq!(
        list(&runs, Timestamp::from_millis(61_000), Paint::PLAIN),
        [
            "brief-1  waiting for approval started 1m 01s ago  waits for files.write OUT.md",
            "a        running              started 1m 01s ago  waits for files.write OUT.md",
        ]
    );
}

#[test]
fn a_status_leaves_out_what_is_not_there() {
    let view = StatusView {
        agent: "brief".to_owned(),
        state: RunState::Completed,
        session: false,
        turn: 5,
        waiting_for: Vec::new(),
        blocked: None,
        queued_messages: 0,
        items: 9,
        spend: Spend {
            turns: 5,
            tool_calls: 7,
            usage: Usage { input_tokens: 1_200, output_tokens: 300, ..Usage::default() },
            cost_usd: None,
        },
        answer: Some(json!("First line.\nSecond.")),
        failure: None,
        definition: None,
        started_at: Timestamp::from_millis(0),
        ignored_signals: 0,
        continued: 0,
        chain: String::new(),
    };
    assert_eq!(
        status("brief-1", &view, Timestamp::from_millis(2_000), Paint::PLAIN),
        [
            "brief-1  completed",
            "  agent      brief (task)",
            "  started    2.0 s ago",
            "  turn       5",
            "  spent      7 tool calls, 1,200 tokens in, 300 out",
            "  answer     First line.\n             Second.",
        ]
    );
}

#[test]
fn a_transcript_shows_who_said_what() {
    let items = [
        Item::User { text: "Look.".to_owned() },
        Item::Assistant {
            text: None,
            calls: vec![ToolCall {
                id: "1".to_owned(),
                tool: "files.read".to_owned(),
                arguments: json!({"path": "a.md"}),
                problem: None,
                blob: None,
            }],
            native: None,
            blob: None,
        },
        Item::ToolResult {
            call: "1".to_owned(),
            tool: "files.read".to_owned(),
            result: ToolOutcome::Denied { reason: Some("no\u{1b}[0m".to_owned()) },
            edited: None,
        },
    ];
    assert_eq!(
        transcript(&items, Extent::Preview, Paint::PLAIN),
        [
            "user",
            "  Look.",
            "",
            "agent",
            "  → files.read a.md",
            "",
            "files.read denied",
            "  no\u{fffd}[0m"
        ]
    );
}

#[test]
fn a_preview_cuts_long_results() {
    let text = format!("{}\n{}", "x".repeat(200), "line\n".repeat(20));
    let cut = excerpt(&text, Extent::Preview);
    assert_eq!(cut.lines().count(), 13);
    assert!(cut.ends_with("… 9 more lines"), "{cut}");
    assert_eq!(excerpt(&text, Extent::Whole), text);
}
