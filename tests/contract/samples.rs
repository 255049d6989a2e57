//! One value of every payload that enters history or leaves by a query, for each variant.
//!
//! Cases of enums are named by exhaustive matches: a new variant does not compile until it has a
//! name here, which is the moment to give it a sample.

use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;

use crate::golden::Kind;

mod approval;
mod archive;
mod carry;
mod conversation;
mod definition;
mod identity;
mod interrupt;
mod model;
mod notice;
mod policy;
mod run;
mod tool;
mod trace;
mod words;

/// Every kind of payload.
pub(crate) fn all() -> Vec<Kind> {
    [
        approval::kinds(),
        archive::kinds(),
        carry::kinds(),
        conversation::kinds(),
        definition::kinds(),
        identity::kinds(),
        interrupt::kinds(),
        model::kinds(),
        notice::kinds(),
        policy::kinds(),
        run::kinds(),
        tool::kinds(),
        trace::kinds(),
        words::kinds(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An instant with milliseconds.
fn instant() -> Timestamp {
    Timestamp::from_millis(1_795_350_896_123)
}

/// Some digest.
fn digest() -> Digest {
    Digest::of("a golden value")
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn some(value: &str) -> Option<String> {
    Some(value.to_owned())
}
