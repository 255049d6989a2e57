//! Tokens as providers sign them, and as others might wish them.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::json;

use super::*;

/// The modulus of an RSA key that was thrown away after it had signed [`RSA_TOKEN`].
const RSA_MODULUS: &str = concat!(
    "uhS4urtptAJvx42gLfVvLIO612EvCz52ULDLL6amF9Lw_7__EYI_Az8Vy5zuM2oHP90JT-fRz8tF",
    "PaTr8I0aCs0wveHUqC3iquyncoQSayOBhNc4abIJmKIFiNkiDkZIf2cyfGfDUVei25_xHnCb0CLq",
    "i2Go9jqJ-CbbMINrTdqstQ6U0AVncNFPaKdfI-6i965X3veX0qlaKki8fDA4HjI-",
    "653R9FqXvSSDnelefzaZwPTcMvaUeMEhxdeLZNV9n7PTxbpK9jd7uQL0solIYapAR-",
    "JEMwCmfYbNahXkVfE3hmMT-Q9XorsY3ZW6iK_OfKFrhQ4a_BPRNfj4ZRjH9Q",
);
const RSA_TOKEN: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29",
    "tIiwiYXVkIjoibG9uZ2hhdWwiLCJleHAiOjEwMDAsImlhdCI6MTAwLCJub25jZSI6Im4iLCJzdWI",
    "iOiI3In0.DhcnFCZqyKh_Co-",
    "4h1w8T1b08vJbw0enVaKYGj2ZaiDr1gJPYoLm8OLooMHtfV7OKYbPzEw9MPGQRK9YYV_yLW4nluv",
    "4O7cqf5k9Gf3l9Fpwarj3COpdbiDxwSKvEYymcTloUHxwPocRlYYhv-",
    "7SoUnIijGgpVtVPwXUOqhQT0Rn02lMoXIsFXvt2s3mVSgAD_DIjBiQ_XfOun6_OKIWrcLmJOmX-d",
    "_nxb5U7ZOYMkeEGO1sMC91c72CwbBaO8fpd1IePD25J-",
    "A6U2xaItq7iQYrD6SXG62Inbf3bp0wObCMeUoRRzvuSH5UbkVjW3ewzAznFJQInUZAVSTSySSWMw",
);

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn jwk(value: Value) -> Jwk {
    serde_json::from_value(value).unwrap()
}

fn rsa() -> Jwk {
    jwk(
        json!({"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": RSA_MODULUS, "e": "AQAB"}),
    )
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "aud": "longhaul", "exp": 1000, "iat": 100, "nonce": "n",
        "sub": "7",
    })
}

fn ed25519() -> (Ed25519KeyPair, Jwk) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = encode(pair.public_key().as_ref());
    (pair, jwk(json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "x": x})))
}

fn signed(header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = ed25519().0.sign(text.as_bytes());
    format!("{text}.{}", encode(signature.as_ref()))
}

fn audiences() -> Vec<String> {
    vec!["other".to_owned(), "longhaul".to_owned()]
}

/// What comes of a token of the client `longhaul` that was asked for with the nonce `n`.
fn check(token: &str, keys: &[Jwk]) -> Result<Map<String, Value>, TokenError> {
    let expected = Expected {
        issuer: "https://id.example.com",
        audiences: &audiences(),
        nonce: Some("n"),
        authorized: Some("longhaul"),
    };
    verify(&parse(token)?, keys, &expected, Timestamp::from_millis(500_000))
}

