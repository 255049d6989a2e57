//! Tokens that a connection signs itself (RFC 7515, RFC 7519): RS256, ES256, HS256.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longhaul_catalog::auth::Algorithm;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::Secret;
use crate::error::VaultError;

/// A signed token with that header (`alg` and `typ` come by themselves) and these claims.
///
/// # Errors
///
/// [`VaultError::Refused`] for a key that does not fit; it is not quoted.
pub(crate) fn sign(
    algorithm: Algorithm,
    key: &Secret,
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
) -> Result<Secret, VaultError> {
    let mut whole = Map::new();
    whole.insert("alg".to_owned(), name(algorithm).into());
    whole.insert("typ".to_owned(), "JWT".into());
    whole.extend(header.clone());
    let encode =
        |map: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(map.clone()).to_string());
    let mut text = format!("{}.{}", encode(&whole), encode(claims));
    let signature = match algorithm {
        Algorithm::Hs256 => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.expose().as_bytes());
            ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        }
        Algorithm::Rs256 => rsa(key, text.as_bytes())?,
        Algorithm::Es256 => ecdsa(key, text.as_bytes())?,
    };
    text.push('.');
    text.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(Secret::new(text))
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => "RS256",
        Algorithm::Es256 => "ES256",
        Algorithm::Hs256 => "HS256",
    }
}

fn rsa(key: &Secret, text: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (label, der) = pem(key)?;
    let pair = if label.starts_with("RSA ") {
        RsaKeyPair::from_der(&der)
    } else {
        RsaKeyPair::from_pkcs8(&der)
    };
    let pair = pair.map_err(|_| unfit("no RSA key of 2048 bits or more"))?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
        .map_err(|_| unfit("one that cannot sign"))?;
    Ok(signature)
}

fn ecdsa(key: &Secret, text: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (label, der) = pem(key)?;
    if label.starts_with("EC ") {
        return Err(unfit("in the old form\nhint: `openssl pkcs8 -topk8 -nocrypt` writes the new"));
    }
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random)
        .map_err(|_| unfit("no P-256 key"))?;
    let signature = pair.sign(&random, text).map_err(|_| unfit("one that cannot sign"))?;
    Ok(signature.as_ref().to_vec())
}

fn unfit(what: &str) -> VaultError {
    VaultError::Refused(format!("the private key is {what}"))
}

/// Label and content of the first private key in PEM. Line breaks may be written as `\n`, as they
/// are where a key is copied out of JSON.
fn pem(key: &Secret) -> Result<(String, Zeroizing<Vec<u8>>), VaultError> {
    let text = Zeroizing::new(key.expose().replace("\\n", "\n"));
    let read = || {
        let (_, rest) = text.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let body: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
        let der = STANDARD.decode(body.as_bytes()).ok()?;
        label.ends_with("PRIVATE KEY").then(|| (label.to_owned(), Zeroizing::new(der)))
    };
    read().ok_or_else(|| unfit("not written in PEM"))
}

#[cfg(test)]
mod tests;
