//! Which operation of the vendor's an entry is, and whether address and path agree.

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::Operation;
use serde_json::Value;

use super::contract::Contract;
use super::supply::fixed_query;
use super::{Report, Rule};

/// The vendor's operation, and how the entry's path fits its path.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// As the contract has it.
    pub theirs: &'a Value,
    /// Holes of the vendor's that the entry names otherwise: theirs, ours.
    pub renamed: Vec<(String, String)>,
    /// Holes of the vendor's that the entry fills by itself: name and value.
    pub filled: Vec<(String, String)>,
    /// Whether it is the address that takes the content itself (Google's `media_upload`).
    pub is_upload: bool,
    /// Whether the addresses agree.
    pub same_server: bool,
}

/// A URL, with what is not known of it as `*`.
fn masked(url: &str) -> String {
    let mut masked = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once("${") {
        masked.push_str(before);
        masked.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    masked + rest
}

/// Host and path of a URL.
fn split(url: &str) -> (String, String) {
    let url = url.strip_prefix("https://").unwrap_or(url);
    match url.split_once('/') {
        Some((host, path)) => (host.to_owned(), format!("/{}", path.trim_end_matches('/'))),
        None => (url.to_owned(), String::new()),
    }
}

/// A pattern with `{holes}` as one with `*`.
fn starred(text: &str) -> String {
    let mut starred = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        starred.push_str(before);
        starred.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    starred + rest
}

/// How one segment of ours fits one of theirs.
enum Fit {
    Same,
    Renamed(String, String),
    Filled(String, String),
    Known,
    No,
}

fn hole(segment: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = segment.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name.trim_end_matches('+'), after))
}

fn fit(theirs: &str, ours: &str) -> Fit {
    if theirs == ours {
        return Fit::Same;
    }
    let Some((before, name, after)) = hole(theirs) else { return Fit::No };
    if let Some((our_before, our_name, our_after)) = hole(ours) {
        return match (before, after) == (our_before, our_after) {
            true if our_name == name => Fit::Same,
            true => Fit::Renamed(name.to_owned(), our_name.to_owned()),
            false => Fit::No,
        };
    }
    match ours.strip_prefix(before).and_then(|ours| ours.strip_suffix(after)) {
        Some("") | None => Fit::No,
        Some("*") => Fit::Known,
        Some(value) if value.contains('*') => Fit::No,
        Some(value) => Fit::Filled(name.to_owned(), value.to_owned()),
    }
}

type Fits = (Vec<(String, String)>, Vec<(String, String)>);

fn path_fits(theirs: &str, ours: &str) -> Option<Fits> {
    let theirs: Vec<&str> = theirs.split('/').collect();
    let ours: Vec<&str> = ours.split('/').collect();
    if theirs.len() != ours.len() {
        return None;
    }
    let (mut renamed, mut filled) = (Vec::new(), Vec::new());
    for (theirs, ours) in theirs.iter().zip(ours) {
        match fit(theirs, ours) {
            Fit::Same | Fit::Known => {}
            Fit::Renamed(theirs, ours) => renamed.push((theirs, ours)),
            Fit::Filled(name, value) => filled.push((name, value)),
            Fit::No => return None,
        }
    }
    Some((renamed, filled))
}

/// How `operation` fits `theirs`, if it does at all.
fn fits<'a>(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    theirs: &'a Value,
) -> Option<Target<'a>> {
    if theirs["method"].as_str() != operation.method() {
        return None;
    }
    let server = operation.server(integration)?;
    let (our_host, our_base) = split(&masked(&server.url));
    let path = operation.path()?.split('?').next()?.replace("{+", "{");
    let ours = format!("{our_base}{path}");
    let ours = if ours.len() > 1 { ours.trim_end_matches('/') } else { &ours };
    let mut addresses: Vec<(String, String)> =
        contract.servers(theirs).iter().map(|url| split(&starred(url))).collect();
    addresses.sort_by_key(|(host, _)| *host != our_host);
    let (mut paths, mut is_upload) = (vec![theirs["path"].as_str()?.to_owned()], false);
    if let Some(simple) = theirs["media_upload"]["protocols"]["simple"].as_str()
        && ours.contains("/upload/")
    {
        (paths, is_upload) = (vec![simple.to_owned()], true);
    }
    for (host, base) in &addresses {
        for path in &paths {
            let path = format!("{base}{path}");
            let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
            if let Some((renamed, filled)) = path_fits(path, ours) {
                let same_server = host == &our_host;
                return Some(Target { theirs, renamed, filled, is_upload, same_server });
            }
        }
    }
    None
}

/// The operations that the entry may be, those that fit best first.
///
/// # Errors
///
/// Why there is none: the rule and words.
pub fn find<'a>(
    contract: &'a Contract,
    integration: &Integration,
    operation: &Operation,
) -> Result<Vec<Target<'a>>, (Rule, String)> {
    let named: Vec<&Value> = match &operation.contract {
        Some(name) => contract
            .operations()
            .iter()
            .filter(|theirs| {
                let method = theirs["method"].as_str().unwrap_or_default();
                let path = theirs["path"].as_str().unwrap_or_default();
                theirs["id"].as_str() == Some(name) || format!("{method} {path}") == *name
            })
            .collect(),
        None => contract.operations().iter().collect(),
    };
    if named.is_empty() {
        let name = operation.contract.clone().unwrap_or_default();
        return Err((Rule::Operation, format!("the vendor has no operation `{name}`")));
    }
    let query = fixed_query(operation);
    let asked = |theirs: &Value| {
        let fixed = theirs["fixed_query"].as_str().unwrap_or_default();
        // `x-id` is a hint for the vendor's own clients.
        let needed = fixed.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("x-id="));
        needed.into_iter().all(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.iter().any(|(our, ours)| our == name && ours == value)
        })
    };
    let mut targets: Vec<Target<'_>> = named
        .into_iter()
        .filter_map(|theirs| fits(contract, integration, operation, theirs))
        .filter(|target| asked(target.theirs))
        .collect();
    if targets.is_empty() {
        return Err((Rule::Path, "the vendor has no such method and path".to_owned()));
    }
    targets.sort_by_key(|it| (!it.same_server, it.filled.len()));
    let best = (targets[0].same_server, targets[0].filled.len());
    targets.retain(|it| (it.same_server, it.filled.len()) == best);
    Ok(targets)
}

/// Address, path parameters and whether the vendor still offers it.
pub fn check(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    target: &Target<'_>,
    report: &mut Report,
) {
    if target.theirs["deprecated"] == true {
        report.add(Rule::Deprecated, "", "the vendor gives it up");
    }
    if !target.same_server {
        let ours = operation.server(integration).map(|it| it.url.clone()).unwrap_or_default();
        let theirs = contract.servers(target.theirs).join(", ");
        report.add(Rule::Server, ours, format!("the vendor's is {theirs}"));
    }
    for (theirs, ours) in &target.renamed {
        report.add(Rule::Path, ours, format!("the vendor calls it `{theirs}`"));
    }
}
