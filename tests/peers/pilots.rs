//! Every operation of the pilots as a real request of the real engine: judged by a mock that knows
//! the vendor's description and not the entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use longhaul_catalog::auth::AuthMethod;
use longhaul_catalog::operation::{BodyFormat, Format, PageKind, ParamIn};
use longhaul_catalog::{
    Answer, Blobs, Call, Catalog, Engine, EngineSettings, FileContent, Integration,
};
use longhaul_net::egress::Egress;
use longhaul_tests::vendor::answer::SAID;
use longhaul_tests::vendor::arguments::{Extent, arguments};
use longhaul_tests::vendor::mock::{Expected, Mock};
use longhaul_tests::vendor::mutate::{Fault, Mutant, mutants};
use longhaul_tests::vendor::proof::{CANARY, MadeUp};
use longhaul_tests::vendor::{Contract, Finding, target};
use serde_json::{Value, json};

use crate::contracts::PILOTS;
use crate::contracts::known::{KNOWN, ON_THE_WIRE};

/// Keeps nothing: what comes down is looked at where it is sent from.
struct Nowhere;

#[async_trait]
impl Blobs for Nowhere {
    async fn put(&self, content: FileContent) -> Result<Value, String> {
        Ok(json!({ "bytes": content.bytes.len() }))
    }

    async fn get(&self, _: &Value, _: usize) -> Result<FileContent, String> {
        Err("there is nothing here".to_owned())
    }
}

/// An entry under test, behind its mock.
struct Bench {
    entry: Arc<Integration>,
    mock: Mock,
    engine: Engine,
    calls: usize,
    requests: usize,
    wrong: Vec<String>,
}

impl Bench {
    async fn new(entry: Arc<Integration>, contract: Option<&'static Contract>) -> Self {
        // Limits are kept elsewhere; here they would only take time.
        let mut unlimited = Integration::clone(&entry);
        unlimited.defaults.limits = None;
        let entry = Arc::new(unlimited);
        let mock = Mock::start(Arc::clone(&entry), contract).await;
        let settings = EngineSettings {
            egress: Egress::new(&["127.0.0.1".to_owned()]).unwrap(),
            servers: BTreeMap::from([(entry.slug.clone(), mock.url.clone())]),
            ..EngineSettings::default()
        };
        let engine = Engine::new(settings).unwrap().with_blobs(Arc::new(Nowhere));
        Self { entry, mock, engine, calls: 0, requests: 0, wrong: Vec::new() }
    }

    /// Calls each operation by each auth method that it takes, with all arguments and with few.
    async fn everything(&mut self) {
        for name in self.entry.operations.keys().cloned().collect::<Vec<_>>() {
            let operation = self.entry.operations[&name].clone();
            for method in self.entry.auth.clone() {
                if !operation.auth.is_empty() && !operation.auth.contains(&method.id) {
                    continue;
                }
                // Just what consent would be asked for.
                let granted: BTreeSet<String> = operation.scopes(&method.id).into_iter().collect();
                let made_up = MadeUp::new(&self.entry, &method, granted);
                for extent in [Extent::All, Extent::Needed] {
                    self.one(&name, &made_up, extent).await;
                }
            }
        }
    }

    async fn one(&mut self, name: &str, made_up: &MadeUp, extent: Extent) {
        let entry = Arc::clone(&self.entry);
        let operation = &entry.operations[name];
        let mut arguments = arguments(&entry, operation, extent);
        let page = operation.page(&entry);
        if let Some(page) = page {
            // More than a page has.
            let more = match page.kind {
                PageKind::Page | PageKind::Offset => page.max.unwrap_or(100) + 1,
                PageKind::Cursor | PageKind::Link | PageKind::LastId => 3,
            };
            arguments["limit"] = json!(more);
        }
        let expected = Expected { operation: name.to_owned(), proof: made_up.expected() };
        self.mock.expect(expected);
        let call = Call {
            integration: &entry,
            operation: name,
            arguments: &arguments,
            key: Some("6f2c6c0e-5f4e-4a7f-8a43-2f3a1c9d7e55"),
            first_attempt: None,
        };
        self.calls += 1;
        let outcome = self.engine.call(&call, made_up).await;
        let arrived = self.mock.arrived();
        self.requests += arrived.len();
        let slug = &entry.slug;
        for finding in arrived.iter().flat_map(|it| &it.findings) {
            if !is_known(slug, finding) {
                let complaint = format!("{slug}.{finding}");
                if !self.wrong.contains(&complaint) {
                    self.wrong.push(complaint);
                }
            }
        }
        match outcome {
            Ok(answer) => {
                let pages = if page.is_some() { 2 } else { 1 };
                if arrived.len() != pages {
                    self.wrong.push(format!("{slug}.{name}: {} requests", arrived.len()));
                }
                let is_empty = operation.output.format == Format::Empty
                    || operation.output.format == Format::Binary;
                if !is_empty && !is_read(&answer) {
                    self.wrong.push(format!("{slug}.{name}: read as {}", answer.value));
                }
                let preview = self.engine.preview(&call, made_up).await;
                let preview = preview.map(|it| format!("{it}")).unwrap_or_default();
                if preview.contains(CANARY) || !preview.contains("•••") {
                    self.wrong.push(format!("{slug}.{name}: shown as {preview}"));
                }
            }
            Err(error) => self.wrong.push(format!("{slug}.{name}: {error:?} {arguments}")),
        }
    }
}

