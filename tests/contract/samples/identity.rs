//! Samples of who somebody is and what proves it.

use std::time::Duration;

use longhaul_contract::approval::Channel;
use longhaul_contract::identity::{Claims, Decider, Envelope, Person, Proof, Trust, TrustedKey};

use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("trust", [("none", Trust::default()), ("full", trust())]),
        kind("envelope", [("signed", envelope())]),
        kind(
            "claims",
            [("least", Claims { on_behalf_of: None, ..claims() }), ("on_behalf", claims())],
        ),
        kind("decider", proofs().map(|proof| (case(&proof), Decider { proof, ..decider() }))),
    ]
}

/// Whom a run can believe.
pub(super) fn trust() -> Trust {
    let key = |id, person| TrustedKey { id: text(id), public: "0a".repeat(32), person };
    let ann = Person { name: text("ann@example.com"), groups: vec![text("finance")] };
    Trust { temporal_access: true, keys: vec![key("edge", None), key("ann", Some(ann))] }
}

/// Somebody whom the edge knows.
pub(super) fn decider() -> Decider {
    Decider {
        name: some("ann@example.com"),
        groups: vec![text("finance")],
        on_behalf_of: some("bob@example.com"),
        proof: Proof::Key(text("edge")),
        channel: Channel::Http,
    }
}

/// Signed claims. Golden files hold shapes, so the signature is none.
pub(super) fn envelope() -> Envelope {
    Envelope { key: text("edge"), claims: text("{\"v\":1}"), signature: "0b".repeat(64) }
}

fn claims() -> Claims {
    Claims {
        v: 1,
        person: Person { name: text("ann@example.com"), groups: vec![text("finance")] },
        on_behalf_of: some("bob@example.com"),
        chain: text("0199d3c0-aaaa"),
        gate: text("apr_3_1"),
        digest: digest(),
        decision: digest(),
        channel: Channel::Link,
        issued_at: instant(),
        expires_at: instant().plus(Duration::from_secs(300)),
    }
}

fn proofs() -> [Proof; 3] {
    [Proof::None, Proof::TemporalAccess, Proof::Key(text("edge"))]
}

fn case(proof: &Proof) -> &'static str {
    match proof {
        Proof::None => "unproven",
        Proof::TemporalAccess => "temporal_access",
        Proof::Key(_) => "key",
    }
}
