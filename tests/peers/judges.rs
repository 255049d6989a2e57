//! Other judges of the pilots' requests: Prism, which knows OpenAPI, with slices of the vendors'
//! descriptions, and Stripe's own mock.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use longhaul_catalog::{Call, Engine, EngineSettings, Integration};
use longhaul_net::egress::Egress;
use longhaul_tests::vendor::arguments::{Extent, arguments};
use longhaul_tests::vendor::mutate::{Fault, mutants};
use longhaul_tests::vendor::proof::MadeUp;
use longhaul_tests::vendor::slice::openapi;
use longhaul_tests::wait::eventually;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use url::Url;

use crate::contracts::{PILOTS, Pilot};

/// A program that takes requests; it ends with the test.
struct Judge {
    url: Url,
    _child: Child,
}

impl Judge {
    async fn start(mut command: Command, port: u16) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; .ci/peers installs it"));
        eventually(Duration::from_secs(60), "the judge listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { url: format!("http://127.0.0.1:{port}").parse().unwrap(), _child: child }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Calls each of `names` with all arguments and with few: how many calls, and which were refused.
async fn refused(
    entry: &Integration,
    names: &[String],
    url: &Url,
    key: Option<&str>,
) -> (usize, Vec<String>) {
    let mut entry = entry.clone();
    entry.defaults.limits = None;
    let settings = EngineSettings {
        egress: Egress::new(&["127.0.0.1".to_owned()]).unwrap(),
        servers: BTreeMap::from([(entry.slug.clone(), url.clone())]),
        ..EngineSettings::default()
    };
    let engine = Engine::new(settings).unwrap();
    let (mut calls, mut refused) = (0, Vec::new());
    for name in names {
        let operation = &entry.operations[name];
        let takes = |it: &&longhaul_catalog::AuthMethod| {
            operation.auth.is_empty() || operation.auth.contains(&it.id)
        };
        let method = entry.auth.iter().find(takes).unwrap();
        let granted = operation.scopes(&method.id).into_iter().collect();
        let mut made_up = MadeUp::new(&entry, method, granted);
        if let Some(key) = key {
            made_up = made_up.with_key(key);
        }
        for extent in [Extent::All, Extent::Needed] {
            let arguments = arguments(&entry, operation, extent);
            let call = Call {
                integration: &entry,
                operation: name,
                arguments: &arguments,
                key: Some("6f2c6c0e-5f4e-4a7f-8a43-2f3a1c9d7e55"),
                first_attempt: None,
            };
            calls += 1;
            if let Err(error) = engine.call(&call, &made_up).await {
                refused.push(format!("{}.{name} {extent:?}: {error:?}", entry.slug));
            }
        }
    }
    (calls, refused)
}

/// Calls that lack something needed or have another path: how many, and which were taken.
async fn spoiled(pilot: &Pilot, names: &[String], url: &Url) -> (usize, Vec<String>) {
    let (mut all, mut taken) = (0, Vec::new());
    for name in names {
        for mutant in mutants(&pilot.contract, &pilot.entry, name) {
            // What the slice was amended for is no longer needed.
            let amended = ["notion.pages.create", "slack"];
            let amended =
                amended.iter().any(|it| format!("{}.{name}", pilot.entry.slug).starts_with(it));
            let counts = match mutant.fault {
                Fault::WrongPath => true,
                Fault::RequiredGone => !amended,
                Fault::WrongHeader
                | Fault::WrongType
                | Fault::WrongValue
                | Fault::UnknownField
                | Fault::WrongMethod
                | Fault::WrongMedia
                | Fault::WrongServer
                | Fault::WrongScope => false,
            };
            if !counts {
                continue;
            }
            let name = std::slice::from_ref(name);
            let (calls, refused) = refused(&mutant.integration, name, url, None).await;
            all += calls;
            if refused.len() < calls {
                taken.push(format!("{}.{}: {}", pilot.entry.slug, name[0], mutant.done));
            }
        }
    }
    (all, taken)
}

/// Where a description is known to be wrong, and the slice says what the documentation says.
fn amend(slug: &str, slice: &mut Value) {
    let schemas = |slice: &mut Value, change: &dyn Fn(&mut Value)| {
        walk(slice, change);
    };
    match slug {
        "slack" => schemas(slice, &|it| {
            if let Some(Value::Array(parameters)) = it.get_mut("parameters") {
                parameters.retain(|it| it["name"] != "token");
                for parameter in parameters.iter_mut() {
                    if parameter["schema"]["type"] == "number" {
                        parameter["schema"] = json!({});
                    }
                }
            }
            for name in ["ts", "thread_ts"] {
                if it["properties"][name]["type"] == "number" {
                    it["properties"][name] = json!({});
                }
            }
        }),
        "resend" => {
            slice["paths"]["/emails/{email_id}"]["patch"]["requestBody"] = json!({
                "content": {"application/json": {"schema": {"type": "object"}}}
            });
        }
        // The usual encoding, which Prism applies only where it is written out.
        "twilio" => schemas(slice, &|it| {
            let Some(form) = it.get_mut("application/x-www-form-urlencoded") else { return };
            if form["schema"]["properties"].get("MediaUrl").is_some() {
                form["encoding"] = json!({"MediaUrl": {"style": "form", "explode": true}});
            }
        }),
        "hubspot" => schemas(slice, &|it| {
            if it["properties"]["filterGroups"].is_object()
                && let Some(Value::Array(required)) = it.get_mut("required")
            {
                required.retain(|it| it != "after" && it != "limit");
            }
        }),
        "notion" => schemas(slice, &|it| {
            if it["properties"]["children"]["items"]["type"] == "string" {
                it["properties"]["children"] = json!({});
                it["properties"]["parent"] = json!({});
            }
        }),
        _ => {}
    }
}

fn walk(value: &mut Value, change: &dyn Fn(&mut Value)) {
    match value {
        Value::Object(_) => {
            change(value);
            if let Some(members) = value.as_object_mut() {
                members.values_mut().for_each(|it| walk(it, change));
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|it| walk(it, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Several operations of S3 and SQS share a path, which OpenAPI cannot say; GraphQL has none. Prism
/// reads no lists of objects in forms, and takes each object that is absent for an empty one:
/// Stripe's own mock stands in for it.
const SLICED: [&str; 8] =
    ["github", "gmail", "google-calendar", "hubspot", "notion", "resend", "slack", "twilio"];

#[tokio::test(flavor = "multi_thread")]
async fn prism_takes_what_the_pilots_send() {
    let folder = tempfile::tempdir().unwrap();
    let (mut operations, mut calls, mut wrong) = (0, 0, Vec::new());
    for slug in SLICED {
        let pilot = &PILOTS[slug];
        let (mut slice, names) = openapi(&pilot.contract, &pilot.entry);
        amend(slug, &mut slice);
        let file = folder.path().join(format!("{slug}.json"));
        std::fs::write(&file, slice.to_string()).unwrap();
        let port = free_port();
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("peers/node/node_modules/@stoplight/prism-cli/dist/index.js");
        assert!(program.is_file(), "{} is missing; .ci/peers installs it", program.display());
        let mut command = Command::new("node");
        command.arg(program).args(["mock", "--errors", "-h", "127.0.0.1", "-p"]);
        command.arg(port.to_string()).arg(&file);
        let judge = Judge::start(command, port).await;
        let (made, refused) = refused(&pilot.entry, &names, &judge.url, None).await;
        println!("{slug}: {} operations, {made} calls, {} refused", names.len(), refused.len());
        let (spoiled, missed) = spoiled(pilot, &names, &judge.url).await;
        println!("{slug}: {} of {spoiled} spoiled calls refused", spoiled - missed.len());
        wrong.extend(missed);
        operations += names.len();
        calls += made;
        wrong.extend(refused);
    }
    println!("Prism: {operations} operations, {calls} calls");
    assert!(wrong.is_empty(), "{} refused:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_s_own_mock_takes_what_we_send() {
    let port = free_port();
    let mut command = Command::new("stripe-mock");
    command.args(["-http-addr", &format!("127.0.0.1:{port}")]);
    let judge = Judge::start(command, port).await;
    let entry = &PILOTS["stripe"].entry;
    let names: Vec<String> = entry.operations.keys().cloned().collect();
    let (calls, refused) = refused(entry, &names, &judge.url, Some("sk_test_canary71c0de")).await;
    println!("stripe-mock: {} operations, {calls} calls", names.len());
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}
