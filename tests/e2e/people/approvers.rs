//! Gates that only some people may decide, proven by envelopes.

use longhaul_contract::approval::{
    Decide, Decision, DecisionReceipt, DecisionRefusal, GateOutcome,
};
use longhaul_contract::identity::Person;
use longhaul_tests::people::{Edge, person};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::world;
use longhaul_tests::world::World;
use serde_json::{Value, json};

use super::{approve, writer};

/// A run that waits at a gate for which those `approvers` are asked, started by `starter`.
struct Waiting {
    scene: Scene,
    edge: Edge,
}

impl Waiting {
    async fn of(world: World, approvers: Value, starter: Option<&Person>) -> Self {
        let edge = Edge::new(1);
        let rule = json!({"action": "ask", "approvers": approvers});
        let mut scene =
            Scene::set(world, writer(), |agent| agent.files(true).rule(&["files.write"], rule))
                .await;
        scene.work(edge.at(scene.world.worker())).await;
        match starter {
            Some(starter) => {
                let start = edge.start(&scene, starter);
                scene.world.start_with(AGENT, &start).await;
            }
            None => scene.go().await,
        }
        Self { scene, edge }
    }

    async fn decide(&self, edge: &Edge, decide: Decide, person: &Person) -> DecisionReceipt {
        let (gate, chain) = (self.scene.gate().await, self.scene.chain().await);
        self.scene.decide(edge.signed(&chain, &gate, decide, person)).await
    }

    async fn approve(&self, person: &Person) -> DecisionReceipt {
        let id = self.scene.gate().await.id;
        self.decide(&self.edge, approve(&id), person).await
    }
}

fn finance(name: &str) -> Person {
    person(name, &["finance"])
}

#[tokio::test]
async fn only_a_proven_member_of_the_group_decides() {
    let waiting = Waiting::of(world!().await, json!({"groups": ["finance"]}), None).await;
    let id = waiting.scene.gate().await.id;
    let by = Some("ann".to_owned());
    let claimed = waiting.scene.decide(Decide { by, ..approve(&id) }).await;
    assert_eq!(claimed.refused, Some(DecisionRefusal::Unauthenticated));
    let other = waiting.approve(&person("bob", &["sales"])).await;
    assert_eq!(other.refused, Some(DecisionRefusal::NotAnApprover));
    let forged = waiting.decide(&Edge::new(2), approve(&id), &finance("ann")).await;
    assert_eq!(forged.refused, Some(DecisionRefusal::BadSignature));
    let receipt = waiting.approve(&finance("ann")).await;
    assert_eq!(receipt.outcome, GateOutcome::Approved);
    assert_eq!(receipt.by.unwrap().name.as_deref(), Some("ann"));
    assert_eq!(waiting.scene.answer().await, "done");
}

#[tokio::test]
async fn an_envelope_is_of_one_run_and_one_decision() {
    let world = world!().await;
    let approvers = || json!({"groups": ["finance"]});
    let here = Waiting::of(world, approvers(), None).await;
    let there = Waiting::of(world!().await, approvers(), None).await;
    let gate = here.scene.gate().await;
    // The same call of the same agent, asked about in another run.
    let other = there.scene.gate().await;
    let chain = there.scene.chain().await;
    let of_other = here.edge.signed(&chain, &other, approve(&gate.id), &finance("ann"));
    let receipt = here.scene.decide(of_other).await;
    assert_eq!(receipt.refused, Some(DecisionRefusal::OtherEnvelope));
    // What was signed as a denial approves nothing, nor does it with other arguments.
    let chain = here.scene.chain().await;
    let denial = Decide::new(&gate.id, Decision::Deny);
    let denial = here.edge.signed(&chain, &gate, denial, &finance("ann"));
    let turned = Decide { decision: Decision::Approve, ..denial };
    let signed = here.edge.signed(&chain, &gate, approve(&gate.id), &finance("ann"));
    let arguments = Some(json!({"path": "z.txt", "content": "forged"}));
    for forged in [turned, Decide { arguments, ..signed }] {
        let receipt = here.scene.decide(forged).await;
        assert_eq!(receipt.refused, Some(DecisionRefusal::OtherEnvelope));
    }
    here.approve(&finance("ann")).await;
    assert_eq!(here.scene.answer().await, "done");
    assert_eq!(here.scene.world.project.read("files/z.txt"), None);
}

#[tokio::test]
async fn two_people_make_a_quorum_and_one_of_them_twice_does_not() {
    let approvers = json!({"groups": ["finance"], "quorum": 2});
    let waiting = Waiting::of(world!().await, approvers, None).await;
    for _ in 0..2 {
        let receipt = waiting.approve(&finance("ann")).await;
        assert_eq!((receipt.outcome, receipt.votes), (GateOutcome::Open, Some(1)));
    }
    assert_eq!(waiting.approve(&finance("bob")).await.outcome, GateOutcome::Approved);
    assert_eq!(waiting.scene.answer().await, "done");
}

#[tokio::test]
async fn whoever_started_the_run_does_not_approve_it() {
    let ann = person("ann", &[]);
    let waiting = Waiting::of(world!().await, json!({"no_self": true}), Some(&ann)).await;
    assert_eq!(waiting.approve(&ann).await.refused, Some(DecisionRefusal::SelfApproval));
    assert_eq!(waiting.approve(&person("bob", &[])).await.outcome, GateOutcome::Approved);
    assert_eq!(waiting.scene.answer().await, "done");
}

#[tokio::test]
async fn nobody_approves_a_run_whose_starter_is_unknown_where_that_matters() {
    let waiting = Waiting::of(world!().await, json!({"no_self": true}), None).await;
    let refused = waiting.approve(&person("bob", &[])).await.refused;
    assert_eq!(refused, Some(DecisionRefusal::StarterUnknown));
    waiting.scene.signal("cancel", json!(null)).await;
    waiting.scene.ending().await;
}

#[tokio::test]
async fn a_member_may_let_somebody_else_decide() {
    let approvers = json!({"groups": ["finance"], "delegation": true});
    let waiting = Waiting::of(world!().await, approvers, None).await;
    let id = waiting.scene.gate().await.id;
    let carl = person("carl", &[]);
    assert_eq!(waiting.approve(&carl).await.refused, Some(DecisionRefusal::NotAnApprover));
    let to = Some("carl".to_owned());
    let delegate = Decide { to, ..Decide::new(&id, Decision::Delegate) };
    assert!(waiting.decide(&waiting.edge, delegate, &finance("ann")).await.accepted);
    assert_eq!(waiting.approve(&carl).await.outcome, GateOutcome::Approved);
    assert_eq!(waiting.scene.answer().await, "done");
}

#[tokio::test]
async fn an_operator_may_trust_whoever_reaches_the_server() {
    let world = world!().await;
    world.project.write("longhaul.toml", "trust_temporal_access = true\n");
    let waiting = Waiting::of(world, json!({"groups": ["finance"]}), None).await;
    let id = waiting.scene.gate().await.id;
    waiting.scene.signal("approve", json!({"id": id})).await;
    assert_eq!(waiting.scene.answer().await, "done");
}
