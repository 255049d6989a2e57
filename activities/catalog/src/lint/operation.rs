//! What an operation must say.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_contract::tool::Effect;

use super::{Lint, errors, header, idempotency, inputs};
use crate::operation::{Operation, Page, PageKind};

/// Words that say that something changes which no method tells: the effect is written out.
const GRAVE: [&str; 22] = [
    "archive", "ban", "cancel", "capture", "charge", "delete", "execute", "forward", "grant",
    "invite", "merge", "pay", "publish", "purge", "refund", "remove", "reply", "revoke", "send",
    "share", "transfer", "trash",
];
/// Words that say that nothing changes.
const HARMLESS: [&str; 6] = ["count", "find", "get", "list", "retrieve", "search"];
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

pub(super) fn check(lint: &mut Lint<'_>) {
    let integration = lint.integration;
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut titles: BTreeMap<String, &str> = BTreeMap::new();
    for (name, operation) in &integration.operations {
        let path = ["operations", name.as_str()];
        if !is_name(name) {
            lint.wrong(&path, "a name is `noun.verb`, in small letters, digits and `_`");
        }
        // Models know tools by names without dots.
        if let Some(other) = names.insert(name.replace('.', "_"), name) {
            lint.wrong(&path, format!("a model cannot tell it from `{other}`"));
        }
        if let Some(other) = titles.insert(operation.title.to_lowercase(), name) {
            lint.wrong(&path, format!("it has the title of `{other}`"));
        }
        one(lint, &path, name, operation);
    }
}

fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let good = |part: &str| !part.is_empty() && part.chars().all(letters);
    name.contains('.') && name.split('.').all(good)
}

fn one(lint: &mut Lint<'_>, path: &[&str; 2], name: &str, operation: &Operation) {
    let integration = lint.integration;
    if operation.title.trim().is_empty() || operation.description.trim().len() < 10 {
        lint.wrong(path, "a title and a description say what it does");
    }
    target(lint, path, operation);
    effect(lint, path, name, operation);
    if operation.server.is_some() && operation.server(integration).is_none() {
        lint.wrong(path, "there is no server of that id");
    }
    let ids: BTreeSet<&str> = integration.auth.iter().map(|method| method.id.as_str()).collect();
    for id in operation.auth.iter().chain(operation.scopes.keys()) {
        if !ids.contains(id.as_str()) {
            lint.wrong(path, format!("there is no auth method `{id}`"));
        }
    }
    if let Some(found) = &operation.idempotency {
        idempotency(lint, path, found);
    }
    if let Some(found) = &operation.errors {
        errors(lint, path, found);
    }
    for (name, value) in &operation.headers {
        lint.holes(path, value, None);
        header(lint, path, name, value);
    }
    if operation.page.is_some() && operation.paged {
        lint.wrong(path, "it has a `page` of its own, so `paged` says nothing");
    }
    if operation.paged && integration.defaults.page.is_none() {
        lint.wrong(path, "it is `paged`, and `defaults` have no `page`");
    }
    if let Some(found) = &operation.page {
        page(lint, path, found);
    }
    output(lint, path, operation);
    if let Some(reconcile) = &operation.reconcile {
        match integration.operations.get(reconcile) {
            Some(read) if read.effect() == Effect::Read => {}
            Some(_) => lint.wrong(path, format!("`{reconcile}` does not read")),
            None => lint.wrong(path, format!("there is no operation `{reconcile}`")),
        }
    }
    inputs::check(lint, path, operation);
}

fn target(lint: &mut Lint<'_>, path: &[&str], operation: &Operation) {
    match (&operation.http, &operation.graphql) {
        (Some(http), None) => {
            let method = operation.method().unwrap_or_default();
            if !METHODS.contains(&method) || http.split_whitespace().count() > 2 {
                lint.wrong(path, format!("`{http}` is no method and path"));
            }
            if !operation.path().is_some_and(|path| path.starts_with('/')) {
                lint.wrong(path, format!("the path of `{http}` begins with `/`"));
            }
        }
        (None, Some(graphql)) => {
            lint.pointer(path, Some(&graphql.data));
            lint.pointer(path, graphql.user_errors.as_ref());
            if !graphql.path.is_empty() && !graphql.path.starts_with('/') {
                lint.wrong(path, format!("the path `{}` begins with `/`", graphql.path));
            }
            let writes = graphql.document.trim_start().starts_with("mutation");
            if writes == (operation.effect() == Effect::Read) {
                lint.wrong(path, "a mutation writes, and a query reads: the effect says otherwise");
            }
        }
        (_, _) => lint.wrong(path, "it has either `http` or `graphql`"),
    }
}

fn effect(lint: &mut Lint<'_>, path: &[&str], name: &str, operation: &Operation) {
    let verb = name.rsplit('.').next().unwrap_or(name);
    let grave = verb.split('_').find(|word| GRAVE.contains(word));
    let harmless = verb.split('_').next().filter(|word| HARMLESS.contains(word));
    let told = matches!(operation.method(), Some("GET" | "HEAD" | "DELETE"));
    match operation.effect {
        None if !told => {
            lint.wrong(path, "no method tells what this does to the world: write its `effect`");
        }
        None => {
            if let Some(word) = grave.filter(|_| operation.method() != Some("DELETE")) {
                lint.wrong(path, format!("`{word}` is a grave word: write its `effect`"));
            }
        }
        Some(Effect::Read) => {
            if let Some(word) = grave {
                lint.wrong(path, format!("`{word}` does not read"));
            }
            if operation.method() == Some("DELETE") {
                lint.wrong(path, "`DELETE` does not read");
            }
        }
        Some(_) => {
            if let Some(word) = harmless {
                lint.wrong(path, format!("`{word}` reads, and the effect says otherwise"));
            }
        }
    }
}

/// What a page must say to be read on.
pub(super) fn page(lint: &mut Lint<'_>, path: &[&str], page: &Page) {
    for pointer in [Some(&page.items), page.next.as_ref(), page.more.as_ref()] {
        lint.pointer(path, pointer);
    }
    let needs_param = page.kind != PageKind::Link;
    if needs_param && page.param.is_none() {
        lint.wrong(path, "a page needs the `param` that says where to go on");
    }
    if page.kind == PageKind::Cursor && page.next.is_none() {
        lint.wrong(path, "a cursor needs `next`, where the answer has it");
    }
    if page.max == Some(0) {
        lint.wrong(path, "a page of nothing");
    }
    if page.max.is_some() && page.limit.is_none() {
        lint.wrong(path, "`max` is for a `limit`, and there is none");
    }
}

fn output(lint: &mut Lint<'_>, path: &[&str], operation: &Operation) {
    let output = &operation.output;
    for pointer in output.select.iter().chain(&output.at) {
        lint.pointer(path, Some(pointer));
    }
    let elsewhere = operation.page.is_some() || operation.paged || operation.graphql.is_some();
    if output.at.is_some() && elsewhere {
        lint.wrong(path, "where the result is, `page` or `graphql` says, not `at`");
    }
    if output.budget == Some(0) {
        lint.wrong(path, "a budget of nothing");
    }
}
