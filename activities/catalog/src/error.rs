//! What a call came to if it did not succeed, for the model and for whoever decides what is next.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::credentials::{AuthTrouble, MASK};

/// Most characters of a vendor's words that are passed on.
pub const MOST_WORDS: usize = 500;
/// Most complaints about single fields that are passed on.
const MOST_FIELDS: usize = 20;

/// What went wrong, as the model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The connection is missing or no longer good.
    Auth,
    /// The connection may not do this.
    Permission,
    /// There is no such thing.
    NotFound,
    /// The arguments are wrong.
    Validation,
    /// Too many requests.
    RateLimit,
    /// The thing is in a state that does not allow it.
    Conflict,
    /// The vendor failed, or its answer cannot be read.
    Upstream,
    /// It may or may not have happened.
    OutcomeUnknown,
    /// We do not send such a request.
    Policy,
}

impl ErrorKind {
    /// The word that the model sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Validation => "validation",
            Self::RateLimit => "rate_limit",
            Self::Conflict => "conflict",
            Self::Upstream => "upstream",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Policy => "policy",
        }
    }

    /// The kind that a catalogue file calls `word`.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Auth,
            Self::Permission,
            Self::NotFound,
            Self::Validation,
            Self::RateLimit,
            Self::Conflict,
            Self::Upstream,
            Self::OutcomeUnknown,
            Self::Policy,
        ];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is wrong with one argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Its name, or a path into it; empty if the vendor did not say.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The vendor's own words: data from outside, never an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorWords {
    /// Its message, at most [`MOST_WORDS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it says of single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

impl VendorWords {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a call did not succeed. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", kind.as_str())]
pub struct CallError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// In our words.
    pub message: String,
    /// Arguments that we refuse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_errors: Vec<FieldError>,
    /// What the vendor says.
    #[serde(default, skip_serializing_if = "VendorWords::is_empty")]
    pub vendor: VendorWords,
    /// Whether the same call can succeed later.
    pub retryable: bool,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The vendor's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The answer's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With an unknown outcome: the operation, `slug.operation`, that tells whether it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<String>,
}

impl CallError {
    /// An error without the vendor's part in it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            field_errors: Vec::new(),
            vendor: VendorWords::default(),
            retryable: false,
            hint: None,
            request_id: None,
            status: None,
            reconcile: None,
        }
    }

    /// Arguments that are wrong.
    pub fn arguments(message: impl Into<String>, field_errors: Vec<FieldError>) -> Self {
        Self { field_errors, ..Self::new(ErrorKind::Validation, message) }
    }

    /// A request that we do not send.
    pub fn policy(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Policy, message)
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the model sees: `{"error": {kind, message, …}}`. The vendor's words are apart, under
    /// `vendor_says`, with `untrusted: true`.
    pub fn for_model(&self) -> Value {
        let mut shown = json!({ "kind": self.kind.as_str(), "message": self.message });
        let mut set = |key: &str, value: Value| {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert(key.to_owned(), value);
            }
        };
        if !self.field_errors.is_empty() {
            set("field_errors", json!(self.field_errors));
        }
        set("retryable", Value::Bool(self.retryable));
        for (key, value) in
            [("hint", &self.hint), ("request_id", &self.request_id), ("reconcile", &self.reconcile)]
        {
            if let Some(value) = value {
                set(key, Value::String(value.clone()));
            }
        }
        if !self.vendor.is_empty() {
            let mut says = json!({ "untrusted": true });
            if let (Some(says), Value::Object(words)) = (says.as_object_mut(), json!(self.vendor)) {
                says.extend(words);
            }
            set("vendor_says", says);
        }
        json!({ "error": shown })
    }
}

/// Why a call did not succeed, and what comes next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The model is told.
    #[error("{0}")]
    Error(Box<CallError>),
    /// The same call, with the same key, may be made again after so long: longer than a call waits
    /// by itself.
    #[error("{error}")]
    RetryAfter {
        /// After how long.
        after: Duration,
        /// What to tell the model if nobody tries again.
        error: Box<CallError>,
    },
    /// A person has to connect, or to consent to more.
    #[error("{}", .0.trouble)]
    Auth(Box<AuthNeeded>),
}

/// What a person has to do before the same call can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthNeeded {
    /// The integration.
    pub integration: String,
    /// The auth method of the connection.
    pub method: String,
    /// The scopes that the operation needs, all of them.
    pub scopes: Vec<String>,
    /// What is wrong.
    pub trouble: AuthTrouble,
}

impl AuthNeeded {
    /// What the model is told if nobody connects.
    pub fn error(&self) -> CallError {
        let kind = match self.trouble {
            AuthTrouble::MissingScopes { .. } => ErrorKind::Permission,
            AuthTrouble::NotConnected { .. }
            | AuthTrouble::NeedsReauth { .. }
            | AuthTrouble::Refused { .. }
            | AuthTrouble::Upstream { .. } => ErrorKind::Auth,
        };
        CallError::new(kind, format!("{}: {}", self.integration, self.trouble))
    }
}

impl Failure {
    /// What the model is told, whatever comes next.
    pub fn error(&self) -> CallError {
        match self {
            Self::Error(error) | Self::RetryAfter { error, .. } => (**error).clone(),
            Self::Auth(needed) => needed.error(),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Error(Box::new(error))
    }
}

/// `text` as it may be passed on: one line, no control characters, no secret, not too long.
pub(crate) fn words(text: &str, secrets: &[String]) -> String {
    let text = without(text, secrets);
    let mut shown = String::new();
    for (index, c) in text.trim().chars().enumerate() {
        if index >= MOST_WORDS {
            shown.push('…');
            break;
        }
        shown.push(if c.is_control() { ' ' } else { c });
    }
    shown
}

/// `text` with each of `secrets` masked.
pub(crate) fn without(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), MASK) } else { text }
    })
}

/// What a vendor says of single fields, in whatever shape.
pub(crate) fn field_errors(value: &Value, secrets: &[String]) -> Vec<FieldError> {
    let mut found = Vec::new();
    if let Some(by_field) = value.as_object() {
        for (field, value) in by_field {
            match value.as_array() {
                Some(elements) => {
                    found.extend(elements.iter().map(|it| field_error(field, it, secrets)));
                }
                None => found.push(field_error(field, value, secrets)),
            }
        }
    } else if let Some(elements) = value.as_array() {
        found.extend(elements.iter().map(|it| field_error("", it, secrets)));
    } else if !value.is_null() {
        found.push(field_error("", value, secrets));
    }
    found.truncate(MOST_FIELDS);
    found
}

fn field_error(field: &str, value: &Value, secrets: &[String]) -> FieldError {
    let text = |value: &Value| match value.as_array() {
        Some(path) => path.iter().map(plain).collect::<Vec<_>>().join("."),
        None => plain(value),
    };
    let named = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| value.get(*name));
        values.find(|value| !value.is_null()).map(text)
    };
    let names = ["field", "path", "name", "param", "parameter", "attribute", "property", "in"];
    let field = named(&names).unwrap_or_else(|| field.to_owned());
    let message = named(&["message", "msg", "description", "detail", "error", "code"]);
    let message = message.unwrap_or_else(|| plain(value));
    FieldError { field: words(&field, secrets), message: words(&message, secrets) }
}

/// Text as it stands, anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
