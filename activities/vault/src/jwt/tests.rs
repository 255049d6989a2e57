//! Signed tokens, against a known one and by the public halves of their keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_catalog::auth::Algorithm;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde_json::{Map, Value, json};

use super::sign;
use crate::Secret;
use crate::testing::{pem, rsa_der, rsa_pem};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn parts(token: &Secret) -> (String, Vec<u8>) {
    let (text, signature) = token.expose().rsplit_once('.').unwrap();
    (text.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

#[test]
fn a_token_by_a_shared_secret_is_the_one_that_everybody_knows() {
    let claims = map(json!({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}));
    let key = Secret::new("your-256-bit-secret");
    let token = sign(Algorithm::Hs256, &key, &Map::new(), &claims).unwrap();
    assert_eq!(
        token.expose(),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwi\
         aWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    );
}

#[test]
fn tokens_by_private_keys_hold_with_their_public_halves() {
    let claims = map(json!({"iss": "x"}));
    let public = RsaPair::from_der(&rsa_der()).unwrap();
    let public =
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.public_key().as_ref().to_vec());
    // As GitHub gives it, as everybody else does, and as it is copied out of JSON.
    let copied = rsa_pem(false).replace('\n', "\\n");
    for key in [rsa_pem(true), rsa_pem(false), copied] {
        let header = map(json!({"kid": "k1"}));
        let token = sign(Algorithm::Rs256, &Secret::new(key), &header, &claims).unwrap();
        let (text, signature) = parts(&token);
        public.verify(text.as_bytes(), &signature).unwrap();
        let (header, _) = text.split_once('.').unwrap();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    }

    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .unwrap();
    let key = Secret::new(pem("PRIVATE KEY", pkcs8.as_ref()));
    let token = sign(Algorithm::Es256, &key, &Map::new(), &claims).unwrap();
    let (text, signature) = parts(&token);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .verify(text.as_bytes(), &signature)
        .unwrap();
}

#[test]
fn a_key_that_does_not_fit_is_refused_and_not_quoted() {
    let canary = "canary-private-key";
    let keys = [
        canary.to_owned(),
        pem("PRIVATE KEY", canary.as_bytes()),
        pem("EC PRIVATE KEY", canary.as_bytes()),
        pem("CERTIFICATE", canary.as_bytes()),
    ];
    for key in keys {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            let error = sign(algorithm, &Secret::new(key.clone()), &Map::new(), &Map::new());
            let error = format!("{:?}", error.unwrap_err());
            assert!(error.contains("private key") && !error.contains("canary"), "{error}");
        }
    }
}
