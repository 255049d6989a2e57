//! Accounts of agents: a call whose account is missing waits, and the same call goes on once
//! somebody has connected it, whatever became of the worker meanwhile.

use std::collections::BTreeMap;
use std::process::Stdio;

use longhaul_contract::approval::{Decide, Decision};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::run::RunState;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Setup, call, say};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::{MockService, ServiceRequest};
use longhaul_tests::world;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};

const ACCESS: &str = "canary-access-3f9a1c77d0";
const REFRESH: &str = "canary-refresh-91be02aa5d";
const CODE: &str = "canary-code-5512";

const CRM: &str = r#"
schema: 1
slug: crm
name: Test CRM
category: crm
homepage: https://crm.example
evidence: {tier: 3, docs: "https://crm.example/docs"}
servers: [{url: "https://crm.example"}]
config:
  base: {title: Its sign-in, pattern: "^http://127\\.0\\.0\\.1:[0-9]+$"}
auth:
  - id: oauth
    kind: oauth2
    source: https://crm.example/docs/auth
    verify: me.show
    oauth:
      authorize_url: "${config.base}/authorize"
      token_url: "${config.base}/token"
      client_auth: none
operations:
  me.show:
    title: Show the account
    description: Says whose account it is.
    http: GET /me
  contacts.create:
    title: Make a contact
    description: Adds a person to the address book.
    http: POST /contacts
    effect: create
    idempotency: {header: Idempotency-Key, ttl: 24h, source: "https://crm.example/docs/keys"}
    scopes: {oauth: [contacts.write]}
    input:
      name: {in: body, type: string, required: true, description: The person's name.}
"#;

/// The service and its sign-in, which gives one grant for one code.
async fn crm() -> MockService {
    MockService::setup()
        .on("POST", "/token", |request| {
            let form: BTreeMap<String, String> =
                url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
            let good = form["grant_type"] == "authorization_code"
                && form["code"] == CODE
                && form["code_verifier"].len() >= 43
                && request.count == 1;
            if !good {
                return HttpReply::status(400).with_json(&json!({"error": "invalid_grant"}));
            }
            HttpReply::json(&json!({
                "access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer",
                "expires_in": 3600, "scope": "contacts.write",
            }))
        })
        .on("POST", "/contacts", |request| match bearer(request) == ACCESS {
            true => HttpReply::json(&json!({"id": "c1", "name": request.json()["name"]})),
            false => HttpReply::status(401).with_json(&json!({"error": "who are you"})),
        })
        .on("GET", "/me", |request| match bearer(request) == ACCESS {
            true => HttpReply::json(&json!({"name": "Ada"})),
            false => HttpReply::status(401).with_json(&json!({"error": "who are you"})),
        })
        .start()
        .await
}

fn bearer(request: &ServiceRequest) -> &str {
    let header = request.headers.get("authorization").map_or("", String::as_str);
    header.strip_prefix("Bearer ").unwrap_or_default()
}

fn script() -> Setup {
    MockModel::script([call("crm.contacts.create", json!({"name": "Grace"})), say("done")])
}

/// A scene whose agent may use the service; neither worker nor run yet.
async fn set(service: &MockService) -> Scene {
    let scene = Scene::set(world!().await, script(), |agent| {
        agent.tool(json!({"integration": {"name": "crm"}}))
    })
    .await;
    scene.world.project.write("catalog/crm.yaml", CRM);
    let address = service.address();
    scene.world.project.write(
        "longhaul.toml",
        &format!(
            "[integrations]\ncatalog = \"catalog\"\nallow = [\"{address}\"]\n\
             [integrations.servers]\ncrm = \"http://{address}\"\n\
             [oauth_apps.crm]\nclient_id = \"longhaul-test\"\n"
        ),
    );
    scene
}

/// What the program says on standard error.
type Lines = tokio::io::Lines<BufReader<ChildStderr>>;

/// The rest of it.
async fn rest(mut lines: Lines) -> String {
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        rest.push_str(&line);
        rest.push('\n');
    }
    rest
}

/// `longhaul connect`, and the page that it wants somebody to open.
async fn connect(scene: &Scene, service: &MockService) -> (Child, url::Url, Lines) {
    let arguments = [
        "connect".to_owned(),
        "crm".to_owned(),
        "--for".to_owned(),
        format!("agent:{AGENT}"),
        "--set".to_owned(),
        format!("base=http://{}", service.address()),
        "--scopes".to_owned(),
        "contacts.write".to_owned(),
        "--address".to_owned(),
        scene.world.address.clone(),
        "--task-queue".to_owned(),
        scene.world.queue.clone(),
    ];
    let mut command = scene.world.program.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.trim().starts_with("http") {
            return (child, line.trim().parse().unwrap(), lines);
        }
    }
}

