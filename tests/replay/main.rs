//! Recorded runs are replayed with the code of today: a change that no longer takes the same steps
//! is found here before it meets a run that is under way.
//!
//! `LONGHAUL_RECORD=1 cargo test -p longhaul-tests --test replay record` makes the recordings in
//! `histories/` anew, on a real server. A recording that runs in the field depend on is not
//! replaced: a new one is added beside it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[cfg(feature = "server")]
mod record;

use std::path::{Path, PathBuf};

use longhaul::compose::replayer;
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

/// Every recording that there must be.
const RECORDINGS: [&str; 69] = [
    "answered-4",
    "archive_away-2",
    "archive_away-3",
    "archive_away-4",
    "asked-4",
    "blocked",
    "blocked-2",
    "blocked-3",
    "blocked-4",
    "cancelled",
    "cancelled-2",
    "cancelled-3",
    "cancelled-4",
    "chain_first-2",
    "chain_first-3",
    "chain_first-4",
    "chain_gate-2",
    "chain_gate-3",
    "chain_gate-4",
    "chain_last-2",
    "chain_last-3",
    "chain_last-4",
    "compacted-2",
    "compacted-3",
    "compacted-4",
    "crashed",
    "crashed-2",
    "crashed-3",
    "crashed-4",
    "denied",
    "denied-2",
    "denied-3",
    "denied-4",
    "edited",
    "edited-2",
    "edited-3",
    "edited-4",
    "escalated-4",
    "expired",
    "expired-2",
    "expired-3",
    "expired-4",
    "express-2",
    "express-3",
    "express-4",
    "failed",
    "failed-2",
    "failed-3",
    "failed-4",
    "gate",
    "gate-2",
    "gate-3",
    "gate-4",
    "held-4",
    "interrupted_model-4",
    "interrupted_tools-4",
    "questioned-4",
    "quorum-4",
    "remembered-4",
    "reopened-4",
    "revoked-4",
    "session",
    "session-2",
    "session-3",
    "session-4",
    "task",
    "task-2",
    "task-3",
    "task-4",
];

/// The folder of recordings.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/histories")
}

fn recording(name: &str) -> String {
    let path = folder().join(format!("{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn history(name: &str) -> History {
    serde_json::from_str(&recording(name)).unwrap()
}

/// Why the code of today does not take the steps of that history; `None` if it does.
async fn difference(history: History) -> Option<String> {
    let replayed = replayer().unwrap().replay_workflow(history.into()).await;
    replayed.err().map(|error| error.to_string())
}

#[tokio::test]
async fn every_recorded_run_takes_the_same_steps() {
    let mut differences = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        differences.extend(difference(history(&name)).await.map(|why| format!("{name}: {why}")));
    }
    assert_eq!(differences, Vec::<String>::new());
}

#[tokio::test]
async fn a_step_that_was_not_recorded_is_noticed_in_each() {
    for name in RECORDINGS {
        let mut history = history(name);
        let scheduled = history.events.iter_mut().find_map(|event| match &mut event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(it)) => Some(it),
            Some(_) | None => None,
        });
        "AskOracle".clone_into(&mut scheduled.unwrap().activity_type.as_mut().unwrap().name);
        let why = difference(history).await.unwrap_or_default();
        assert!(why.contains("nondeterministic"), "{name}: {why}");
    }
}

#[tokio::test]
async fn a_reply_that_leads_elsewhere_is_noticed() {
    let mut history = history("task");
    let replies = history.events.iter_mut().filter_map(|event| match &mut event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(it)) => it.result.as_mut(),
        Some(_) | None => None,
    });
    // The first is the definition, the second the model's wish to call a tool.
    let reply = &mut replies.into_iter().nth(1).unwrap().payloads[0];
    let mut wish: serde_json::Value = serde_json::from_slice(&reply.data).unwrap();
    assert_eq!(wish["calls"][0]["tool"], "echo");
    wish["calls"] = serde_json::json!([]);
    wish["text"] = serde_json::json!("I am done");
    reply.data = wish.to_string().into_bytes();
    let why = difference(history).await.unwrap_or_default();
    assert!(why.contains("nondeterministic"), "{why}");
}

#[test]
fn recordings_say_nothing_of_the_machine_they_were_made_on() {
    for name in RECORDINGS {
        // Identities are written `process@machine`; payloads, which hold paths, are base64 here.
        assert!(!recording(name).contains('@'), "{name}");
        let bytes = prost::Message::encode_to_vec(&history(name));
        let text = String::from_utf8_lossy(&bytes);
        for path in ["/home/", "/root/", "/tmp/", "/work/", "/Users/", "/var/"] {
            assert!(!text.contains(path), "{name}: {path}");
        }
    }
}
