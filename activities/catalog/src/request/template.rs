//! Holes: `${config.NAME}` and `${token.NAME}` of what is public in a connection, and the server's
//! URL with its hosts.

use regex::Regex;
use url::Url;

use crate::credentials::Public;
use crate::error::CallError;
use crate::integration::{Integration, Server};

/// `template` with its holes filled.
pub(super) fn fill(
    integration: &Integration,
    template: &str,
    public: &Public,
) -> Result<String, CallError> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((hole, after)) = after.split_once('}') else {
            return Err(CallError::policy(format!("`{template}` has a hole that does not end")));
        };
        filled.push_str(&value(integration, hole, public)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The names of the holes in `template`, such as `config.shop`.
pub(crate) fn holes(template: &str) -> Vec<&str> {
    template.split("${").skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

fn value(integration: &Integration, hole: &str, public: &Public) -> Result<String, CallError> {
    let slug = &integration.slug;
    let (value, field) = match hole.split_once('.') {
        Some(("config", name)) => {
            let field = integration.config.get(name);
            let default = || field.and_then(|field| field.default.clone());
            (public.config.get(name).cloned().or_else(default), field)
        }
        Some(("token", name)) => (public.token.get(name).cloned(), None),
        Some(_) | None => (None, None),
    };
    let value = value.ok_or_else(|| {
        let error = CallError::policy(format!("the {slug} connection does not say its `{hole}`"));
        error.hint("connect again, or set it in the connection's configuration")
    })?;
    if value.chars().any(char::is_control) {
        return Err(CallError::policy(format!(
            "`{hole}` of the connection has control characters"
        )));
    }
    if let Some(pattern) = field.and_then(|field| field.pattern.as_deref()) {
        let whole = Regex::new(&format!("^(?:{pattern})$"));
        if !whole.is_ok_and(|pattern| pattern.is_match(&value)) {
            let said = format!("`{hole}` of the {slug} connection does not match `{pattern}`");
            return Err(CallError::policy(said));
        }
    }
    Ok(value)
}

/// The server's URL with its holes filled, and the hosts that it may have.
pub(super) fn server(
    integration: &Integration,
    server: &Server,
    public: &Public,
) -> Result<(Url, Vec<String>), CallError> {
    let refused = |why: &str| {
        CallError::policy(format!("the address of {} is not allowed: {why}", integration.slug))
    };
    // A hole that is the beginning may hold a whole URL; any other is a word.
    let whole = server.url.starts_with("${");
    for hole in holes(&server.url).iter().skip(usize::from(whole)) {
        let value = value(integration, hole, public)?;
        let odd = |c: char| c.is_whitespace() || "/\\?#@:%".contains(c);
        if value.is_empty() || value.contains(odd) || value.starts_with('.') {
            return Err(refused(&format!("`{hole}` has characters that no address part has")));
        }
    }
    let url = fill(integration, &server.url, public)?;
    let url = Url::parse(&url).map_err(|error| refused(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it has a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    let own = || url.host_str().map(str::to_owned).into_iter().collect();
    let hosts: Vec<String> = if server.hosts.is_empty() { own() } else { server.hosts.clone() };
    if !is_listed(&url, &hosts) {
        let host = url.host_str().unwrap_or_default();
        return Err(refused(&format!("`{host}` is none of {}", hosts.join(", "))));
    }
    Ok((url, hosts))
}

/// Whether the host of `url` is one of `hosts`: exact, with `*` for any one label, or `*` for any.
pub(crate) fn is_listed(url: &Url, hosts: &[String]) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_end_matches('.');
    hosts.iter().any(|listed| {
        let same =
            |(listed, label): (&str, &str)| listed == label || (listed == "*" && !label.is_empty());
        let labels = (listed.split('.').count(), host.split('.').count());
        listed == "*" || (labels.0 == labels.1 && listed.split('.').zip(host.split('.')).all(same))
    })
}
