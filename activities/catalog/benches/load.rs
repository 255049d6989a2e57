//! What a catalogue of 2 000 operations costs: to load, all of it or a little, and to search.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it stops at the first surprise, and says what it measured"
)]

use std::time::{Duration, Instant};

use longhaul_catalog::{Catalog, Filter, Search};
use serde_json::{Value, json};

const INTEGRATIONS: usize = 160;
const OPERATIONS: usize = 2000;
const ROUNDS: usize = 20;

fn main() {
    let entries: Vec<(String, &'static str)> = (0..INTEGRATIONS)
        .map(|number| {
            let json = integration(number).to_string();
            (format!("vendor-{number}"), &*Box::leak(json.into_boxed_str()))
        })
        .collect();
    let entries: Vec<(&str, &'static str)> =
        entries.iter().map(|(slug, json)| (slug.as_str(), *json)).collect();
    let bytes: usize = entries.iter().map(|(_, json)| json.len()).sum();
    println!("{INTEGRATIONS} integrations, {OPERATIONS} operations, {bytes} bytes of JSON");

    let before = resident();
    let catalog = Catalog::of_json(&entries);
    let search = Search::of(&catalog);
    println!("memory to find any of it: {} KiB", resident().saturating_sub(before));
    let before = resident();
    let all: Vec<_> = catalog.integrations().collect();
    assert_eq!(all.iter().map(|it| it.operations.len()).sum::<usize>(), OPERATIONS);
    println!("memory of all of it at once: {} KiB more", resident().saturating_sub(before));
    drop(all);

    let median = |what: &str, run: &dyn Fn()| {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed()
            })
            .collect();
        times.sort();
        let middle = times.get(ROUNDS / 2).unwrap();
        println!("{what}: {middle:?} (median of {ROUNDS}, most {:?})", times.last().unwrap());
    };
    median("the catalogue, nothing asked for", &|| {
        std::hint::black_box(Catalog::of_json(&entries));
    });
    median("one tool of it", &|| {
        let catalog = Catalog::of_json(&entries);
        assert!(catalog.tool("vendor-7.things_2.create").is_some());
    });
    median("all of it", &|| {
        assert_eq!(Catalog::of_json(&entries).integrations().count(), INTEGRATIONS);
    });
    median("the search's index", &|| {
        std::hint::black_box(Search::of(&catalog));
    });
    median("a search", &|| {
        let found = search.search("add a new thing at vendor 7", 5, &Filter::default());
        assert_eq!(found.len(), 5);
    });
}

/// An entry as they are: a dozen operations with half a dozen arguments each.
fn integration(number: usize) -> Value {
    let verbs = ["list", "get", "create", "update", "remove"];
    // 2 000 over 160: every second one has one more.
    let count = OPERATIONS / INTEGRATIONS + usize::from(number.is_multiple_of(2));
    let operations: serde_json::Map<_, _> = (0..count)
        .map(|at| {
            let verb = verbs.get(at % verbs.len()).unwrap();
            (format!("things_{}.{verb}", at), operation(at, verb))
        })
        .collect();
    json!({
        "schema": 1, "slug": format!("vendor-{number}"), "name": format!("Vendor {number}"),
        "category": "shop", "homepage": "https://vendor.example",
        "synonyms": ["shop of things", format!("vendor number {number}")],
        "evidence": {"tier": 1, "origin": "github:vendor/api@abc:openapi.yaml",
                     "docs": "https://vendor.example/docs"},
        "servers": [{"url": "https://api.vendor.example/v1"}],
        "auth": [{"id": "key", "kind": "bearer", "source": "https://vendor.example/auth",
                  "fields": {"token": {"title": "Token", "secret": true, "pattern": "[a-z0-9_]+"}},
                  "verify": "things_0.list"}],
        "defaults": {
            "headers": {"x-version": "2026-01-01"},
            "retry": {"after_header": ["retry-after"], "statuses": [429, 500, 502, 503, 504]},
            "limits": {"rps": 5.0, "source": "https://vendor.example/limits"},
            "errors": {"message": "/error/message", "code": "/error/code",
                       "kinds": {"gone": "not_found", "taken": "conflict"}},
            "page": {"kind": "cursor", "param": "after", "next": "/next", "items": "/data"},
        },
        "operations": operations,
    })
}

fn operation(at: usize, verb: &str) -> Value {
    let words = "The thing's own words, which say in a sentence what it is for and when to use it.";
    let mut input: serde_json::Map<_, _> = ["name", "owner", "state", "note", "due", "labels"]
        .iter()
        .map(|name| {
            let schema = json!({"in": "body", "type": "string", "maxLength": 200,
                                "description": format!("The {name}. {words}")});
            ((*name).to_owned(), schema)
        })
        .collect();
    input.insert("id".to_owned(), json!({"in": "path", "type": "string"}));
    input.insert(
        "rows".to_owned(),
        json!({"in": "body", "type": "array", "items": {"type": "object", "properties": {
            "sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}}}}),
    );
    json!({
        "title": format!("{verb} things of kind {at}"),
        "description": format!("{words} {words}"),
        "synonyms": ["item", "article", "piece"],
        "http": format!("POST /things-{at}/{{id}}"),
        "effect": if verb == "list" || verb == "get" { "read" } else { "update" },
        "scopes": {"key": ["things:write"]},
        "input": input,
        "output": {"select": ["/id", "/name", "/state", "/owner/id", "/updated_at"]},
    })
}

/// Memory of this process, in KiB; 0 where the system does not tell.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
