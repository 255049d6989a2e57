//! Names of operations from methods and paths, and guesses at what they do.

use serde_json::{Map, Value};

/// A slug from a title.
pub(super) fn slug(title: &str) -> String {
    let words = snake(title);
    let words = words.trim_end_matches("_api");
    let slug: String = words.replace('_', "-").chars().take(40).collect();
    let slug = slug.trim_matches('-').to_owned();
    if slug.is_empty() { "imported".to_owned() } else { slug }
}

/// Small letters, digits and `_`.
pub(super) fn snake(text: &str) -> String {
    let mut snake = String::new();
    let mut small = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if small && c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else if !snake.ends_with('_') {
            snake.push('_');
        }
        small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    snake.trim_matches('_').to_owned()
}

/// `noun.verb` for a method and path, which is none of `taken`.
pub(super) fn operation(method: &str, path: &str, taken: &Map<String, Value>) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_hole = |segment: &&str| segment.contains('{');
    let words: Vec<String> = segments
        .iter()
        .filter(|segment| !is_hole(segment) && !is_version(segment))
        .map(|segment| snake(segment))
        .filter(|word| !word.is_empty())
        .collect();
    let ends_in_hole = segments.last().is_some_and(is_hole);
    let before_hole = segments.len() > 1 && segments.get(segments.len() - 2).is_some_and(is_hole);
    let last = words.last().cloned().unwrap_or_else(|| "root".to_owned());
    let (noun, verb) = match method {
        "get" | "head" if ends_in_hole => (last, "get".to_owned()),
        "get" | "head" => (last, "list".to_owned()),
        // An action on one thing: `/orders/{id}/cancel`.
        "post" if before_hole && !ends_in_hole && words.len() > 1 && !last.ends_with('s') => {
            let noun = words.get(words.len() - 2).cloned().unwrap_or_default();
            (noun, last)
        }
        "post" => (last, "create".to_owned()),
        "put" => (last, "replace".to_owned()),
        "patch" => (last, "update".to_owned()),
        other => (last, other.to_owned()),
    };
    let plain = format!("{noun}.{verb}");
    let parent = words.len().checked_sub(2).and_then(|at| words.get(at)).cloned();
    let longer = parent.map(|parent| format!("{parent}_{plain}"));
    let is_free = |name: &String| {
        let squeezed = name.replace('.', "_");
        !taken.keys().any(|taken| taken.replace('.', "_") == squeezed)
    };
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    let mut candidates = [plain.clone()].into_iter().chain(longer).chain(numbered);
    candidates.find(is_free).unwrap_or(plain)
}

/// `v1`, `2024-01-01`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix('v').unwrap_or(segment);
    !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-')
}

/// A name in words.
pub(super) fn title(name: &str) -> String {
    let (noun, verb) = name.split_once('.').unwrap_or((name, "call"));
    let title = format!("{} {}", verb.replace('_', " "), noun.replace('_', " "));
    let mut letters = title.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => title,
    }
}

/// What it may do to the world, where the method does not tell.
pub(super) fn effect(method: &str, name: &str) -> Option<&'static str> {
    let words: Vec<&str> = name.split(['.', '_']).collect();
    let has = |of: &[&str]| words.iter().any(|word| of.contains(word));
    if matches!(method, "get" | "head" | "delete") {
        return None;
    }
    Some(match method {
        _ if has(&[
            "refund",
            "refunds",
            "charge",
            "charges",
            "pay",
            "payout",
            "payouts",
            "payments",
            "transfer",
            "transfers",
            "capture",
        ]) =>
        {
            "money"
        }
        _ if has(&["send", "messages", "emails", "publish", "invite", "invitations", "reply"]) => {
            "send"
        }
        _ if has(&[
            "permissions",
            "grant",
            "revoke",
            "share",
            "roles",
            "members",
            "collaborators",
        ]) =>
        {
            "permission"
        }
        _ if has(&["run", "execute", "eval", "dispatch"]) => "execute",
        _ if has(&["delete", "remove", "purge", "trash"]) => "delete",
        _ if has(&["search", "query", "find"]) => "read",
        "post" if words.last() == Some(&"create") => "create",
        "put" | "patch" => "update",
        _ => "opaque",
    })
}
