//! Links in messages, and the page of whoever is signed in.

use std::time::SystemTime;

use longhaul::signing::{KeySource, SigningKey};
use longhaul_activities::people::links::LinkClaims;
use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use longhaul_tests::edge::{Edge, api_key};
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::json;

const ADA: &str = "ada@example.com";

async fn scene() -> (Scene, Edge) {
    let write = |path: &str| ("files.write", json!({"path": path, "content": "text"}));
    let model = MockModel::script([calls([write("a.txt"), write("b.txt")]), say("done")]);
    let rule = json!({"action": "ask", "approvers": {"groups": ["finance"]}});
    let scene =
        Scene::play(world!().await, model, |it| it.files(true).rule(&["files.write"], rule)).await;
    let edge = Edge::of(&scene);
    (scene, edge)
}

/// The path of a link for `person` to decide the gate, as a notifier would send it.
async fn link(scene: &Scene, gate: &ApprovalRequest, groups: &[&str]) -> String {
    let path = scene.world.project.path().join(".longhaul/signing.key");
    let key = SigningKey::load(&KeySource::File(path)).unwrap();
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let claims = LinkClaims {
        person: Person { name: ADA.to_owned(), groups },
        workflow_id: scene.id.clone(),
        chain: scene.world.status(&scene.id).await.chain,
        gate: gate.id.clone(),
        digest: gate.digest.clone(),
        expires: Timestamp::from(SystemTime::now()).plus(std::time::Duration::from_secs(600)),
    };
    key.links("").url(&claims)
}

async fn page(edge: &Edge, path: &str) -> (u16, String) {
    let response = edge.request(reqwest::Method::GET, path, "").send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn looking_at_a_link_decides_nothing_and_its_form_decides_once() {
    let (scene, edge) = scene().await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let path = link(&scene, &gates[0], &["finance"]).await;
    for _ in 0..3 {
        let (status, text) = page(&edge, &path).await;
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("files.write a.txt") && text.contains("<form"), "{text}");
    }
    assert_eq!(scene.world.gates(&scene.id, 2).await.len(), 2);

    // It is leave for one gate, and a decision that does not stand leaves it as it was.
    let empty = edge.submit(&path, "", &[("decision", "question")]).await;
    assert_eq!(empty.status(), 422);
    let decided = edge.submit(&path, "", &[("decision", "approve")]).await;
    assert_eq!(decided.status(), 200);
    assert!(decided.text().await.unwrap().contains("Approved"));
    scene.world.gates(&scene.id, 1).await;
    let again = edge.submit(&path, "", &[("decision", "deny")]).await;
    assert_eq!(again.status(), 409);
    assert!(again.text().await.unwrap().contains("has been used"));
    let (status, text) = page(&edge, &path).await;
    assert!(status == 410 || status == 404, "{status} {text}");

    let stranger = link(&scene, &gates[1], &["support"]).await;
    let refused = edge.submit(&stranger, "", &[("decision", "approve")]).await;
    assert_eq!(refused.status(), 403);
    let second = link(&scene, &gates[1], &["finance"]).await;
    let denied = edge.submit(&second, "", &[("decision", "deny"), ("reason", "one is enough")]);
    assert_eq!(denied.await.status(), 200);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await.iter().filter(|it| *it == "gate approved").count(), 1);
    assert!(scene.world.project.read("files/a.txt").is_some());
    assert_eq!(scene.world.project.read("files/b.txt"), None);
}

#[tokio::test]
async fn somebody_who_is_signed_in_decides_on_a_page() {
    let (scene, edge) = scene().await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let key = api_key(&scene.world, ADA, &["finance"]).await;
    let welcome = edge.submit("/auth/key", "", &[("key", &key)]).await;
    let cookie = welcome.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    for (gate, fields) in [
        (
            0,
            vec![
                ("decision", "approve"),
                ("arguments", "{\"path\": \"a.txt\", \"content\": \"mine\"}"),
            ],
        ),
        (1, vec![("decision", "answer"), ("answer", "no need")]),
    ] {
        let path = format!("/approvals/{}/{}", scene.id, gates[gate].id);
        let get = edge.request(reqwest::Method::GET, &path, "").header("cookie", cookie);
        let text = get.send().await.unwrap().text().await.unwrap();
        let csrf = text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        // Without what the page says, it could be anybody's form.
        assert_eq!(edge.submit(&path, cookie, &fields).await.status(), 403);
        let mut fields = fields;
        fields.extend([("csrf", csrf), ("digest", gates[gate].digest.as_str())]);
        let answer = edge.submit(&path, cookie, &fields).await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("mine"));
    assert!(scene.model.request(2).await.results()[1].contains("no need"));
}