#[test]
fn three_algorithms_are_verified() {
    assert_eq!(check(RSA_TOKEN, &[rsa()]).unwrap()["sub"], "7");
    let (_, key) = ed25519();
    let token = signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims());
    assert_eq!(check(&token, &[rsa(), key]).unwrap()["sub"], "7");

    let random = SystemRandom::new();
    let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(scheme, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(scheme, document.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
    let key = jwk(json!({"kty": "EC", "crv": "P-256", "kid": "ec", "x": x, "y": y}));
    let header = json!({"alg": "ES256", "kid": "ec"});
    let text = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
    let signature = pair.sign(&random, text.as_bytes()).unwrap();
    let token = format!("{text}.{}", encode(signature.as_ref()));
    assert_eq!(check(&token, std::slice::from_ref(&key)).unwrap()["sub"], "7");
    let changed = format!("{text}.{}", encode([signature.as_ref(), &[0]].concat()));
    assert_eq!(check(&changed, &[key]), Err(TokenError::Signature));
}

#[test]
fn what_is_not_signed_by_the_provider_is_not_believed() {
    let (_, key) = ed25519();
    let token = signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims());
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = text.split_once('.').unwrap();
    let mut other = claims();
    other["sub"] = json!("8");
    let forged = format!("{header}.{}.{signature}", encode(other.to_string()));
    assert_eq!(check(&forged, std::slice::from_ref(&key)), Err(TokenError::Signature));
    assert_eq!(check(&token, &[]), Err(TokenError::UnknownKey));
    // A public RSA key is nobody's shared secret, and no other algorithm is taken.
    for alg in ["none", "HS256", "RS512", "PS256", "ES384", "eddsa", ""] {
        let token = signed(&json!({"alg": alg, "kid": "ed"}), &claims());
        let refused = Err(TokenError::Algorithm(alg.to_owned()));
        assert_eq!(check(&token, &[key.clone(), rsa()]), refused);
    }
    // A token that names an algorithm of another key.
    let confused = signed(&json!({"alg": "RS256", "kid": "ed"}), &claims());
    assert_eq!(check(&confused, std::slice::from_ref(&key)), Err(TokenError::Signature));
    let critical = signed(&json!({"alg": "EdDSA", "kid": "ed", "crit": ["b64"]}), &claims());
    for bad in [critical.as_str(), "", "a.b", "a.b.c", "..", &"x".repeat(MOST_BYTES + 1)] {
        assert_eq!(check(bad, std::slice::from_ref(&key)), Err(TokenError::Malformed), "{bad}");
    }
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    let header =
        |kid: Option<&str>| Header { algorithm: Algorithm::EdDsa, kid: kid.map(str::to_owned) };
    let key = |more: Value| {
        let mut value = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": ""});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk(value)
    };
    assert!(key(json!({})).fits(&header(Some("ed"))));
    assert!(key(json!({"use": "sig"})).fits(&header(None)));
    for wrong in [
        json!({"use": "enc"}),
        json!({"alg": "RS256"}),
        json!({"crv": "X25519"}),
        json!({"kid": "x"}),
    ] {
        assert!(!key(wrong.clone()).fits(&header(Some("ed"))), "{wrong}");
    }
}

#[test]
fn claims_have_to_be_what_was_asked_for() {
    let (_, key) = ed25519();
    let told = |name: &str, value: Value| {
        let mut claims = claims();
        let fields = claims.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.to_owned(), value);
        }
        check(&signed(&json!({"alg": "EdDSA"}), &claims), std::slice::from_ref(&key))
    };
    for (name, value) in [
        ("aud", json!(["longhaul"])),
        ("azp", json!("longhaul")),
        ("exp", json!(441)),
        ("nbf", json!(560)),
        ("iat", Value::Null),
    ] {
        assert!(told(name, value.clone()).is_ok(), "{name} {value}");
    }
    for (name, value, error) in [
        ("iss", json!("https://id.example.com/"), TokenError::Issuer),
        ("iss", Value::Null, TokenError::Issuer),
        ("aud", json!("somebody"), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        ("aud", Value::Null, TokenError::Audience),
        // For several, and nobody says who asked for it.
        ("aud", json!(["longhaul", "x"]), TokenError::Audience),
        ("azp", json!("x"), TokenError::Audience),
        ("exp", json!(440), TokenError::Expired),
        ("exp", json!("1000"), TokenError::Expired),
        ("exp", Value::Null, TokenError::Expired),
        ("nbf", json!(561), TokenError::Early),
        ("iat", json!(561), TokenError::Early),
        ("nonce", json!("m"), TokenError::Nonce),
        ("nonce", Value::Null, TokenError::Nonce),
    ] {
        assert_eq!(told(name, value.clone()), Err(error), "{name} {value}");
    }
}
