//! An integration: one vendor's API, in one file of the catalogue.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::AuthMethod;
use crate::operation::{Operation, Page};

/// One vendor's API. A file of the catalogue, `<slug>.yaml`, has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// Version of this shape, 1.
    pub schema: u32,
    /// Its short name, as the file's: `[a-z0-9-]+`.
    pub slug: String,
    /// Its name as the vendor writes it.
    pub name: String,
    /// What kind of service it is, such as `email`.
    pub category: String,
    /// The vendor's page.
    pub homepage: String,
    /// Other words that people use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// What the entry was checked against.
    pub evidence: Evidence,
    /// Where the API is; the first is used unless an operation names another.
    pub servers: Vec<Server>,
    /// What a connection must say besides secrets, such as the shop's subdomain.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Field>,
    /// How a connection proves who it is; any one of these.
    pub auth: Vec<AuthMethod>,
    /// What holds for each operation that does not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// What there is to call, by name: `noun.verb`.
    pub operations: BTreeMap<String, Operation>,
}

/// What an entry was checked against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// 1: the vendor's current description; 2: an older one; 3: somebody else's, or the
    /// documentation only.
    pub tier: u8,
    /// Where the description is from, such as `github:owner/repo@commit:path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The vendor's name for the version of the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// SHA-256 of the description that it was checked against, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The page of the vendor's documentation.
    pub docs: String,
}

/// Where an API is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// What operations call it, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `https://…`, with `${config.NAME}` or `${token.NAME}` holes.
    pub url: String,
    /// The hosts that a filled-in URL may have, and that redirects may lead to with the
    /// connection's secrets: exact, with `*` for any one label (`*.example.com`), or `*` for any host
    /// where people run the service themselves. Needed where the URL has a hole in its host; otherwise the URL's own
    /// host if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// Something that a connection has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What a person is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is secret: sealed in the vault, never shown again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// A regular expression that it matches whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// One that would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// What holds if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether it may be left out although there is no default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What holds for each operation that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Headers of each request, such as the API's version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// When a request is made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How many requests there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What an error looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
    /// How long lists are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// How the vendor tells repeated requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
}

/// When a request is made again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Headers that say after how long: seconds or an HTTP date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_header: Vec<String>,
    /// Headers that say from when on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset_header: Vec<ResetHeader>,
    /// A header that says how many requests are left; with 0, a 403 is a rate limit, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_header: Option<String>,
    /// Where a body says after how many seconds (JSON pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_body: Option<String>,
    /// The statuses that pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
}

/// A header that says from when on requests are taken again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetHeader {
    /// Its name.
    pub name: String,
    /// How it says so.
    pub unit: ResetUnit,
}

/// How a reset header gives a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetUnit {
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// RFC 3339 or an HTTP date.
    Date,
}

/// How many requests a vendor takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a second, for one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rps: Option<f64>,
    /// Requests at once, for one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u32>,
    /// The page that says so.
    pub source: String,
}

/// What an error looks like, by JSON pointers into its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The vendor's code for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong with single fields: a list of texts or objects, or an object by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<String>,
    /// The vendor's id of the request: a header's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Where a body names the scopes that the grant lacks (JSON pointer): a list, or a text with
    /// commas or spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// Where a body with status 200 says that it is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<ErrorInside>,
    /// Which of the vendor's codes is which kind of error: `auth` (the token is not taken: it is
    /// renewed once), `permission`, `not_found`, `validation`, `rate_limit`, `conflict`,
    /// `upstream`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, String>,
}

/// Where a body with status 200 says that it is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorInside {
    /// JSON pointer.
    pub at: String,
    /// It is an error if this is there: any value but null, false and what is empty, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<serde_json::Value>,
}

/// How a vendor tells repeated requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// The header that takes the key, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// the field of the body that does (JSON pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How long the vendor remembers a key, such as `24h`. After that nothing is repeated blindly.
    pub ttl: String,
    /// The page that says so.
    pub source: String,
}
