//! How a connection proves who it is, as data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::integration::Field;

/// The mechanisms that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Nobody asks.
    None,
    /// A key in a header or in the query.
    ApiKey,
    /// User and password.
    Basic,
    /// A token that a person pastes, in `Authorization: Bearer`.
    Bearer,
    /// OAuth 2.0 authorization code, with PKCE.
    Oauth2,
    /// OAuth 2.0 client credentials.
    Oauth2Cc,
    /// OAuth 2.0 device code.
    Oauth2Device,
    /// A signed JWT is exchanged for a token (RFC 7523): service accounts.
    JwtBearer,
    /// A signed JWT is the token.
    JwtSelf,
    /// A GitHub App's installation.
    GithubApp,
    /// A first request answers with the token of the others.
    TwoStep,
    /// AWS Signature Version 4.
    AwsSigv4,
    /// OAuth 1.0a, and NetSuite's token-based authentication.
    Oauth1,
    /// MCP authorization.
    McpOauth,
}

/// One way to prove who a connection is. Which of the blocks is needed follows from `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthMethod {
    /// What connections refer to, unique in the file.
    pub id: String,
    /// The mechanism.
    pub kind: AuthKind,
    /// What a person sees, if the id does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What a connection has to say for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
    /// The vendor's page that says all this.
    pub source: String,
    /// The operation that tests a connection: a cheap read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// Whether each request shows a client certificate, too: fields `certificate`, `private_key`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mtls: bool,
    /// `api_key`, and tokens that do not go in `Authorization: Bearer`: where they go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Headers that go with it, with `${fields.NAME}`, `${config.NAME}`, `${token.NAME}` holes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `basic`: user and password, with holes; fields `username` and `password` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
    /// `oauth2`, `oauth2_cc`, `oauth2_device`, `jwt_bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<Oauth>,
    /// `jwt_bearer`, `jwt_self`, `github_app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// `two_step`, `github_app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// `aws_sigv4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<Sigv4>,
    /// `oauth1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth1: Option<Oauth1>,
}

/// Where a key goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// In what.
    #[serde(rename = "in")]
    pub place: KeyIn,
    /// The header's or parameter's name.
    pub name: String,
    /// The value, with holes; `${fields.api_key}` (or the access token) if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// In what a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyIn {
    /// A header.
    Header,
    /// The query.
    Query,
}

/// User and password, with `${fields.NAME}` holes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// User.
    pub username: String,
    /// Password.
    pub password: String,
}

/// The vendor's OAuth server. URLs may have `${config.NAME}` holes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth {
    /// Where a person consents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// Where tokens come from.
    pub token_url: String,
    /// Where tokens are renewed, if not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_url: Option<String>,
    /// Where tokens are given back (RFC 7009 unless `revoke` says otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_url: Option<String>,
    /// How tokens are given back there, if not as RFC 7009 says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Revoke>,
    /// Where a device gets its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
    /// Whether PKCE is used: `S256` unless the vendor refuses it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub pkce: bool,
    /// How the client says who it is.
    #[serde(default, skip_serializing_if = "ClientAuth::is_body")]
    pub client_auth: ClientAuth,
    /// How the request to `token_url` is written.
    #[serde(default, skip_serializing_if = "TokenBody::is_form")]
    pub token_body: TokenBody,
    /// What stands between scopes; a space unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_sep: Option<String>,
    /// The parameter that takes scopes; `scope` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_param: Option<String>,
    /// Scopes that each connection asks for, whatever it is to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Further parameters of `authorize_url`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorize_params: BTreeMap<String, String>,
    /// Further parameters of `token_url`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub token_params: BTreeMap<String, String>,
    /// Where the reply has the token (JSON pointer); `/access_token` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_path: Option<String>,
    /// What `expires_in` counts.
    #[serde(default, skip_serializing_if = "ExpiresUnit::is_seconds")]
    pub expires_unit: ExpiresUnit,
    /// Whether each renewal gives a new refresh token and ends the old one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotates_refresh: bool,
    /// The server's issuer, which a callback's `iss` must equal (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `resource` of RFC 8707.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What of the token reply the connection keeps, by name: JSON pointers. `${token.NAME}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata_from_token: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// How an OAuth client says who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    #[default]
    Body,
    /// In `Authorization: Basic`.
    Basic,
    /// `client_id` alone: a public client.
    None,
    /// A signed JWT (RFC 7523).
    PrivateKeyJwt,
}

impl ClientAuth {
    fn is_body(&self) -> bool {
        *self == Self::Body
    }
}

/// How a request to the token URL is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenBody {
    /// As a form.
    #[default]
    Form,
    /// As JSON.
    Json,
}

impl TokenBody {
    fn is_form(&self) -> bool {
        *self == Self::Form
    }
}

/// What `expires_in` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresUnit {
    /// Seconds.
    #[default]
    Seconds,
    /// Milliseconds.
    Millis,
}

impl ExpiresUnit {
    fn is_seconds(&self) -> bool {
        *self == Self::Seconds
    }
}

/// How tokens are given back, where RFC 7009 is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The request's method; `POST` unless said otherwise.
    #[serde(default = "post")]
    pub method: String,
    /// Who says so.
    #[serde(default)]
    pub auth: RevokeAuth,
    /// The body's members, with holes: `${access_token}`, `${refresh_token}`, `${client_id}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub body: BTreeMap<String, String>,
    /// How the body is written.
    #[serde(default, skip_serializing_if = "TokenBody::is_form")]
    pub body_format: TokenBody,
}

fn post() -> String {
    "POST".to_owned()
}

/// Who gives a token back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokeAuth {
    /// The app, in `Authorization: Basic`.
    #[default]
    Client,
    /// Whoever has the token, in `Authorization: Bearer`.
    Bearer,
    /// Nobody: the body says all.
    None,
}

/// A JWT that the connection signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// How.
    pub algorithm: Algorithm,
    /// The field that has the key: PEM for `RS256` and `ES256`, text for `HS256`.
    pub key: String,
    /// Further members of the header, with holes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, String>,
    /// Claims, with holes; `iat` and `exp` come by themselves.
    pub claims: BTreeMap<String, String>,
    /// The claim that takes the scopes, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_claim: Option<String>,
    /// How long it holds, such as `10m`.
    pub lifetime: String,
}

/// How a JWT is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// RSA PKCS #1 1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// HMAC with SHA-256.
    #[serde(rename = "HS256")]
    Hs256,
}

/// A request that answers with the token of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Where, with holes.
    pub url: String,
    /// Headers, with holes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body's members, with holes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub body: BTreeMap<String, String>,
    /// How the body is written.
    #[serde(default, skip_serializing_if = "TokenBody::is_form")]
    pub body_format: TokenBody,
    /// Where the reply has the token (JSON pointer).
    pub token_path: String,
    /// Where it says when the token ends (JSON pointer): seconds from now, or RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_path: Option<String>,
    /// How long the token holds if the reply does not say, such as `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<String>,
}

/// AWS Signature Version 4; fields `access_key_id`, `secret_access_key`, `session_token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sigv4 {
    /// The service's name in the signature, such as `s3`; an operation's server may say another.
    pub service: String,
    /// The region, with holes.
    pub region: String,
}

/// OAuth 1.0a; fields `consumer_key`, `consumer_secret`, `token`, `token_secret`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth1 {
    /// `HMAC-SHA1` or `HMAC-SHA256`.
    pub signature_method: String,
    /// The `realm`, with holes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}
