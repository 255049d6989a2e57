//! Questions of the agent to people, and tools that somebody outside carries out.

use longhaul_contract::approval::{ApprovalRequest, Decide, Decision, DecisionRefusal};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_tests::model::{MockModel, Setup, call, say};
use longhaul_tests::project::AgentDraft;
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::{Value, json};

use super::{approve, gate_that, told};

fn asks(question: Value) -> Setup {
    MockModel::script([call("ask_person", question), say("done")])
}

fn person(agent: AgentDraft) -> AgentDraft {
    agent.tool(json!({"person": true}))
}

async fn answer(scene: &Scene, gate: &ApprovalRequest, answer: Value) {
    let answer = Some(answer);
    let receipt = scene.decide(Decide { answer, ..Decide::new(&gate.id, Decision::Answer) }).await;
    assert!(receipt.accepted, "{receipt:?}");
}

#[tokio::test]
async fn a_person_answers_in_their_own_words() {
    let scene = Scene::play(world!().await, asks(json!({"question": "Why?"})), person).await;
    let gate = scene.gate().await;
    assert_eq!((gate.kind, gate.preview.as_deref()), (InterruptKind::Question, Some("Why?")));
    // There is nothing that could be let run.
    assert_eq!(scene.decide(approve(&gate.id)).await.refused, Some(DecisionRefusal::NotAllowed));
    answer(&scene, &gate, json!("because it rains")).await;
    assert_eq!(scene.answer().await, "done");
    assert!(told(&scene, 0).await.contains("because it rains"));
}

#[tokio::test]
async fn an_answer_has_to_be_one_of_the_choices() {
    let question = json!({"question": "Which?", "choices": ["red", "blue"]});
    let scene = Scene::play(world!().await, asks(question), person).await;
    let gate = scene.gate().await;
    assert_eq!(gate.response, Some(json!({"enum": ["red", "blue"]})));
    answer(&scene, &gate, json!("green")).await;
    let again = gate_that(&scene, "the question again", |gate| gate.problem.is_some()).await;
    answer(&scene, &again, json!("blue")).await;
    assert_eq!(scene.answer().await, "done");
    assert!(told(&scene, 0).await.contains("blue"));
}

#[tokio::test]
async fn a_form_is_filled_in_or_declined() {
    let form = json!({
        "type": "object", "required": ["size"],
        "properties": {"size": {"type": "integer"}},
    });
    let question = json!({"question": "How big?", "form": form});
    let scene = Scene::play(world!().await, asks(question.clone()), person).await;
    let gate = scene.gate().await;
    answer(&scene, &gate, json!({"size": 3})).await;
    assert_eq!(scene.answer().await, "done");
    assert!(told(&scene, 0).await.contains("3"));

    let scene = Scene::play(world!().await, asks(question), person).await;
    let id = scene.gate().await.id;
    let reason = Some("ask somebody else".to_owned());
    scene.decide(Decide { reason, ..Decide::new(id, Decision::Deny) }).await;
    assert_eq!(scene.answer().await, "done");
    assert!(told(&scene, 0).await.contains("ask somebody else"));
}

#[tokio::test]
async fn somebody_outside_reports_the_result_of_a_tool() {
    let pick = json!({
        "name": "stock.pick", "description": "Picks goods from the shelf.",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
        "result": {"type": "object", "required": ["picked"]},
    });
    let model = MockModel::script([call("stock.pick", json!({"what": "tea"})), say("done")]);
    let scene =
        Scene::play(world!().await, model, |agent| agent.tool(json!({"external": pick}))).await;
    let gate = scene.gate().await;
    assert_eq!(
        (gate.kind, gate.arguments["what"].as_str()),
        (InterruptKind::External, Some("tea"))
    );
    answer(&scene, &gate, json!({"lost": 1})).await;
    let again = gate_that(&scene, "the call again", |gate| gate.problem.is_some()).await;
    answer(&scene, &again, json!({"picked": 12})).await;
    assert_eq!(scene.answer().await, "done");
    assert!(told(&scene, 0).await.contains("12"));
}
