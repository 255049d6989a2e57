//! How a connection proves itself, and with which scopes.

use std::collections::BTreeSet;

use longhaul_catalog::auth::{AuthKind, AuthMethod, KeyIn};
use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::Operation;
use serde_json::Value;

use super::contract::Contract;
use super::{Report, Rule};

/// Compares each auth method that the operation takes with what the vendor says that it takes.
pub fn check(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    theirs: &Value,
    report: &mut Report,
) {
    let schemes = &contract.value["security_schemes"];
    if schemes.as_object().is_none_or(serde_json::Map::is_empty) {
        return;
    }
    // An operation that states none stands under the contract's.
    let own = theirs["security"].as_array().filter(|it| !it.is_empty());
    let Some(alternatives) = own.or(contract.value["security"].as_array()) else { return };
    if alternatives.is_empty() {
        return;
    }
    for method in &integration.auth {
        if !operation.auth.is_empty() && !operation.auth.contains(&method.id) {
            continue;
        }
        let usable: Vec<&Value> =
            alternatives.iter().filter(|it| is_usable(method, it, schemes)).collect();
        if usable.is_empty() {
            let message = "the vendor takes none of this kind";
            report.add(Rule::Auth, &method.id, message);
            continue;
        }
        scopes(operation, method, &usable, report);
        urls(method, &usable, schemes, report);
    }
}

/// Whether `method` meets all schemes of an alternative.
fn is_usable(method: &AuthMethod, alternative: &Value, schemes: &Value) -> bool {
    let Some(needed) = alternative.as_object() else { return false };
    needed.keys().all(|name| meets(method, &schemes[name]))
}

fn meets(method: &AuthMethod, scheme: &Value) -> bool {
    let kind = scheme["type"].as_str().unwrap_or_default();
    let http = scheme["scheme"].as_str().unwrap_or_default().to_ascii_lowercase();
    let bearer =
        kind == "oauth2" || kind == "openIdConnect" || (kind == "http" && http == "bearer");
    match method.kind {
        AuthKind::None => false,
        AuthKind::Basic => kind == "http" && http == "basic",
        AuthKind::ApiKey => method.place.as_ref().is_some_and(|place| {
            let at = match place.place {
                KeyIn::Header => "header",
                KeyIn::Query => "query",
            };
            let name = scheme["name"].as_str().unwrap_or_default();
            let same =
                kind == "apiKey" && scheme["in"] == at && name.eq_ignore_ascii_case(&place.name);
            same || (bearer && place.name.eq_ignore_ascii_case("authorization"))
        }),
        AuthKind::AwsSigv4 => {
            let text = scheme["description"].as_str().unwrap_or_default();
            text.contains("Signature Version 4")
        }
        AuthKind::Bearer
        | AuthKind::Oauth2
        | AuthKind::Oauth2Cc
        | AuthKind::Oauth2Device
        | AuthKind::JwtBearer
        | AuthKind::JwtSelf
        | AuthKind::GithubApp
        | AuthKind::TwoStep
        | AuthKind::Oauth1
        | AuthKind::McpOauth => bearer,
    }
}

/// What the vendor lists for each alternative, any of which will do.
fn listed<'a>(alternatives: &[&'a Value]) -> Vec<BTreeSet<&'a str>> {
    let scopes = |alternative: &&'a Value| {
        let lists = alternative.as_object().into_iter().flat_map(|it| it.values());
        lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
    };
    alternatives.iter().map(scopes).collect()
}

fn scopes(operation: &Operation, method: &AuthMethod, usable: &[&Value], report: &mut Report) {
    // Other kinds get their rights elsewhere.
    if method.oauth.is_none() {
        return;
    }
    let listed = listed(usable);
    if listed.iter().any(BTreeSet::is_empty) {
        return;
    }
    let none = Vec::new();
    let groups = operation.scopes.get(&method.id).unwrap_or(&none);
    let base = method.oauth.iter().flat_map(|oauth| &oauth.scopes);
    let asked: BTreeSet<&str> = groups
        .iter()
        .map(|group| group.split('|').next().unwrap_or(group))
        .chain(base.map(String::as_str))
        .collect();
    if !listed.iter().any(|needed| needed.is_subset(&asked)) {
        let message = format!("consent is asked for {asked:?}, which is not enough");
        report.add(Rule::Scope, &method.id, message);
    }
    let known: BTreeSet<&str> = listed.into_iter().flatten().collect();
    for scope in groups.iter().flat_map(|group| group.split('|')) {
        if !known.contains(scope) {
            report.add(Rule::Scope, scope, "the vendor does not list it for this");
        }
    }
}

/// The vendor's OAuth addresses, where it says them.
fn urls(method: &AuthMethod, usable: &[&Value], schemes: &Value, report: &mut Report) {
    let Some(oauth) = &method.oauth else { return };
    if method.kind != AuthKind::Oauth2 {
        return;
    }
    let used = usable.iter().filter_map(|it| it.as_object()).flat_map(|it| it.keys());
    for scheme in used.map(|name| &schemes[name]).filter(|it| it["type"] == "oauth2") {
        let flow = &scheme["flows"]["authorizationCode"];
        let pairs = [
            ("authorizationUrl", oauth.authorize_url.as_deref()),
            ("tokenUrl", Some(oauth.token_url.as_str())),
        ];
        for (key, ours) in pairs {
            let Some(theirs) = flow[key].as_str() else { continue };
            if ours != Some(theirs) {
                report.add(Rule::Auth, key, format!("the vendor's is {theirs}"));
            }
        }
    }
}
