//! People are told by webhook, in Slack and by mail: signed, once, and also after a channel was
//! away.

use longhaul_activities::http::{ClientSettings, client};
use longhaul_store::AuditFilter;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Setup, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::{MockService, ServiceRequest};
use longhaul_tests::smtp::MailServer;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use ring::hmac;
use serde_json::{Value, json};

const SECRET: &str = "canary-secret-51c0ffee";
const SLACK_PATH: &str = "/services/canary-path-0ddba11";
const TOKEN: &str = "xoxb-canary-token-7e57ab1e";

fn script() -> Setup {
    MockModel::script([
        calls([("files.write", json!({"path": "a.txt", "content": "text"}))]),
        say("done"),
    ])
}

/// A service that takes whatever is posted to `path`.
async fn taking(path: &str) -> MockService {
    MockService::setup().on("POST", path, |_| HttpReply::text("ok")).start().await
}

/// A scene whose worker has that configuration; the worker is not started yet.
async fn configured(config: &str, rule: Value) -> Scene {
    let draft =
        |agent: longhaul_tests::project::AgentDraft| agent.files(true).rule(&["files.write"], rule);
    let scene = Scene::set(world!().await, script(), draft).await;
    scene.world.project.write("longhaul.toml", config);
    scene
}

/// Waits until a service has been asked that often.
async fn requests(service: &MockService, count: usize) -> Vec<ServiceRequest> {
    let what = format!("{count} requests");
    eventually(PATIENCE, &what, async || {
        let requests = service.requests();
        (requests.len() >= count).then_some(requests)
    })
    .await
}

fn events(requests: &[ServiceRequest]) -> Vec<String> {
    requests.iter().map(|request| request.headers["longhaul-event"].clone()).collect()
}

/// Asserts that whoever knows the secret has signed time and body.
fn assert_signed(request: &ServiceRequest) {
    let time = &request.headers["longhaul-timestamp"];
    let signature = request.headers["longhaul-signature"].strip_prefix("v1=").unwrap();
    let code: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = format!("{time}.{}", request.body);
    assert!(hmac::verify(&key, signed.as_bytes(), &code).is_ok(), "a good signature");
    let other = format!("{time}.{} ", request.body);
    assert!(hmac::verify(&key, other.as_bytes(), &code).is_err(), "of another body");
}

#[tokio::test]
async fn a_gate_is_told_on_every_channel_and_no_secret_is_seen() {
    let (hook, slack) = (taking("/hook").await, taking(SLACK_PATH).await);
    let bot = MockService::setup()
        .on("POST", "/api/chat.postMessage", |_| HttpReply::json(&json!({"ok": true})))
        .require("authorization", &format!("Bearer {TOKEN}"))
        .start()
        .await;
    let mail = MailServer::start([]).await;
    let config = format!(
        r##"
[[notify]]
name = "hook"
kind = "webhook"
url = "{}"
secret_env = "HOOK_SECRET"
events = ["asked", "closed"]
effects = ["create", "update"]

[[notify]]
name = "slack"
kind = "slack"
url_env = "SLACK_URL"

[[notify]]
name = "bot"
kind = "slack"
api = "{}"
token_env = "SLACK_TOKEN"
channel = "#approvals"

[[notify]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = {}
tls = "plain"
from = "Longhaul <longhaul@example.com>"
to = ["ada@example.com", "eve@example.com"]

[[notify]]
name = "others"
kind = "webhook"
url = "{}"
agents = ["another"]
"##,
        hook.url("/hook"),
        bot.url("/api"),
        mail.port(),
        hook.url("/never"),
    );
    let mut scene = configured(&config, json!({"action": "ask"})).await;
    let worker = scene.world.worker().env("HOOK_SECRET", SECRET).env("SLACK_TOKEN", TOKEN);
    let worker = worker.env("SLACK_URL", slack.url(SLACK_PATH));
    scene.work(worker.env("LONGHAUL_LOG", "debug,h2=info,hyper=trace,reqwest=trace")).await;
    scene.go().await;
    let gate = scene.gate().await;
    let asked = requests(&hook, 1).await.remove(0);
    assert_signed(&asked);
    let body = asked.json();
    assert_eq!((&body["event"], &body["interrupt"]["id"]), (&json!("asked"), &json!(gate.id)));
    assert_eq!(body["interrupt"]["digest"], json!(gate.digest));
    assert_eq!(body["workflow_id"], scene.id);
    let told = requests(&slack, 1).await.remove(0).json();
    assert_eq!(told["text"], "tested wants to run files.write a.txt");
    let told = requests(&bot, 1).await.remove(0).json();
    assert_eq!(told["channel"], "#approvals");
    until(PATIENCE, "two mails", || mail.taken().len() == 2).await;
    let mails = mail.taken();
    assert_eq!(
        (&mails[0].to, &mails[1].to),
        (&vec!["ada@example.com".into()], &vec!["eve@example.com".into()])
    );
    assert_eq!(mails[0].header("Subject"), "tested wants to run files.write a.txt");
    assert!(mails[0].text.contains("Effect: update"), "{}", mails[0].text);
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));

    scene.signal("approve", json!({"id": gate.id})).await;
    let history = scene.ending().await;
    let all = requests(&hook, 2).await;
    assert_eq!(events(&all), ["asked", "closed"]);
    assert_eq!(all[1].json()["outcome"], "approved");
    assert_ne!(all[0].headers["idempotency-key"], all[1].headers["idempotency-key"]);
    assert_eq!((slack.requests().len(), bot.requests().len(), mail.taken().len()), (1, 1, 2));
    for service in [&hook, &slack, &bot] {
        service.assert_clean();
    }
    let log = scene.worker.take().unwrap().log();
    for canary in [SECRET, "canary-path", TOKEN] {
        assert!(!history.mentions(canary), "`{canary}` is in the history");
        assert!(!log.contains(canary), "`{canary}` is in the log");
    }
    // The same search finds what is there.
    assert!(history.mentions("apr_1_1") && log.contains(&slack.address().to_string()));
}

