//! Failures of the model: those that pass, those that a person mends, those that end the run.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::run::{BlockedView, RunState};
use longhaul_tests::model::{MockModel, Reply, dropped, garbage, insufficient_quota, say, status};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::json;

/// A run whose first model call meets `troubles` before it is answered.
async fn troubled(troubles: impl IntoIterator<Item = Reply>) -> Scene {
    let model = MockModel::script([say("done").after(troubles)]);
    Scene::play(world!().await, model, |agent| agent).await
}

/// What blocks the run, once it is blocked.
async fn blocked(scene: &Scene) -> BlockedView {
    scene.world.until(&scene.id, RunState::Blocked).await.blocked.unwrap()
}

#[tokio::test]
async fn a_refused_key_parks_the_run_until_somebody_mends_it() {
    let scene = troubled([status(401)]).await;
    let blocked = blocked(&scene).await;
    assert_eq!(blocked.kind, FailureKind::ModelAuth);
    assert!(blocked.message.contains("incorrect API key provided"), "{}", blocked.message);
    assert!(blocked.until > Some(blocked.since));
    let status = scene.world.status(&scene.id).await;
    assert_eq!(status.waiting_for, ["retry model_auth"]);
    scene.signal("retry", json!(null)).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), [2]);
}

#[tokio::test]
async fn no_credit_and_an_unknown_model_park_the_run_too() {
    let scene = troubled([insufficient_quota(), status(404), status(402)]).await;
    for kind in [FailureKind::ModelCredit, FailureKind::ModelUnknown, FailureKind::ModelCredit] {
        assert_eq!(blocked(&scene).await.kind, kind);
        scene.signal("retry", json!(null)).await;
    }
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), [4]);
}

#[tokio::test]
async fn a_task_that_stays_blocked_fails() {
    let model = MockModel::script([status(401)]);
    let scene =
        Scene::play(world!().await, model, |agent| agent.limit("blocked", json!("1s"))).await;
    let (kind, message) = scene.ending().await.failure().unwrap();
    assert_eq!(kind, FailureKind::BlockedTooLong);
    assert!(message.contains("incorrect API key provided"), "{message}");
}

#[tokio::test]
async fn a_blocked_session_waits_without_end_and_keeps_what_it_is_told() {
    let model = MockModel::script([say("done").after([status(401)])]);
    let scene =
        Scene::play_session(world!().await, model, |agent| agent.limit("blocked", json!("1s")))
            .await;
    assert_eq!(blocked(&scene).await.until, None);
    scene.signal("message", json!({"text": "the key is there"})).await;
    scene.signal("retry", json!(null)).await;
    scene.until(RunState::WaitingForMessage).await;
    assert_eq!(scene.model.request(2).await.last("user"), Some("the key is there"));
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "done");
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_as_long_as_the_server_asks() {
    let scene = troubled([status(429).header("retry-after", "2")]).await;
    assert_eq!(scene.answer().await, "done");
    let requests = scene.model.requests();
    assert_eq!(requests.len(), 2);
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_millis(1_950), "{pause:?}");
    assert!(pause < Duration::from_secs(10), "{pause:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_by_temporal_alone() {
    let scene =
        troubled([status(500), status(529), status(503), dropped(), garbage(), status(408)]).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    assert_eq!(history.repeated(), ["CallModel"]);
    assert_eq!(history.activities_of("CallModel", "")[0].attempts, 7);
    assert_eq!(scene.model.requests_per_turn(), [7]);
}

#[tokio::test]
async fn a_bad_request_fails_the_run_and_is_never_repeated() {
    let scene = troubled([status(400)]).await;
    let (kind, message) = scene.ending().await.failure().unwrap();
    assert_eq!(kind, FailureKind::ModelRequest);
    assert!(message.contains("scripted error"), "{message}");
    assert_eq!(scene.model.requests_per_turn(), [1]);
}

#[tokio::test]
async fn a_key_that_is_not_set_is_named() {
    let key = "LONGHAUL_TEST_NO_SUCH_KEY";
    let model = MockModel::script([status(401)]);
    let scene =
        Scene::play(world!().await, model, |agent| agent.model("api_key_env", json!(key))).await;
    let blocked = blocked(&scene).await;
    assert_eq!(blocked.kind, FailureKind::ModelAuth);
    let named = format!("hint: the worker's environment has no `{key}`; set it");
    assert!(blocked.message.contains(&named), "{}", blocked.message);
}
