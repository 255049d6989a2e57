//! Words of texts and of queries: split, in small letters, without their endings.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Words that say nothing about what is wanted.
const EMPTY: [&str; 60] = [
    "a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "by", "can",
    "could", "do", "for", "from", "has", "have", "i", "if", "in", "into", "is", "it", "its", "let",
    "me", "my", "need", "new", "of", "on", "one", "or", "our", "out", "please", "so", "some",
    "that", "the", "their", "them", "then", "there", "these", "this", "those", "to", "us", "want",
    "was", "we", "what", "which", "will", "with", "you",
];

/// Words that people and vendors use for the same thing.
const ALIKE: [&[&str]; 38] = [
    &["create", "add", "make", "open", "insert", "start", "register", "raise"],
    &["list", "show", "browse", "display", "every", "enumerate", "view", "see"],
    &["get", "fetch", "read", "retrieve", "look", "show", "view", "see", "detail", "check"],
    &["search", "find", "query", "look", "locate", "filter", "lookup"],
    &["update", "edit", "change", "modify", "rename", "set", "alter", "patch", "adjust", "correct"],
    &["delete", "remove", "erase", "destroy", "drop", "trash", "rid"],
    &["send", "mail", "deliver", "dispatch", "write"],
    &["message", "post", "dm", "note", "text"],
    &["post", "publish", "write", "say", "announce"],
    &["cancel", "stop", "abort", "terminate", "end", "call"],
    &["close", "resolve", "finish", "complete", "done"],
    &["refund", "reimburse", "give", "return"],
    &["charge", "payment", "pay", "bill", "collect"],
    &["customer", "client", "buyer", "account"],
    &["person", "user", "member", "people", "contact", "colleague", "teammate", "who"],
    &["invite", "join"],
    &["assign", "give", "hand"],
    &["file", "document", "attachment", "object", "upload"],
    &["upload", "put", "store", "save", "attach"],
    &["download", "get", "fetch", "retrieve"],
    &["issue", "bug", "ticket", "task", "problem"],
    &["pull", "pr", "merge"],
    &["repository", "repo", "project"],
    &["comment", "reply", "respond", "answer", "remark", "note"],
    &["email", "mail", "e-mail", "letter", "message"],
    &["sms", "text", "message"],
    &["event", "meeting", "appointment", "calendar"],
    &["free", "busy", "available", "availability"],
    &["channel", "room", "conversation", "chat", "group"],
    &["label", "tag", "category"],
    &["invoice", "bill"],
    &["subscription", "plan", "subscribe"],
    &["product", "item", "article", "good"],
    &["order", "purchase", "sale"],
    &["deal", "opportunity"],
    &["company", "organization", "organisation", "business", "firm", "account"],
    &["queue", "message"],
    &["phone", "call", "dial", "ring"],
];

/// What another word for one in the query counts.
const OTHER: f32 = 0.45;

/// Each word's others, without their endings.
static OTHERS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    let mut others: HashMap<String, Vec<String>> = HashMap::new();
    for alike in ALIKE {
        let stems: Vec<String> = alike.iter().map(|word| stem((*word).to_owned())).collect();
        for one in &stems {
            let known = others.entry(one.clone()).or_default();
            for other in stems.iter().filter(|other| *other != one) {
                if !known.contains(other) {
                    known.push(other.clone());
                }
            }
        }
    }
    others
});

/// The words of a text.
pub(super) fn of_text(text: &str) -> Vec<String> {
    split(text).into_iter().filter(|word| !EMPTY.contains(&word.as_str())).map(stem).collect()
}

/// The words of a query, each in a group with others that may stand for it.
pub(super) fn of_query(text: &str) -> Vec<Vec<(String, f32)>> {
    let mut seen = Vec::new();
    let mut groups = Vec::new();
    for word in split(text) {
        if EMPTY.contains(&word.as_str()) {
            continue;
        }
        let stemmed = stem(word.clone());
        if seen.contains(&stemmed) {
            continue;
        }
        seen.push(stemmed.clone());
        let mut group = vec![(stemmed.clone(), 1.0)];
        for other in OTHERS.get(&stemmed).into_iter().flatten() {
            group.push((other.clone(), OTHER));
        }
        groups.push(group);
    }
    groups
}

/// Split where letters and digits end, and where small letters are followed by a capital.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (small && c.is_uppercase()) {
            // An apostrophe's `s` is no word.
            if !word.is_empty() && word != "s" {
                words.push(std::mem::take(&mut word));
            }
            word.clear();
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        small = c.is_lowercase();
    }
    if !word.is_empty() && word != "s" {
        words.push(word);
    }
    words
}

/// The word without its ending, roughly: plural, past, `-ing`, `-er`, `-tion`. Both sides are cut
/// alike, so that it need not be a word.
fn stem(word: String) -> String {
    let mut word = word;
    if !word.is_ascii() || word.len() < 4 {
        return word;
    }
    let cut = |word: &mut String, ending: &str, least: usize, with: &str| {
        let is_long = word.len() >= ending.len() + least;
        let found = is_long && word.ends_with(ending);
        if found {
            word.truncate(word.len() - ending.len());
            word.push_str(with);
        }
        found
    };
    // Plurals.
    let _ = cut(&mut word, "sses", 2, "ss")
        || cut(&mut word, "ies", 2, "y")
        || (["ches", "shes", "xes", "zes"].iter().any(|it| word.ends_with(it))
            && cut(&mut word, "es", 2, ""))
        || (!word.ends_with("ss")
            && !word.ends_with("us")
            && !word.ends_with("is")
            && cut(&mut word, "s", 3, ""));
    // What verbs become.
    let _ = cut(&mut word, "ication", 3, "y")
        || cut(&mut word, "ation", 3, "")
        || cut(&mut word, "ition", 4, "")
        || cut(&mut word, "tion", 4, "t")
        || cut(&mut word, "ment", 4, "")
        || cut(&mut word, "ing", 3, "")
        || cut(&mut word, "ied", 2, "y")
        || cut(&mut word, "ed", 3, "")
        || cut(&mut word, "er", 4, "")
        || cut(&mut word, "or", 4, "");
    // `stopp`, `plann`.
    let last: Vec<char> = word.chars().rev().take(2).collect();
    if let [a, b] = last.as_slice()
        && a == b
        && !"sz".contains(*a)
        && word.len() > if *a == 'l' { 5 } else { 3 }
    {
        word.pop();
    }
    let _ = word.len() > 3 && cut(&mut word, "e", 3, "");
    word
}