/// What a browser does that comes back with those parameters besides the state.
async fn come_back(page: &url::Url, with: &[(&str, &str)]) -> (u16, String) {
    let query: BTreeMap<String, String> = page.query_pairs().into_owned().collect();
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["scope"], "contacts.write");
    let mut back: url::Url = query["redirect_uri"].parse().unwrap();
    back.query_pairs_mut().append_pair("state", &query["state"]).extend_pairs(with);
    let settings = longhaul_activities::http::ClientSettings::default();
    let client = longhaul_activities::http::client(&settings).unwrap();
    let response = client.get(back).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_same_call_goes_on_when_its_account_is_connected_after_a_crash() {
    let service = crm().await;
    let mut scene = set(&service).await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    // It creates something, so a person is asked; then it turns out that nobody has connected it.
    let asked = scene.gate().await;
    assert_eq!(asked.kind, InterruptKind::Approval);
    assert!(asked.preview.as_ref().unwrap().contains("POST"), "{:?}", asked.preview);
    scene.decide(Decide::new(&asked.id, Decision::Approve)).await;
    let wanted = scene.gate().await;
    assert_eq!((wanted.kind, wanted.id.as_str()), (InterruptKind::Auth, "apr_1_1_2"));
    let connect_to = wanted.connect.clone().unwrap();
    assert_eq!(connect_to.principal, format!("agent:{AGENT}"));
    assert_eq!(connect_to.scopes, ["contacts.write"]);
    let hint = wanted.preview.unwrap();
    assert!(hint.starts_with("longhaul connect crm --for agent:tested"), "{hint}");

    // That somebody says so connects nothing: the call asks again.
    scene.decide(Decide::new(&wanted.id, Decision::Approve)).await;
    assert_eq!(scene.gate().await.id, "apr_1_1_3");
    assert_eq!(service.requests().len(), 0);

    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let (child, page, lines) = connect(&scene, &service).await;
    let (status, text) = come_back(&page, &[("code", CODE)]).await;
    assert_eq!(status, 200, "{text}");
    let errors = rest(lines).await;
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // Whoever connects it tells the run, or the notice of its gate does, if that came later.
    assert!(output.status.success() && said.contains("is connected"), "{said}{errors}");
    assert_eq!(scene.answer().await, "done");
    service.assert_clean();
    let made: Vec<_> = service.requests().into_iter().filter(|it| it.path == "/contacts").collect();
    assert_eq!(made.len(), 1, "made once");
    assert_eq!(made[0].json(), json!({"name": "Grace"}));

    let history = scene.world.history(&scene.id).await;
    let listed = scene.world.longhaul(&["connections", "list", "--json"]).await.ok();
    let connection = listed.json()[0].clone();
    assert_eq!(connection["state"], "connected");
    let test = ["connections", "test", connection["id"].as_str().unwrap()];
    let tested = scene.world.longhaul(&test).await;
    assert!(tested.ok().stdout.contains("works: me.show"));
    let mut places = vec![
        ("history", format!("{history:?}")),
        ("list", listed.stdout),
        ("log", scene.worker.as_ref().unwrap().log()),
        ("said", said),
    ];
    for entry in std::fs::read_dir(scene.world.project.path().join(".longhaul")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            places.push(("state", String::from_utf8_lossy(&std::fs::read(path).unwrap()).into()));
        }
    }
    for (place, text) in &places {
        for secret in [ACCESS, REFRESH, CODE] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

#[tokio::test]
async fn a_consent_that_is_refused_or_forged_connects_nothing() {
    let service = crm().await;
    let mut scene = set(&service).await;
    scene.work(scene.world.worker()).await;
    let (child, page, lines) = connect(&scene, &service).await;
    let (status, _) = come_back(&page, &[("error", "access_denied")]).await;
    assert_eq!(status, 200);
    assert!(rest(lines).await.contains("access_denied"));
    assert!(!child.wait_with_output().await.unwrap().status.success());

    let (child, page, lines) = connect(&scene, &service).await;
    let mut forged = page.clone();
    let pairs: Vec<(String, String)> = page
        .query_pairs()
        .map(|(name, value)| match name.as_ref() {
            "state" => (name.into_owned(), "forged".to_owned()),
            _ => (name.into_owned(), value.into_owned()),
        })
        .collect();
    forged.query_pairs_mut().clear().extend_pairs(pairs);
    come_back(&forged, &[("code", CODE)]).await;
    assert!(!rest(lines).await.is_empty());
    assert!(!child.wait_with_output().await.unwrap().status.success());
    assert_eq!(service.requests().len(), 0, "no code was exchanged");
    let listed = scene.world.longhaul(&["connections", "list", "--json"]).await.ok().json();
    assert_eq!(listed[0]["state"], "needs_reauth", "{listed}");
}

#[tokio::test]
async fn an_account_that_nobody_connects_is_told_to_the_model() {
    let service = crm().await;
    let mut scene = set(&service).await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    scene.decide(Decide::new(&scene.gate().await.id, Decision::Approve)).await;
    let wanted = scene.gate().await;
    let mut no = Decide::new(&wanted.id, Decision::Deny);
    no.reason = Some("not this year".to_owned());
    scene.decide(no).await;
    scene.until(RunState::Completed).await;
    let told: Value = serde_json::from_str(scene.model.request(2).await.results()[0]).unwrap();
    assert_eq!(told["error"]["kind"], "auth", "{told}");
    assert!(told.to_string().contains("not this year"), "{told}");
    assert_eq!(service.requests().len(), 0);
}

#[tokio::test]
async fn operations_are_shown_and_searched_without_an_account() {
    let service = crm().await;
    let scene = set(&service).await;
    let longhaul = async |arguments: &[&str]| scene.world.longhaul(arguments).await.ok().stdout;
    assert!(longhaul(&["integrations", "list"]).await.contains("Test CRM"));
    let missing = scene.world.longhaul(&["connections", "missing", AGENT, "--json"]).await;
    assert_eq!(missing.expect(3).json()[0]["integration"], "crm");
    let found = longhaul(&["integrations", "search", "add a person to the address book"]).await;
    assert!(found.contains("crm.contacts.create"), "{found}");
    let shown = longhaul(&["integrations", "show", "crm.contacts.create"]).await;
    assert!(shown.contains("\"effect\": \"create\""), "{shown}");
}

#[tokio::test]
async fn a_function_of_the_program_is_a_tool() {
    let model = MockModel::script([call("numbers.double", json!({"n": 21})), say("done")]);
    let scene =
        Scene::play(world!().await, model, |agent| agent.tool(json!({"native": "numbers.*"})))
            .await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.request(2).await.results(), ["42"]);
}
