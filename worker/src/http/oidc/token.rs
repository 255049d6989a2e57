//! Signed tokens (JWT): three algorithms, and nothing is believed before the signature holds.
//!
//! The algorithm has to fit the key, so a public key never verifies as anything else's secret,
//! and there is no `none`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_contract::time::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// No token is longer.
const MOST_BYTES: usize = 64 * 1024;

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("it is no signed token")]
    Malformed,
    #[error("its algorithm is `{0}`; RS256, ES256 and EdDSA are taken")]
    Algorithm(String),
    #[error("its key is not one of the identity provider's")]
    UnknownKey,
    #[error("its signature does not hold")]
    Signature,
    #[error("it is from another issuer")]
    Issuer,
    #[error("it is for somebody else")]
    Audience,
    #[error("its time is over, or it has none")]
    Expired,
    #[error("its time has not come")]
    Early,
    #[error("it belongs to another signing in")]
    Nonce,
}

/// What is to be in a token.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    /// One of these.
    pub(super) audiences: &'a [String],
    /// Of an ID token: what was sent along.
    pub(super) nonce: Option<&'a str>,
    /// Of an ID token: the client that it was made for.
    pub(super) authorized: Option<&'a str>,
}

/// Algorithms, each with its kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

/// What a token says of its signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
}

/// A token that was taken apart, and nothing of which is believed yet.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A public key of the provider, as it publishes it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    pub(super) kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    kid: Option<String>,
    /// Extensions that have to be understood; none is.
    crit: Option<Value>,
}

/// Takes a token apart.
pub(super) fn parse(token: &str) -> Result<Parsed<'_>, TokenError> {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
    if token.len() > MOST_BYTES {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header: RawHeader =
        serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let algorithm = match header.alg.as_str() {
        "RS256" => Algorithm::Rs256,
        "ES256" => Algorithm::Es256,
        "EdDSA" => Algorithm::EdDsa,
        _ => return Err(TokenError::Algorithm(header.alg)),
    };
    Ok(Parsed {
        header: Header { algorithm, kid: header.kid },
        signed,
        payload: decode(payload)?,
        signature: decode(signature)?,
    })
}

/// The claims of a token that one of `keys` has signed and that is what is expected.
pub(super) fn verify(
    token: &Parsed<'_>,
    keys: &[Jwk],
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Map<String, Value>, TokenError> {
    if keys.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    if !keys.iter().any(|key| key.has_signed(token)) {
        return Err(TokenError::Signature);
    }
    let claims: Map<String, Value> =
        serde_json::from_slice(&token.payload).map_err(|_| TokenError::Malformed)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenError::Issuer);
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
        Some(audience) => audience.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    if !expected.audiences.iter().any(|audience| audiences.contains(&audience.as_str())) {
        return Err(TokenError::Audience);
    }
    if let Some(authorized) = expected.authorized {
        let azp = text("azp");
        if azp.is_some_and(|azp| azp != authorized) || (audiences.len() > 1 && azp.is_none()) {
            return Err(TokenError::Audience);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    let now = (now.as_millis() / 1000) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a minute")]
    let leeway = LEEWAY as f64;
    if seconds("exp").is_none_or(|expires| now >= expires + leeway) {
        return Err(TokenError::Expired);
    }
    if ["nbf", "iat"].iter().any(|name| seconds(name).is_some_and(|from| now + leeway < from)) {
        return Err(TokenError::Early);
    }
    if expected.nonce.is_some() && text("nonce") != expected.nonce {
        return Err(TokenError::Nonce);
    }
    Ok(claims)
}

impl Jwk {
    /// Whether a token with that header may be signed by this key.
    pub(super) fn fits(&self, header: &Header) -> bool {
        let (kty, crv, alg) = match header.algorithm {
            Algorithm::Rs256 => ("RSA", None, "RS256"),
            Algorithm::Es256 => ("EC", Some("P-256"), "ES256"),
            Algorithm::EdDsa => ("OKP", Some("Ed25519"), "EdDSA"),
        };
        self.kty == kty
            && self.crv.as_deref() == crv
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_deref().is_none_or(|own| own == alg || own == "Ed25519")
            && (header.kid.is_none() || header.kid == self.kid)
    }

    fn has_signed(&self, token: &Parsed<'_>) -> bool {
        self.fits(&token.header) && self.verifies(token).is_some()
    }

    fn verifies(&self, token: &Parsed<'_>) -> Option<()> {
        let decode = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_ref()?).ok();
        let (message, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        match token.header.algorithm {
            Algorithm::Rs256 => {
                let (n, e) = (decode(&self.n)?, decode(&self.e)?);
                let key = RsaPublicKeyComponents { n: &n, e: &e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).ok()
            }
            Algorithm::Es256 => {
                let point = [vec![4], decode(&self.x)?, decode(&self.y)?].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).ok()
            }
            Algorithm::EdDsa => {
                let key = UnparsedPublicKey::new(&ED25519, decode(&self.x)?);
                key.verify(message, signature).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests;
