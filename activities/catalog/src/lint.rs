//! What a file of the catalogue must hold to beyond its shape.

mod auth;
mod inputs;
mod operation;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use crate::error::ErrorKind;
use crate::integration::{Errors, Field, Idempotency, Integration};
use crate::load::SCHEMA;
use crate::problem::{Problem, place};
use crate::request::template::{holes, is_listed};

/// Everything that is wrong with `integration`, whose file is called `file` and reads `text`, in
/// the order of the lines.
pub fn check(file: &str, text: &str, integration: &Integration) -> Vec<Problem> {
    let mut lint = Lint { file, text, integration, problems: Vec::new() };
    head(&mut lint);
    servers(&mut lint);
    config(&mut lint);
    auth::check(&mut lint);
    defaults(&mut lint);
    operation::check(&mut lint);
    lint.problems.sort_by_key(|problem| (problem.line, problem.column));
    lint.problems
}

/// A file under examination.
struct Lint<'a> {
    file: &'a str,
    text: &'a str,
    integration: &'a Integration,
    problems: Vec<Problem>,
}

impl Lint<'_> {
    /// Something is wrong at the key that `path` leads to.
    fn wrong(&mut self, path: &[&str], message: impl Into<String>) {
        let at = place(self.text, path);
        self.problems.push(Problem::at(self.file, self.text, at, message));
    }

    /// A fact without the page that says so is a rumour.
    fn source(&mut self, path: &[&str], url: &str) {
        if !is_page(url) {
            self.wrong(path, format!("`{url}` is no page: write the https URL that says so"));
        }
    }

    fn pointer(&mut self, path: &[&str], pointer: Option<&String>) {
        if let Some(pointer) = pointer.filter(|it| !it.is_empty() && !it.starts_with('/')) {
            self.wrong(path, format!("`{pointer}` is no JSON pointer: it begins with `/`"));
        }
    }

    /// Holes that nothing fills.
    fn holes(&mut self, path: &[&str], template: &str, fields: Option<&BTreeSet<&str>>) {
        let integration = self.integration;
        for hole in holes(template) {
            let is_known = match hole.split_once('.') {
                Some(("config", name)) => integration.config.contains_key(name),
                Some(("token", name)) => {
                    let of_token = |it: &crate::auth::AuthMethod| {
                        it.oauth
                            .as_ref()
                            .is_some_and(|it| it.metadata_from_token.contains_key(name))
                    };
                    (name == "access_token" && fields.is_some())
                        || integration.auth.iter().any(of_token)
                }
                Some(("fields", name)) => fields.is_some_and(|fields| fields.contains(name)),
                // What the vault knows by itself, such as a JWT that it has just signed.
                Some(_) | None => fields.is_some(),
            };
            if !is_known {
                self.wrong(path, format!("nothing fills the hole `${{{hole}}}`"));
            }
        }
    }
}

fn is_page(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some())
}

/// Values that look like what nobody should commit.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let known = r"(?i)^(sk|pk|rk|re|xox[abp]|gh[pousr]|glpat|key|whsec)[-_][A-Za-z0-9_-]{10,}";
    let long = r"^[A-Za-z0-9+/_-]{32,}={0,2}$|-----BEGIN|^eyJ[A-Za-z0-9_-]+\.";
    Regex::new(&format!("{known}|{long}")).ok()
});

fn is_secret(text: &str) -> bool {
    SECRET.as_ref().is_some_and(|secret| secret.is_match(text))
}

fn head(lint: &mut Lint<'_>) {
    let integration = lint.integration;
    if integration.schema != SCHEMA {
        lint.wrong(&["schema"], format!("this is version {SCHEMA}, not {}", integration.schema));
    }
    let slug = &integration.slug;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.is_empty() || !slug.chars().all(letters) {
        lint.wrong(&["slug"], "a slug has small letters, digits and `-` only");
    }
    if lint.file.strip_suffix(".yaml").is_some_and(|stem| stem != slug) {
        lint.wrong(&["slug"], format!("the file is called `{}`", lint.file));
    }
    for (key, text) in [("name", &integration.name), ("category", &integration.category)] {
        if text.trim().is_empty() {
            lint.wrong(&[key], format!("`{key}` is empty"));
        }
    }
    lint.source(&["homepage"], &integration.homepage);
    let evidence = &integration.evidence;
    lint.source(&["evidence", "docs"], &evidence.docs);
    if !(1..=3).contains(&evidence.tier) {
        lint.wrong(&["evidence", "tier"], "a tier is 1, 2 or 3");
    }
    if evidence.tier < 3 && evidence.origin.is_none() {
        lint.wrong(&["evidence"], "a tier of 1 or 2 says the `origin` of the description");
    }
    if integration.operations.is_empty() {
        lint.wrong(&["operations"], "there are no operations");
    }
}

