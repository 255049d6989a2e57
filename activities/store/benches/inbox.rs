//! What the inbox and the audit log cost with 10 000 gates that wait, on SQLite and, if an argument
//! is the URL of a server, on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "it stops at the first surprise, and says what it measured"
)]

use std::time::{Duration, Instant};

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::identity::Person;
use longhaul_contract::tool::Effect;
use longhaul_store::{AuditRecord, InboxFilter, InboxOrder, Owner, Store, StoreSettings, Waiting};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

const GATES: u64 = 10_000;
const ROUNDS: usize = 30;
const EFFECTS: [Effect; 4] = [Effect::Update, Effect::Send, Effect::Money, Effect::Execute];

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::in_folder(folder.path());
    measure("SQLite", Store::new(settings.clone()).unwrap()).await;
    let Some(url) = std::env::args().find(|it| it.starts_with("postgres")) else { return };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let fresh = "DROP SCHEMA IF EXISTS bench_inbox CASCADE; CREATE SCHEMA bench_inbox";
    connection.execute(fresh).await.unwrap();
    let join = if url.contains('?') { '&' } else { '?' };
    let database = format!("{url}{join}options[search_path]=bench_inbox");
    measure("PostgreSQL", Store::new(StoreSettings { database, ..settings }).unwrap()).await;
}

async fn measure(what: &str, store: Store) {
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let store = store.clone();
        running.spawn(async move {
            for number in (worker..GATES).step_by(4) {
                store.put_waiting(&gate(number)).await.unwrap();
            }
        });
    }
    running.join_all().await;
    println!("{what}: {GATES} gates put in {:?}", start.elapsed());

    let everything = InboxFilter::default();
    let person = |name: &str, group: &str| InboxFilter {
        waits_for: Some(Person { name: name.to_owned(), groups: vec![group.to_owned()] }),
        ..InboxFilter::default()
    };
    let agent = InboxFilter { agent: Some("agent-7".to_owned()), ..everything.clone() };
    let effect = InboxFilter { effects: vec![Effect::Money], ..everything.clone() };
    for (name, filter) in [
        ("everything", &everything),
        ("a member of a group of twenty", &person("kim", "group-3")),
        ("somebody for whom nothing waits", &person("nobody", "none")),
        ("one agent of fifty", &agent),
        ("one effect of four", &effect),
    ] {
        for order in [InboxOrder::Age, InboxOrder::Deadline, InboxOrder::Effect] {
            let mut times = Vec::new();
            let mut length = 0;
            for _ in 0..ROUNDS {
                let start = Instant::now();
                length = store.inbox(filter, order, None, 50).await.unwrap().items.len();
                times.push(start.elapsed());
            }
            report(&format!("{what}: first page ({length}), {name}, by {order:?}"), times);
        }
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            store.count_inbox(filter).await.unwrap();
            times.push(start.elapsed());
        }
        report(&format!("{what}: count, {name}"), times);
    }
    let mut times = Vec::new();
    let mut cursor = None;
    loop {
        let start = Instant::now();
        let page = store.inbox(&everything, InboxOrder::Effect, cursor.as_ref(), 50).await.unwrap();
        times.push(start.elapsed());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    report(&format!("{what}: each page of all"), times);
    audit(what, &store).await;
}

async fn audit(what: &str, store: &Store) {
    let mut times = Vec::new();
    for number in 0..200 {
        let record = AuditRecord {
            key: format!("c:{number}"),
            at: gate(number).request.asked_at,
            kind: "asked".to_owned(),
            owner: Some(Owner { workflow_id: "w".to_owned(), chain: "c".to_owned() }),
            body: json!({ "request": gate(number).request }),
        };
        let start = Instant::now();
        store.append_audit(&[record]).await.unwrap();
        times.push(start.elapsed());
    }
    report(&format!("{what}: one entry appended"), times);
    let start = Instant::now();
    let verified = store.verify_audit(None).await.unwrap();
    assert_eq!(verified.problem, None);
    println!("{what}: {} entries verified in {:?}", verified.entries, start.elapsed());
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let greatest = times[times.len() - 1];
    println!("{what}: median {:?}, greatest {greatest:?}", times[times.len() / 2]);
}

/// A gate of the size of a real one: about 1.5 KB.
fn gate(number: u64) -> Waiting {
    let request: ApprovalRequest = serde_json::from_value(json!({
        "id": format!("apr_{}_1", number % 7),
        "tool": "mail.send",
        "summary": format!("mail.send to customer {number}"),
        "arguments": { "to": "customer@example.com", "text": "x".repeat(1_000) },
        "digest": format!("sha256:{number:064x}"),
        "effect": EFFECTS[usize::try_from(number % 4).unwrap()],
        "reason": "it sends a message to somebody outside",
        "turn": 3,
        "asked_at": format!("2026-01-01T{:02}:{:02}:{:02}Z", number % 24, number % 59, number % 60),
        "deadline": format!("2026-01-02T{:02}:{:02}:{:02}Z", number % 23, number % 58, number % 57),
        "approvers": [{ "groups": [format!("group-{}", number % 20)], "quorum": 2 }],
        "asked": ["on-call"],
    }))
    .unwrap();
    Waiting {
        workflow_id: format!("run-{number}"),
        chain: format!("0199-{number:032x}"),
        number: 1,
        agent: format!("agent-{}", number % 50),
        starter: Some("ada@example.com".to_owned()),
        request,
    }
}
