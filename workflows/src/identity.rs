//! Who decides: read from an envelope, or from what the operator trusts. Pure; a signature is
//! valid or not, whenever it is looked at.

use ed25519_dalek::{Signature, VerifyingKey};
use longhaul_contract::approval::{Channel, Decide, DecisionRefusal};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Claims, Decider, Envelope, Proof, Trust, TrustedKey};
use longhaul_contract::time::Timestamp;

/// What an envelope has to be about.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The chain of runs; of a start the workflow id.
    pub chain: &'a str,
    /// Id of the gate.
    pub gate: &'a str,
    /// The gate's digest.
    pub digest: &'a Digest,
    /// Digest of the decision without its envelope.
    pub decision: Digest,
}

/// Who makes a decision.
///
/// # Errors
///
/// The decision has an envelope that does not hold. One without is by somebody unknown, unless
/// access to Temporal is trusted.
pub fn decider(
    decide: &Decide,
    about: &About<'_>,
    trust: &Trust,
    channel: Channel,
    now: Timestamp,
) -> Result<Decider, DecisionRefusal> {
    match &decide.envelope {
        Some(envelope) => open(envelope, about, trust, now),
        None => Ok(Decider {
            name: decide.by.clone(),
            groups: Vec::new(),
            on_behalf_of: None,
            proof: if trust.temporal_access { Proof::TemporalAccess } else { Proof::None },
            channel,
        }),
    }
}

/// Who signed the envelope, or for whom it was signed.
///
/// # Errors
///
/// Its key is unknown, its signature is of another text, its claims are about something else, or
/// its time is over.
pub fn open(
    envelope: &Envelope,
    about: &About<'_>,
    trust: &Trust,
    now: Timestamp,
) -> Result<Decider, DecisionRefusal> {
    let key = trust.key(&envelope.key).ok_or(DecisionRefusal::BadSignature)?;
    verify(key, envelope).ok_or(DecisionRefusal::BadSignature)?;
    let claims: Claims =
        serde_json::from_str(&envelope.claims).map_err(|_| DecisionRefusal::BadSignature)?;
    let same = claims.v == 1
        && claims.chain == about.chain
        && claims.gate == about.gate
        && claims.decision == about.decision;
    if !same {
        return Err(DecisionRefusal::OtherEnvelope);
    }
    if claims.digest != *about.digest {
        return Err(DecisionRefusal::DigestMismatch);
    }
    if now > claims.expires_at {
        return Err(DecisionRefusal::EnvelopeExpired);
    }
    // The edge speaks for the people that it knows; a person only for themselves, with the groups
    // that the run was told of.
    let (name, groups) = match &key.person {
        None => (claims.person.name, claims.person.groups),
        Some(person) if person.name == claims.person.name => {
            (person.name.clone(), person.groups.clone())
        }
        Some(_) => return Err(DecisionRefusal::BadSignature),
    };
    Ok(Decider {
        name: Some(name),
        groups,
        on_behalf_of: claims.on_behalf_of.filter(|_| key.person.is_none()),
        proof: Proof::Key(key.id.clone()),
        channel: claims.channel,
    })
}

fn verify(key: &TrustedKey, envelope: &Envelope) -> Option<()> {
    let key = VerifyingKey::from_bytes(&bytes::<32>(&key.public)?).ok()?;
    let signature = Signature::from_bytes(&bytes::<64>(&envelope.signature)?);
    key.verify_strict(envelope.claims.as_bytes(), &signature).ok()
}

/// Hexadecimal digits as bytes.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}