fn servers(lint: &mut Lint<'_>) {
    let integration = lint.integration;
    if integration.servers.is_empty() {
        lint.wrong(&["servers"], "there is no server");
    }
    let mut ids = BTreeSet::new();
    for (index, server) in integration.servers.iter().enumerate() {
        let path = ["servers"];
        match &server.id {
            Some(id) if !ids.insert(id) => lint.wrong(&path, format!("two servers are `{id}`")),
            None if index > 0 => lint.wrong(&path, "each server after the first has an `id`"),
            Some(_) | None => {}
        }
        lint.holes(&path, &server.url, None);
        let host = match server.url.strip_prefix("https://") {
            Some(rest) => rest.split('/').next().unwrap_or_default(),
            None if server.url.starts_with("${") => "${",
            None => {
                lint.wrong(&path, format!("`{}` does not begin with `https://`", server.url));
                continue;
            }
        };
        if host.contains("${") && server.hosts.is_empty() {
            lint.wrong(&path, format!("`{}` has a hole in its host: list its `hosts`", server.url));
        }
        if !host.contains("${") && !server.hosts.is_empty() {
            let url = Url::parse(&server.url);
            if !url.is_ok_and(|url| is_listed(&url, &server.hosts)) {
                lint.wrong(&path, format!("`{host}` is none of its own `hosts`"));
            }
        }
        for listed in &server.hosts {
            let good = |label: &str| {
                let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
                label == "*" || (!label.is_empty() && label.chars().all(letters))
            };
            // Whoever has `*.com` has every vendor.
            let owned = listed.rsplit('.').take(2).all(|label| label != "*");
            if listed != "*" && !(owned && listed.split('.').all(good)) {
                let examples = "`a.example.com`, `*.example.com`";
                lint.wrong(&path, format!("`{listed}` is no host: {examples}"));
            }
        }
    }
}

fn config(lint: &mut Lint<'_>) {
    let integration = lint.integration;
    for (name, field) in &integration.config {
        let path = ["config", name.as_str()];
        if field.secret {
            lint.wrong(&path, "what is secret is a field of an auth method");
        }
        let in_url = |it: &crate::integration::Server| {
            holes(&it.url).contains(&format!("config.{name}").as_str())
        };
        if integration.servers.iter().any(in_url) && field.pattern.is_none() {
            lint.wrong(&path, "it is a part of an address: give it a `pattern`");
        }
        one_field(lint, &path, field);
    }
}

/// A field's pattern, and what it must match.
fn one_field(lint: &mut Lint<'_>, path: &[&str], field: &Field) {
    if field.secret && field.default.is_some() {
        lint.wrong(path, "a secret has no default");
    }
    for (what, value) in [("default", &field.default), ("example", &field.example)] {
        if what == "default" && value.as_deref().is_some_and(is_secret) {
            lint.wrong(path, "its default looks like a secret");
        }
        if let (Some(pattern), Some(value)) = (&field.pattern, value) {
            let pattern = Regex::new(&format!("^(?:{pattern})$"));
            if pattern.is_ok_and(|pattern| !pattern.is_match(value)) && !field.secret {
                lint.wrong(path, format!("its {what} does not match its pattern"));
            }
        }
    }
    if let Some(pattern) = &field.pattern
        && Regex::new(pattern).is_err()
    {
        lint.wrong(path, format!("`{pattern}` is no regular expression"));
    }
}

fn defaults(lint: &mut Lint<'_>) {
    let defaults = &lint.integration.defaults;
    if let Some(limits) = &defaults.limits {
        lint.source(&["defaults", "limits"], &limits.source);
        if limits.rps.is_some_and(|rps| rps.is_nan() || rps <= 0.0) || limits.concurrent == Some(0)
        {
            lint.wrong(&["defaults", "limits"], "a limit of nothing");
        }
    }
    if let Some(idempotency) = &defaults.idempotency {
        self::idempotency(lint, &["defaults", "idempotency"], idempotency);
    }
    if let Some(found) = &defaults.errors {
        errors(lint, &["defaults", "errors"], found);
    }
    if let Some(page) = &defaults.page {
        operation::page(lint, &["defaults", "page"], page);
    }
    for (name, value) in &defaults.headers {
        lint.holes(&["defaults", "headers"], value, None);
        header(lint, &["defaults", "headers"], name, value);
    }
    if let Some(retry) = &defaults.retry {
        lint.pointer(&["defaults", "retry", "after_body"], retry.after_body.as_ref());
        if retry.statuses.iter().any(|status| !(400..600).contains(status)) {
            lint.wrong(&["defaults", "retry", "statuses"], "only failures are tried again");
        }
    }
}

fn header(lint: &mut Lint<'_>, path: &[&str], name: &str, value: &str) {
    if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
        lint.wrong(path, format!("`{name}` is no header"));
    }
    if crate::request::RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        lint.wrong(path, format!("`{name}` is not for the catalogue to set"));
    }
    if is_secret(value) {
        lint.wrong(path, format!("the value of `{name}` looks like a secret"));
    }
}

fn idempotency(lint: &mut Lint<'_>, path: &[&str], found: &Idempotency) {
    lint.source(path, &found.source);
    if found.header.is_some() == found.body.is_some() {
        lint.wrong(path, "a key goes in a `header` or in the `body`: one of them");
    }
    if humantime::parse_duration(&found.ttl).is_err() {
        lint.wrong(path, format!("`{}` is no length of time, such as `24h`", found.ttl));
    }
}

fn errors(lint: &mut Lint<'_>, path: &[&str], found: &Errors) {
    let inside = found.inside.as_ref().map(|inside| &inside.at);
    let pointers = [&found.message, &found.code, &found.fields, &found.scopes];
    for pointer in pointers.into_iter().filter_map(Option::as_ref).chain(inside) {
        lint.pointer(path, Some(pointer));
    }
    for (code, word) in &found.kinds {
        if ErrorKind::parse(word).is_none() {
            lint.wrong(path, format!("`{code}` is `{word}`, which is no kind of error"));
        }
    }
}
