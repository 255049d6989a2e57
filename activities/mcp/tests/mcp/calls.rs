//! Listing, calling, pinning, and what becomes of a call whose server fails.

use std::sync::{Arc, Mutex};

use longhaul_contract::tool::Effect;
use longhaul_mcp::{Call, Credential, FailedKind, McpError, McpOutcome, Server, Stdio};
use serde_json::{Value, json};

use crate::support::{FIXTURE, GENERATIONS, call, fixture, lives, servers, text, until};

#[tokio::test]
async fn both_generations_list_and_call() {
    for (generation, protocol) in [("new", "2026-07-28"), ("old", "2025-11-25")] {
        let (servers, server) = (servers(), fixture(generation));
        assert_eq!(servers.protocol(&server, &Credential::None).await.unwrap(), protocol);
        let tools = servers.list(&server, &Credential::None).await.unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert!(names.is_sorted() && names.contains(&"echo"), "{names:?}");
        let echo = tools.iter().find(|tool| tool.name == "echo").unwrap();
        assert_eq!(echo.effect, Effect::Opaque, "its word is not believed");
        assert_eq!(text(&servers, &server, "echo", json!({"text": "hi"})).await, "hi");
        assert_eq!(servers.count(), 1, "one session for all of it");
    }
}

#[tokio::test]
async fn a_trusted_server_is_believed_and_has_a_session_of_its_own() {
    let (servers, server) = (servers(), fixture("new"));
    let trusted = Server { trusted: true, ..server.clone() };
    let tools = servers.list(&trusted, &Credential::None).await.unwrap();
    assert_eq!(tools.iter().find(|tool| tool.name == "echo").unwrap().effect, Effect::Read);
    assert_eq!(tools.iter().find(|tool| tool.name == "crash").unwrap().effect, Effect::Opaque);
    servers.list(&server, &Credential::None).await.unwrap();
    assert_eq!(servers.count(), 2);
}

#[tokio::test]
async fn a_tool_that_changed_is_not_called() {
    for generation in GENERATIONS {
        let (servers, server) = (servers(), fixture(generation));
        let tools = servers.list(&server, &Credential::None).await.unwrap();
        let pinned = tools.iter().find(|tool| tool.name == "echo").unwrap().hash.clone();
        let echo = |pinned: &str| Call {
            pinned: Some(pinned.to_owned()),
            ..call("echo", json!({"text": "hi"}))
        };
        let done = servers.call(&server, &Credential::None, echo(&pinned)).await;
        assert!(matches!(done, McpOutcome::Done { .. }), "{generation}: {done:?}");

        text(&servers, &server, "change", json!({})).await;
        // The new generation tells nobody who did not ask; a session's list lasts a minute, and a
        // hash that does not fit is looked at again.
        let now = servers.list(&server, &Credential::None).await.unwrap();
        let now = now.iter().find(|tool| tool.name == "echo").unwrap();
        let outcome = servers.call(&server, &Credential::None, echo(&pinned)).await;
        let told = McpOutcome::Changed { pinned: pinned.clone(), now: Some(Box::new(now.clone())) };
        assert_eq!(outcome, told, "{generation}");
        assert_eq!(now.description, "Gives back the text, and sends it on.");
        let done = servers.call(&server, &Credential::None, echo(&now.hash)).await;
        assert!(matches!(done, McpOutcome::Done { .. }), "{generation}: {done:?}");

        let gone = Call { pinned: Some(pinned.clone()), ..call("gone", json!({})) };
        let outcome = servers.call(&server, &Credential::None, gone).await;
        assert_eq!(outcome, McpOutcome::Changed { pinned, now: None }, "{generation}");
    }
}

#[tokio::test]
async fn a_crash_in_mid_call_leaves_the_outcome_unknown_and_the_next_call_works() {
    for generation in GENERATIONS {
        let (servers, server) = (servers(), fixture(generation));
        let outcome = servers.call(&server, &Credential::None, call("crash", json!({}))).await;
        assert!(matches!(&outcome, McpOutcome::Unknown { .. }), "{generation}: {outcome:?}");
        assert_eq!(text(&servers, &server, "echo", json!({"text": "again"})).await, "again");
    }
}