#[tokio::test]
async fn a_message_to_one_person_has_a_link_by_which_they_decide() {
    let (ada, all) = (taking("/ada").await, taking("/all").await);
    let config = format!(
        r#"
[[notify]]
name = "ada"
kind = "webhook"
url = "{}"
person = "ada@example.com"
person_groups = ["finance"]

[[notify]]
name = "all"
kind = "webhook"
url = "{}"
"#,
        ada.url("/ada"),
        all.url("/all"),
    );
    let rule = json!({"action": "ask", "approvers": {"groups": ["finance"]}});
    let mut scene = configured(&config, rule).await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    let told = requests(&ada, 1).await.remove(0).json();
    // What several people read is nobody's leave.
    assert_eq!(requests(&all, 1).await.remove(0).json().get("link"), None);
    let link = told["link"].as_str().unwrap().to_owned();
    let client = client(&ClientSettings::default()).unwrap();
    let page = client.get(&link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(scene.gate().await.id, told["interrupt"]["id"].as_str().unwrap());
    let form = client.post(&link).header("content-type", "application/x-www-form-urlencoded");
    let decided = form.body("decision=approve").send().await.unwrap();
    assert_eq!(decided.status(), 200);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}

#[tokio::test]
async fn those_who_do_not_answer_are_reminded_and_then_others_are_asked() {
    let (all, leads) = (taking("/all").await, taking("/leads").await);
    let config = format!(
        r#"
[[notify]]
name = "all"
kind = "webhook"
url = "{}"
events = ["asked", "reminded", "escalated", "closed"]

[[notify]]
name = "leads"
kind = "webhook"
url = "{}"
groups = ["leads"]
"#,
        all.url("/all"),
        leads.url("/leads"),
    );
    let rule = json!({
        "action": "ask", "approvers": {"groups": ["finance"]}, "timeout": "2s", "reminders": ["1s"],
        "on_timeout": "escalate", "escalate_to": ["leads"],
    });
    let mut scene = configured(&config, rule).await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    assert_eq!(scene.answer().await, "done");
    let told = requests(&all, 4).await;
    let told = events(&told);
    assert_eq!(told[..3], ["asked", "reminded", "escalated"]);
    assert_eq!(told.last().unwrap(), "closed");
    let of_leads = leads.requests();
    assert_eq!(events(&of_leads)[0], "escalated");
    assert_eq!(of_leads[0].json()["interrupt"]["asked"], json!(["leads"]));
    assert!(!events(&of_leads).contains(&"asked".to_owned()), "{:?}", events(&of_leads));
}

#[tokio::test]
async fn a_channel_that_is_away_is_tried_again_and_nothing_is_sent_twice() {
    let flaky = MockService::setup()
        .on("POST", "/flaky", |request| match request.count {
            1 | 2 => HttpReply::status(503),
            _ => HttpReply::text("ok"),
        })
        .start()
        .await;
    let (steady, gone) = (taking("/steady").await, MockService::setup());
    let gone = gone.on("POST", "/gone", |_| HttpReply::status(410)).start().await;
    let mail = MailServer::start([450]).await;
    let hook = |name: &str, url: String| {
        format!("[[notify]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n")
    };
    let config = [
        hook("flaky", flaky.url("/flaky")),
        hook("steady", steady.url("/steady")),
        hook("gone", gone.url("/gone")),
        format!(
            "[[notify]]\nname = \"mail\"\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {}\n\
             tls = \"plain\"\nfrom = \"l@example.com\"\nto = [\"ada@example.com\"]\n",
            mail.port()
        ),
    ]
    .concat();
    let mut scene = configured(&config, json!({"action": "ask"})).await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    let gate = scene.gate().await;
    let tries = requests(&flaky, 3).await;
    until(PATIENCE, "a mail", || mail.taken().len() == 1).await;
    assert!(tries.iter().all(|again| again.body == tries[0].body), "{tries:?}");
    let keys: Vec<_> = tries.iter().map(|again| &again.headers["idempotency-key"]).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    // What waits is in the inbox, whoever could be told.
    assert_eq!(scene.world.store.count_inbox(&Default::default()).await.unwrap(), 1);
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!((flaky.requests().len(), steady.requests().len()), (3, 1));
    assert_eq!((gone.requests().len(), mail.taken().len()), (1, 1));
    let filter = AuditFilter { kinds: vec!["not_delivered".into()], ..AuditFilter::default() };
    let noted = scene.world.store.audit(&filter, 0, 10).await.unwrap();
    assert_eq!(noted.len(), 1);
    let body = noted[0].body.as_ref().unwrap();
    assert_eq!((&body["channel"], &body["problem"]), (&json!("gone"), &json!("it answered 410")));
}

#[tokio::test]
async fn mail_that_needs_tls_says_nothing_without() {
    let mail = MailServer::start([]).await;
    let config = format!(
        "[[notify]]\nname = \"mail\"\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {}\n\
         user = \"longhaul\"\npassword_env = \"SMTP_PASSWORD\"\nfrom = \"l@example.com\"\n\
         to = [\"ada@example.com\"]\n",
        mail.port()
    );
    let mut scene = configured(&config, json!({"action": "ask"})).await;
    scene.work(scene.world.worker().env("SMTP_PASSWORD", SECRET)).await;
    scene.go().await;
    let gate = scene.gate().await;
    until(PATIENCE, "two attempts", || {
        mail.said().iter().filter(|line| line.starts_with("EHLO")).count() >= 2
    })
    .await;
    scene.signal("approve", json!({"id": gate.id})).await;
    until(PATIENCE, "the file", || scene.world.project.read("files/a.txt").is_some()).await;
    let said = mail.said();
    let more = |line: &&String| !line.starts_with("EHLO") && !line.starts_with("QUIT");
    assert_eq!(said.iter().find(more), None, "{said:?}");
    assert_eq!(mail.taken(), []);
}

#[tokio::test]
async fn a_channel_that_cannot_work_keeps_the_worker_from_starting() {
    let scene = configured(
        "[[notify]]\nname = \"ops\"\nkind = \"slack\"\nurl_env = \"NO_SUCH_VARIABLE\"\n",
        json!({"action": "ask"}),
    )
    .await;
    let ended = scene.world.longhaul(&["worker"]).await;
    assert_eq!(ended.code, Some(1));
    let told = format!("{}{}", ended.stdout, ended.stderr);
    let expected = "the channel `ops` needs the environment variable `NO_SUCH_VARIABLE`";
    assert!(told.contains(expected), "{told}");
    scene.world.project.write("longhaul.toml", "[[notify]]\nname = \"ops\"\nkind = \"slack\"\n");
    let ended = scene.world.longhaul(&["worker"]).await;
    assert_eq!(ended.code, Some(1));
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("longhaul.toml:1:1: Slack needs"), "{told}");
}
