//! Puts the proof of who sends it on a request: headers, parameters, signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_catalog::auth::{AuthKind, AuthMethod, KeyIn};
use longhaul_catalog::credentials::{MASK, MaskedRequest};
use reqwest::Request;
use reqwest::header::HeaderName;
use zeroize::Zeroizing;

use crate::Secret;
use crate::error::VaultError;
use crate::holes::{Lookup, fill, need};
use crate::subject::Subject;
use crate::token::header_value;

pub(crate) mod oauth1;
pub(crate) mod sigv4;

/// Something that is added to a request.
#[derive(Debug)]
enum Addition {
    Header(String, Secret),
    Query(String, Secret),
}

/// What a pasted token or key is called, where a method does not say so.
const TOKENS: [&str; 4] = ["token", "api_key", "access_token", "key"];

/// The key or token that a place takes if it does not say what.
fn usual(method: &AuthMethod) -> String {
    let fields = &method.fields;
    let known =
        TOKENS.iter().find(|name| fields.contains_key(**name)).map(|name| (*name).to_owned());
    let only = || {
        let mut secret = fields.iter().filter(|(_, field)| field.secret);
        secret.next().map(|(name, _)| name.clone())
    };
    known.or_else(only).unwrap_or_else(|| {
        let name = if method.kind == AuthKind::Bearer { "token" } else { "api_key" };
        name.to_owned()
    })
}

/// What a method adds, with holes filled by `lookup`.
fn additions(method: &AuthMethod, lookup: &Lookup<'_>) -> Result<Vec<Addition>, VaultError> {
    let mut additions = Vec::new();
    let hole = match method.kind {
        AuthKind::None | AuthKind::Basic | AuthKind::AwsSigv4 | AuthKind::Oauth1 => None,
        AuthKind::ApiKey | AuthKind::Bearer => Some(format!("${{fields.{}}}", usual(method))),
        AuthKind::JwtSelf => Some("${jwt}".to_owned()),
        AuthKind::Oauth2
        | AuthKind::Oauth2Cc
        | AuthKind::Oauth2Device
        | AuthKind::JwtBearer
        | AuthKind::GithubApp
        | AuthKind::TwoStep
        | AuthKind::McpOauth => Some("${access_token}".to_owned()),
    };
    if let Some(hole) = hole {
        match &method.place {
            Some(place) => {
                let value = need(place.value.as_ref().unwrap_or(&hole), lookup)?;
                additions.push(match place.place {
                    KeyIn::Header => Addition::Header(place.name.clone(), value),
                    KeyIn::Query => Addition::Query(place.name.clone(), value),
                });
            }
            None => {
                let value = need(&format!("Bearer {hole}"), lookup)?;
                additions.push(Addition::Header("authorization".to_owned(), value));
            }
        }
    }
    if method.kind == AuthKind::Basic {
        let (user, password) = match &method.basic {
            Some(basic) => (basic.username.as_str(), basic.password.as_str()),
            None => ("${fields.username}", "${fields.password}"),
        };
        // A password that was left out is an empty one.
        let (user, password) = (need(user, lookup)?, fill(password, lookup)?);
        let password = password.unwrap_or_else(|| Secret::new(""));
        let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
        let value = Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        additions.push(Addition::Header("authorization".to_owned(), value));
    }
    for (name, template) in &method.headers {
        if let Some(value) = fill(template, lookup)? {
            additions.push(Addition::Header(name.clone(), value));
        }
    }
    Ok(additions)
}

/// Adds all that is not a signature to a request.
pub(crate) fn add(
    subject: &Subject,
    jwt: Option<&Secret>,
    request: &mut Request,
) -> Result<(), VaultError> {
    let lookup = |name: &str| match name {
        "jwt" => jwt.cloned(),
        _ => subject.lookup(name),
    };
    for addition in additions(&subject.method, &lookup)? {
        match addition {
            Addition::Header(name, value) => {
                let header = HeaderName::try_from(name.as_str())
                    .map_err(|_| VaultError::Refused(format!("`{name}` is no header")))?;
                request.headers_mut().insert(header, header_value(&value)?);
            }
            Addition::Query(name, value) => {
                request.url_mut().query_pairs_mut().append_pair(&name, value.expose());
            }
        }
    }
    Ok(())
}

/// The same, with each secret masked; signatures too.
pub(crate) fn add_masked(subject: &Subject, request: &mut MaskedRequest) {
    let lookup = |name: &str| {
        if name == "jwt" {
            return Some(Secret::new(MASK));
        }
        let public = subject.is_public(name);
        subject.lookup(name).map(|value| if public { value } else { Secret::new(MASK) })
    };
    let method = &subject.method;
    match method.kind {
        AuthKind::AwsSigv4 => {
            request.header("x-amz-date", MASK);
            if method.sigv4.as_ref().is_some_and(|block| block.service == "s3") {
                request.header("x-amz-content-sha256", MASK);
            }
            if subject.field("session_token").is_some() {
                request.header("x-amz-security-token", MASK);
            }
            request.header("authorization", format!("{} {MASK}", sigv4::ALGORITHM));
        }
        AuthKind::Oauth1 => request.header("authorization", format!("OAuth {MASK}")),
        AuthKind::None
        | AuthKind::ApiKey
        | AuthKind::Basic
        | AuthKind::Bearer
        | AuthKind::Oauth2
        | AuthKind::Oauth2Cc
        | AuthKind::Oauth2Device
        | AuthKind::JwtBearer
        | AuthKind::JwtSelf
        | AuthKind::GithubApp
        | AuthKind::TwoStep
        | AuthKind::McpOauth => {}
    }
    for addition in additions(method, &lookup).unwrap_or_default() {
        match addition {
            // What is masked inside would not show once it is encoded.
            Addition::Header(name, _)
                if method.kind == AuthKind::Basic && name == "authorization" =>
            {
                request.header(&name, format!("Basic {MASK}"));
            }
            Addition::Header(name, value) => request.header(&name, value.expose()),
            Addition::Query(name, value) => request.query(&name, value.expose()),
        }
    }
}