/// Whether what the mock said came through.
fn is_read(answer: &Answer) -> bool {
    answer.value.to_string().contains(SAID)
}

fn is_known(slug: &str, finding: &Finding) -> bool {
    KNOWN.iter().chain(&ON_THE_WIRE).any(|it| it.covers(slug, finding))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_executed_and_judged_by_the_vendor_s_description() {
    let (mut operations, mut calls, mut requests, mut wrong) = (0, 0, 0, Vec::new());
    for pilot in PILOTS.values() {
        let mut bench = Bench::new(Arc::clone(&pilot.entry), Some(&pilot.contract)).await;
        bench.everything().await;
        operations += pilot.entry.operations.len();
        calls += bench.calls;
        requests += bench.requests;
        wrong.append(&mut bench.wrong);
    }
    println!("{operations} operations, {calls} calls, {requests} requests");
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_from_documentation_is_executed_too() {
    let entry = Catalog::builtin().integration("salesforce").unwrap();
    let mut bench = Bench::new(entry, None).await;
    bench.everything().await;
    println!("{} calls, {} requests", bench.calls, bench.requests);
    assert!(bench.wrong.is_empty(), "{}", bench.wrong.join("\n"));
    assert!(bench.calls >= 19 * 2);
}

/// Whether the vendor's description is known to be wrong of just this operation.
fn is_blind(slug: &str, name: &str) -> bool {
    KNOWN.iter().any(|it| it.slug == slug && it.operation == name)
}

/// Whether a request can show the fault to somebody who knows only the vendor's description.
fn is_shown(contract: &Contract, sound: &Integration, name: &str, mutant: &Mutant) -> bool {
    let operation = &mutant.integration.operations[name];
    match mutant.fault {
        // A path of holes fits any path of that length.
        Fault::WrongPath => {
            let path = operation.path().unwrap_or_default();
            operation.graphql.is_some() || !path.trim_start_matches("/zz/zz/zz").starts_with("/{")
        }
        // Where the vendor has another operation there, it is that one.
        Fault::WrongMethod => {
            let mut other = operation.clone();
            other.contract = None;
            operation.graphql.is_some()
                || target::find(contract, &mutant.integration, &other).is_err()
        }
        // What becomes a part of a path or header is a word, whatever it was.
        Fault::WrongType => {
            let spoiled = mutant.done.split(':').next().unwrap_or_default();
            let param = &sound.operations[name].input[spoiled];
            let kind = param.schema.get("type").and_then(Value::as_str);
            // A list of one word looks like the word, and so does `true`.
            let in_text = param.place == ParamIn::Query || operation.body == BodyFormat::Form;
            let at = [ParamIn::Path, ParamIn::Header, ParamIn::WholeBody];
            !(kind == Some("string") && at.contains(&param.place)
                || kind == Some("array") && in_text)
        }
        // The whole body is JSON, whatever is said of its parts.
        Fault::WrongMedia => {
            !operation.input.values().any(|it| it.place == ParamIn::WholeBody)
                || operation.headers.keys().any(|it| it == "content-type")
        }
        // Without its source, a copy is another operation: an upload.
        Fault::RequiredGone => (sound.slug.as_str(), name) != ("aws-s3", "objects.copy"),
        Fault::WrongHeader | Fault::UnknownField => true,
        // The mock stands at any address, values are the test's, and nothing reads scopes.
        Fault::WrongValue | Fault::WrongServer | Fault::WrongScope => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spoiled_entries_are_found_on_the_wire() {
    let mut counts: BTreeMap<Fault, (usize, usize)> = BTreeMap::new();
    let (mut survivors, mut blind) = (Vec::new(), 0);
    for (slug, pilot) in PILOTS.iter() {
        let mut bench = Bench::new(Arc::clone(&pilot.entry), Some(&pilot.contract)).await;
        let sound = Arc::clone(&bench.entry);
        for name in sound.operations.keys() {
            for mutant in mutants(&pilot.contract, &sound, name) {
                if !is_shown(&pilot.contract, &sound, name, &mutant) {
                    continue;
                }
                let operation = &mutant.integration.operations[name];
                let takes =
                    |it: &&AuthMethod| operation.auth.is_empty() || operation.auth.contains(&it.id);
                let method = sound.auth.iter().find(takes).unwrap();
                let granted = operation.scopes(&method.id).into_iter().collect();
                let made_up = MadeUp::new(&sound, method, granted);
                bench.entry = Arc::new(mutant.integration);
                bench.wrong.clear();
                bench.one(name, &made_up, Extent::All).await;
                let (all, found) = counts.entry(mutant.fault).or_default();
                *all += 1;
                if bench.wrong.is_empty() && is_blind(slug, name) {
                    blind += 1;
                } else if bench.wrong.is_empty() {
                    survivors.push(format!("{slug}.{name}: {:?} {}", mutant.fault, mutant.done));
                } else {
                    *found += 1;
                }
            }
        }
    }
    for (fault, (all, found)) in &counts {
        println!("{fault:?}: {found} of {all} found");
    }
    let all: usize = counts.values().map(|(all, _)| all).sum();
    println!("{} of {all} faults found", all - survivors.len() - blind);
    assert!(survivors.is_empty(), "{} not found: {survivors:#?}", survivors.len());
}
