//! Humans in the loop, on a real server: what they may decide, who of them, until when, and what
//! becomes of the run meanwhile.

use longhaul_contract::approval::{ApprovalRequest, Decide, Decision};
use longhaul_tests::model::{MockModel, Setup, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::wait::eventually;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

mod approvers;
mod asking;
mod decisions;
mod remembering;
mod steering;
mod time;

fn write(path: &str) -> (&'static str, Value) {
    ("files.write", json!({"path": path, "content": "text"}))
}

/// A model that writes `a.txt`, and says `done` after it.
fn writer() -> Setup {
    MockModel::script([calls([write("a.txt")]), say("done")])
}

fn approve(id: &str) -> Decide {
    Decide::new(id, Decision::Approve)
}

/// What the model read as result `index` of its first calls.
async fn told(scene: &Scene, index: usize) -> String {
    scene.model.request(2).await.results()[index].to_owned()
}

/// Waits until a gate of the run is as asked for.
async fn gate_that(
    scene: &Scene,
    what: &str,
    is: impl Fn(&ApprovalRequest) -> bool,
) -> ApprovalRequest {
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, what, async || run.approvals().await.ok()?.into_iter().find(|it| is(it)))
        .await
}
