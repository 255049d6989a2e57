//! What an auth method must say.

use std::collections::BTreeSet;

use longhaul_contract::tool::Effect;

use super::{Lint, is_secret, one_field};
use crate::arguments::is_required;
use crate::auth::{AuthKind, AuthMethod};

pub(super) fn check(lint: &mut Lint<'_>) {
    let integration = lint.integration;
    if integration.auth.is_empty() {
        lint.wrong(&["auth"], "say how a connection proves who it is, with `kind: none` if not");
    }
    let mut ids = BTreeSet::new();
    for method in &integration.auth {
        if !ids.insert(&method.id) {
            lint.wrong(&["auth"], format!("two auth methods are `{}`", method.id));
        }
        lint.source(&["auth"], &method.source);
        for (name, field) in &method.fields {
            one_field(lint, &["auth", "fields", name], field);
        }
        verify(lint, method);
        blocks(lint, method);
        templates(lint, method);
    }
}

/// The operation that tests a connection is a read that needs no arguments.
fn verify(lint: &mut Lint<'_>, method: &AuthMethod) {
    let integration = lint.integration;
    let Some(name) = &method.verify else { return };
    match integration.operations.get(name) {
        None => lint.wrong(&["auth"], format!("there is no operation `{name}` to verify with")),
        Some(operation) => {
            if operation.effect() != Effect::Read {
                lint.wrong(&["auth"], format!("`{name}` does not read, so it tests no connection"));
            }
            let needs = |it: &crate::operation::Param| is_required(it) && it.fixed.is_none();
            if operation.input.values().any(needs) {
                lint.wrong(
                    &["auth"],
                    format!("`{name}` needs arguments, so it tests no connection"),
                );
            }
        }
    }
}

/// What each mechanism cannot do without.
fn blocks(lint: &mut Lint<'_>, method: &AuthMethod) {
    let oauth = method.oauth.as_ref();
    let missing = match method.kind {
        AuthKind::ApiKey => method.place.is_none().then_some("place"),
        AuthKind::Oauth2 => {
            let authorize = oauth.and_then(|oauth| oauth.authorize_url.as_ref());
            authorize.is_none().then_some("oauth.authorize_url")
        }
        AuthKind::Oauth2Device => {
            let device = oauth.and_then(|oauth| oauth.device_url.as_ref());
            device.is_none().then_some("oauth.device_url")
        }
        AuthKind::Oauth2Cc => oauth.is_none().then_some("oauth"),
        AuthKind::JwtBearer if oauth.is_none() => Some("oauth"),
        AuthKind::JwtBearer | AuthKind::JwtSelf => method.jwt.is_none().then_some("jwt"),
        AuthKind::GithubApp if method.exchange.is_none() => Some("exchange"),
        AuthKind::GithubApp => method.jwt.is_none().then_some("jwt"),
        AuthKind::TwoStep => method.exchange.is_none().then_some("exchange"),
        AuthKind::AwsSigv4 => method.sigv4.is_none().then_some("sigv4"),
        AuthKind::Oauth1 => method.oauth1.is_none().then_some("oauth1"),
        AuthKind::None | AuthKind::Basic | AuthKind::Bearer | AuthKind::McpOauth => None,
    };
    if let Some(missing) = missing {
        lint.wrong(&["auth"], format!("`{}` needs `{missing}`", method.id));
    }
    let urls = oauth.map(|it| {
        let optional = [&it.authorize_url, &it.refresh_url, &it.revoke_url, &it.device_url];
        optional.into_iter().flatten().chain(Some(&it.token_url)).collect::<Vec<_>>()
    });
    let exchange = method.exchange.as_ref().map(|it| &it.url);
    for url in urls.into_iter().flatten().chain(exchange) {
        if !url.starts_with("https://") && !url.starts_with("${") {
            lint.wrong(&["auth"], format!("`{url}` does not begin with `https://`"));
        }
    }
    let secret = |name: &str| method.fields.get(name).is_some_and(|field| field.secret);
    if let Some(jwt) = &method.jwt {
        if !secret(&jwt.key) {
            lint.wrong(&["auth"], format!("the key `{}` is no secret field", jwt.key));
        }
        if humantime::parse_duration(&jwt.lifetime).is_err() {
            lint.wrong(&["auth"], format!("`{}` is no length of time", jwt.lifetime));
        }
    }
    // Without a field there is nothing to paste.
    let pasted = matches!(method.kind, AuthKind::ApiKey | AuthKind::Basic | AuthKind::Bearer);
    if pasted && !method.fields.values().any(|field| field.secret) {
        lint.wrong(&["auth"], format!("`{}` has no secret field", method.id));
    }
}

/// Holes of everything that has some.
fn templates(lint: &mut Lint<'_>, method: &AuthMethod) {
    let fields: BTreeSet<&str> = method.fields.keys().map(String::as_str).collect();
    let mut templates: Vec<&String> = method.headers.values().collect();
    templates.extend(method.place.iter().filter_map(|it| it.value.as_ref()));
    templates.extend(method.basic.iter().flat_map(|it| [&it.username, &it.password]));
    if let Some(jwt) = &method.jwt {
        templates.extend(jwt.header.values().chain(jwt.claims.values()));
    }
    if let Some(exchange) = &method.exchange {
        templates.push(&exchange.url);
        templates.extend(exchange.headers.values().chain(exchange.body.values()));
    }
    for template in templates {
        lint.holes(&["auth"], template, Some(&fields));
        if is_secret(template) {
            lint.wrong(&["auth"], format!("`{}` holds what looks like a secret", method.id));
        }
    }
}