#[tokio::test]
async fn a_server_killed_in_mid_call_is_started_again() {
    let (servers, server) = (servers(), fixture("new"));
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let hang = call("hang", json!({"folder": folder.path()}));
    let waiting = tokio::spawn({
        let (servers, server) = (servers.clone(), server.clone());
        async move { servers.call(&server, &Credential::None, hang).await }
    });
    until("the call has begun", || {
        std::fs::read_to_string(&begun).is_ok_and(|pid| !pid.is_empty())
    })
    .await;
    let pid: i32 = std::fs::read_to_string(&begun).unwrap().parse().unwrap();
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let outcome = waiting.await.unwrap();
    assert!(matches!(&outcome, McpOutcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(text(&servers, &server, "echo", json!({"text": "again"})).await, "again");
}

#[tokio::test]
async fn a_read_that_was_lost_is_only_a_failure() {
    let (servers, server) = (servers(), Server { trusted: true, ..fixture("new") });
    let long = Server { most_bytes: Some(100_000), ..server };
    let tools = servers.list(&long, &Credential::None).await.unwrap();
    assert_eq!(tools.iter().find(|tool| tool.name == "echo").unwrap().effect, Effect::Read);
    let echo = call("echo", json!({"text": "x".repeat(200_000)}));
    let outcome = servers.call(&long, &Credential::None, echo).await;
    let McpOutcome::Failed { kind, message, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind, FailedKind::Upstream);
    assert!(message.contains("longer than 100000 bytes"), "{message}");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_session_and_not_the_worker() {
    let (servers, server) = (servers(), Server { most_bytes: Some(100_000), ..fixture("old") });
    let outcome =
        servers.call(&server, &Credential::None, call("big", json!({"bytes": 200_000}))).await;
    let McpOutcome::Unknown { message } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("longer than 100000 bytes"), "{message}");
    assert_eq!(text(&servers, &server, "big", json!({"bytes": 3})).await, "xxx");
}

#[tokio::test]
async fn progress_is_told() {
    for generation in GENERATIONS {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let progress = Call {
            progress: Some(Arc::new(move |progress| {
                listener.lock().unwrap().push((progress.done, progress.total));
            })),
            ..call("progress", json!({}))
        };
        let outcome = servers().call(&fixture(generation), &Credential::None, progress).await;
        assert!(matches!(outcome, McpOutcome::Done { .. }), "{generation}: {outcome:?}");
        let told = told.lock().unwrap().clone();
        assert_eq!(told, [1.0, 2.0, 3.0].map(|done| (done, Some(3.0))), "{generation}");
    }
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_at_the_server() {
    for generation in GENERATIONS {
        let (servers, server) = (servers(), fixture(generation));
        let folder = tempfile::tempdir().unwrap();
        let hang = call("hang", json!({"folder": folder.path()}));
        let begun = until("the call has begun", || folder.path().join("begun").exists());
        tokio::select! {
            outcome = servers.call(&server, &Credential::None, hang) => panic!("{outcome:?}"),
            () = begun => {}
        }
        until("the server knows", || folder.path().join("cancelled").exists()).await;
        assert_eq!(text(&servers, &server, "echo", json!({"text": "on"})).await, "on");
    }
}

#[tokio::test]
async fn a_call_without_answer_or_progress_ends_unknown() {
    let (servers, server) = (servers(), Server { call_timeout: Some(1), ..fixture("new") });
    let folder = tempfile::tempdir().unwrap();
    let hang = call("hang", json!({"folder": folder.path()}));
    let outcome = servers.call(&server, &Credential::None, hang).await;
    let McpOutcome::Unknown { message } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("for 1 s"), "{message}");
    until("the server knows", || folder.path().join("cancelled").exists()).await;
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let servers = servers();
    let missing =
        Server::stdio("gone", Stdio { command: "no-such-program".to_owned(), ..Stdio::default() });
    let error = servers.list(&missing, &Credential::None).await.unwrap_err();
    assert!(matches!(&error, McpError::Start { .. }) && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("cannot run `no-such-program`"), "{error}");

    let outcome = servers.call(&fixture("new"), &Credential::None, call("gone", json!({}))).await;
    let message = "MCP server `fixture` has no tool `gone`".to_owned();
    let kind = FailedKind::Validation;
    assert_eq!(outcome, McpOutcome::Failed { kind, message, retry_after: None });
}

#[tokio::test]
async fn a_server_that_never_speaks_is_given_up_and_killed() {
    let stdio = Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), "echo $$ >&2; exec sleep 86400".to_owned()],
        ..Stdio::default()
    };
    let silent = Server { start_timeout: Some(1), ..Server::stdio("silent", stdio) };
    let error = servers().list(&silent, &Credential::None).await.unwrap_err().to_string();
    assert!(error.contains("it said nothing for 1 s"), "{error}");
    let pid: u64 = error.lines().last().unwrap().trim().parse().expect(&error);
    until("it is killed", || !lives(pid)).await;
}

#[tokio::test]
async fn an_idle_session_is_closed() {
    let mut options = longhaul_mcp::Options::default();
    options.shim.program = FIXTURE.into();
    options.idle = std::time::Duration::from_millis(200);
    let servers = longhaul_mcp::Servers::new(options);
    let env: Value = crate::support::json_of(&servers, &fixture("new"), "env").await;
    assert!(env["PATH"].is_string());
    until("it is closed", || servers.count() == 0).await;
}

#[tokio::test]
async fn tasks_are_polled_answered_and_cancelled() {
    let (servers, server, nobody) = (servers(), fixture("new"), Credential::None);
    let McpOutcome::Task { id, poll_after, .. } =
        servers.call(&server, &nobody, call("task", json!({}))).await
    else {
        panic!("no task")
    };
    assert_eq!((id.as_str(), poll_after.as_millis()), ("task-1", 250));
    let outcome = servers.poll(&server, &nobody, &id, None).await;
    assert!(matches!(outcome, McpOutcome::Task { .. }), "{outcome:?}");
    let outcome = servers.poll(&server, &nobody, &id, None).await;
    let McpOutcome::InputRequired { requests, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(requests["colour"].defaults(), json!({"colour": "blue"}));
    let answer = longhaul_mcp::Answer::Accept { content: Some(json!({"colour": "red"})) };
    let resume =
        longhaul_mcp::Resume { answers: [("colour".to_owned(), answer)].into(), state: None };
    let outcome = servers.poll(&server, &nobody, &id, Some(&resume)).await;
    let McpOutcome::Done { structured, .. } = outcome else { panic!("{outcome:?}") };
    let given = json!({"answers": {"colour": {"action": "accept", "content": {"colour": "red"}}}});
    assert_eq!(structured, Some(given));

    servers.cancel(&server, &nobody, &id).await.unwrap();
    let outcome = servers.poll(&server, &nobody, &id, None).await;
    assert!(matches!(outcome, McpOutcome::Failed { kind: FailedKind::Tool, .. }), "{outcome:?}");
}
