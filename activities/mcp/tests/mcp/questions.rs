//! What a server asks a person in mid-call, in either generation.

use longhaul_mcp::{Answer, Call, Credential, McpOutcome, Resume};
use serde_json::{Value, json};

use crate::support::{GENERATIONS, call, fixture, servers, text_of};

#[tokio::test]
async fn a_question_ends_the_call_and_the_answer_goes_on_with_it() {
    for generation in GENERATIONS {
        let server = fixture(generation);
        let outcome = servers().call(&server, &Credential::None, call("ask", json!({}))).await;
        let McpOutcome::InputRequired { requests, state, repeats } = outcome else {
            panic!("{generation}: {outcome:?}")
        };
        assert_eq!(repeats, generation == "old");
        let (id, request) = requests.iter().next().unwrap();
        assert_eq!((requests.len(), request.defaults()), (1, json!({"colour": "blue"})));

        // Another worker, days later.
        let answers = [
            (Answer::Accept { content: Some(json!({"colour": "red"})) }, "accept"),
            (Answer::Decline, "decline"),
            (Answer::Cancel, "cancel"),
        ];
        for (answer, action) in answers {
            let resume = Resume { answers: [(id.clone(), answer)].into(), state: state.clone() };
            let again = Call { resume: Some(resume), ..call("ask", json!({})) };
            let said = text_of(servers().call(&server, &Credential::None, again).await);
            let said: Value = serde_json::from_str(&said).unwrap();
            let given = if generation == "old" { &said } else { &said["answers"]["colour"] };
            assert_eq!(given["action"], action, "{generation}: {said}");
            if action == "accept" {
                assert_eq!(given["content"], json!({"colour": "red"}), "{generation}");
            }
            if generation == "new" {
                assert_eq!(said["state"], "kept by the server");
            }
        }
    }
}

#[tokio::test]
async fn a_question_that_could_belong_to_two_calls_is_not_guessed() {
    let (servers, server) = (servers(), fixture("old"));
    let folder = tempfile::tempdir().unwrap();
    let hang = call("hang", json!({"folder": folder.path()}));
    let ask = async {
        let begun = || folder.path().join("begun").exists();
        crate::support::until("the other call has begun", begun).await;
        servers.call(&server, &Credential::None, call("ask", json!({}))).await
    };
    let outcome = tokio::select! {
        outcome = servers.call(&server, &Credential::None, hang) => panic!("{outcome:?}"),
        outcome = ask => outcome,
    };
    let said: Value = serde_json::from_str(&text_of(outcome)).unwrap();
    assert_eq!(said["action"], "cancel", "nobody was asked");
    // From now on calls take turns, so it is clear whose question it is.
    let outcome = servers.call(&server, &Credential::None, call("ask", json!({}))).await;
    assert!(matches!(outcome, McpOutcome::InputRequired { .. }), "{outcome:?}");
}
