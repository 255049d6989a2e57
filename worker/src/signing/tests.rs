//! Keys on disk, and envelopes as a run opens them.

use longhaul_contract::approval::{Decision, DecisionRefusal};
use longhaul_contract::identity::{Proof, Trust};
use longhaul_workflows::identity;

use super::*;

fn given(digit: char) -> SigningKey {
    SigningKey::load(&KeySource::Given(digit.to_string().repeat(64))).unwrap()
}

fn ada() -> Person {
    Person { name: "ada@example.com".to_owned(), groups: vec!["finance".to_owned()] }
}

#[test]
fn a_key_is_made_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/signing.key");
    let source = KeySource::File(path.clone());
    let made = SigningKey::load(&source).unwrap().trusted();
    assert_eq!(SigningKey::load(&source).unwrap().trusted(), made);
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let key = SigningKey::load(&KeySource::Given(text.clone())).unwrap();
    assert_eq!(key.trusted(), made);
    let shown = format!("{key:?} {:?}", KeySource::Given(text.clone()));
    assert!(!shown.contains(text.trim()), "{shown}");
}

#[test]
fn what_is_no_key_is_not_repeated() {
    let error = SigningKey::load(&KeySource::Given("canary".repeat(9))).unwrap_err().to_string();
    assert!(!error.contains("canary") && error.contains("64 hexadecimal digits"), "{error}");
}

#[test]
fn a_run_believes_what_is_signed_and_nothing_else() {
    let (key, other) = (given('1'), given('2'));
    let trust = Trust { temporal_access: false, keys: vec![key.trusted()] };
    let digest = Digest::of("a call");
    let about = About { chain: "c1", gate: "apr_1_1", digest: &digest };
    let decide = Decide::new("apr_1_1", Decision::Approve);
    let now = Timestamp::from(SystemTime::now());
    let open = |envelope: Envelope, decide: &Decide, chain: &str, digest: &Digest, now| {
        let decision = decide.content();
        let about = identity::About { chain, gate: "apr_1_1", digest, decision };
        identity::open(&envelope, &about, &trust, now)
    };
    let good = || key.sign(&decide, &about, &ada(), Channel::Http);

    let by = open(good(), &decide, "c1", &digest, now).unwrap();
    assert_eq!(by.name.as_deref(), Some("ada@example.com"));
    assert_eq!((by.groups, by.channel), (ada().groups, Channel::Http));
    assert_eq!(by.proof, Proof::Key(key.trusted().id));

    let forged =
        Envelope { key: key.trusted().id, ..other.sign(&decide, &about, &ada(), Channel::Http) };
    let denial = Decide::new("apr_1_1", Decision::Deny);
    let late = now.plus(COUNTS_FOR * 2);
    for (refusal, opened) in [
        (DecisionRefusal::BadSignature, open(forged, &decide, "c1", &digest, now)),
        (DecisionRefusal::OtherEnvelope, open(good(), &denial, "c1", &digest, now)),
        (DecisionRefusal::OtherEnvelope, open(good(), &decide, "c2", &digest, now)),
        (DecisionRefusal::DigestMismatch, open(good(), &decide, "c1", &Digest::of("b"), now)),
        (DecisionRefusal::EnvelopeExpired, open(good(), &decide, "c1", &digest, late)),
    ] {
        assert_eq!(opened.unwrap_err(), refusal);
    }
}

#[test]
fn secrets_for_other_purposes_differ() {
    let key = given('1');
    assert_ne!(key.derive("a"), key.derive("b"));
    assert_ne!(key.derive("a"), given('2').derive("a"));
}
