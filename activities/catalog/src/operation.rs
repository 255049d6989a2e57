//! Operations: what can be called, what it does to the world, and how the request is written.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use longhaul_contract::tool::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::integration::{Errors, Idempotency, Integration, Server};

/// One operation of a vendor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// What it does, in a few words.
    pub title: String,
    /// What it does, for a model, in our words.
    pub description: String,
    /// Other words for it, that a search should find.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Method and path, such as `POST /emails/{id}`. A hole takes one segment or a part of one;
    /// `{+path}` takes several, with their slashes. Or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// a GraphQL document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphql: Option<Graphql>,
    /// Which of the servers, if not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What it does to the world. Needed wherever the method does not tell: by default `GET` and
    /// `HEAD` read, `DELETE` deletes, and nothing else has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = [
        "read", "create", "update", "delete", "send", "money", "permission", "execute", "opaque"
    ]))]
    pub effect: Option<Effect>,
    /// Whether a repeated request changes nothing more, by the vendor's word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// Whether it can be undone by another operation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversible: bool,
    /// How the vendor tells repeated requests, if not as the integration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// What a connection must be allowed: all of these, by the id of the auth method. Of
    /// `narrow|wide` either will do; consent is asked for the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, Vec<String>>,
    /// The auth methods that it takes; all of the integration's if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<String>,
    /// The arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub input: BTreeMap<String, Param>,
    /// How the body is written.
    #[serde(default, skip_serializing_if = "BodyFormat::is_json")]
    pub body: BodyFormat,
    /// Further headers, with `${config.NAME}` and `${token.NAME}` holes. A `content-type` replaces
    /// the one that `body` has by itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What of the answer the model sees.
    #[serde(default, skip_serializing_if = "Output::is_default")]
    pub output: Output,
    /// How a long list is read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// Whether its long list is read on as the integration's `defaults` say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paged: bool,
    /// What an error looks like, if not as the integration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
    /// The read that tells whether a call with an unknown outcome took place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<String>,
    /// Its name in the vendor's description: `METHOD /path`, an operation id, or `query.field`;
    /// as `http` says if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
}

impl Operation {
    /// What it does to the world: as written, or as the method tells; unknown otherwise.
    pub fn effect(&self) -> Effect {
        self.effect.unwrap_or_else(|| match self.method() {
            Some("GET" | "HEAD") => Effect::Read,
            Some("DELETE") => Effect::Delete,
            Some(_) | None => Effect::Opaque,
        })
    }

    /// The method of its `http`.
    pub fn method(&self) -> Option<&str> {
        self.http.as_deref()?.split_whitespace().next()
    }

    /// The path of its `http`, with holes.
    pub fn path(&self) -> Option<&str> {
        self.http.as_deref()?.split_whitespace().nth(1)
    }

    /// How its list is read on, if it is one.
    pub fn page<'a>(&'a self, integration: &'a Integration) -> Option<&'a Page> {
        let default = || integration.defaults.page.as_ref().filter(|_| self.paged);
        self.page.as_ref().or_else(default)
    }

    /// What its errors look like.
    pub fn errors<'a>(&'a self, integration: &'a Integration) -> Option<&'a Errors> {
        self.errors.as_ref().or(integration.defaults.errors.as_ref())
    }

    /// How the vendor tells its repeated requests: its own word, or the integration's for what
    /// writes with another method than `DELETE`.
    pub fn idempotency<'a>(&'a self, integration: &'a Integration) -> Option<&'a Idempotency> {
        let default = || {
            let applies = self.effect() != Effect::Read && self.method() != Some("DELETE");
            integration.defaults.idempotency.as_ref().filter(|_| applies)
        };
        self.idempotency.as_ref().or_else(default)
    }

    /// Where it is sent.
    pub fn server<'a>(&self, integration: &'a Integration) -> Option<&'a Server> {
        match &self.server {
            Some(id) => integration.servers.iter().find(|it| it.id.as_ref() == Some(id)),
            None => integration.servers.first(),
        }
    }

    /// The scopes that a connection by the auth method `method` needs: of alternatives the first.
    pub fn scopes(&self, method: &str) -> Vec<String> {
        let all = self.scopes.get(method).map(Vec::as_slice).unwrap_or_default();
        let first = |scope: &String| scope.split('|').next().unwrap_or(scope).to_owned();
        all.iter().map(first).collect()
    }

    /// Which of the scopes that it needs `granted` lacks: of alternatives the first.
    pub fn missing_scopes(&self, method: &str, granted: &BTreeSet<String>) -> Vec<String> {
        let all = self.scopes.get(method).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|scope| !scope.split('|').any(|one| granted.contains(one)))
            .map(|scope| scope.split('|').next().unwrap_or(scope).to_owned())
            .collect()
    }
}

/// A GraphQL operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    /// The path of the endpoint below the server, empty for the server itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The document, with one operation; arguments are its variables.
    pub document: String,
    /// Where the answer has the result (JSON pointer below `/data`).
    pub data: String,
    /// Where a mutation says what the user did wrong (JSON pointer below `/data`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_errors: Option<String>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Param {
    /// Where it goes.
    #[serde(rename = "in")]
    pub place: ParamIn,
    /// What the vendor calls it, if not as we do; for a body a JSON pointer such as `/parent/id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether a call must have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// A value that each request has; the model neither sees nor sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Value>,
    /// How a list is written in a query or form: `repeat` (a=1&a=2), `brackets` (a[]=1&a[]=2),
    /// `index` (a[0]=1) or `comma`. If left out: `repeat` in a query; in a form `brackets`, and
    /// `index` for a list of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListStyle>,
    /// Its JSON Schema: `type`, `description`, `enum`, `items`, `properties`, `default`, ….
    #[serde(flatten)]
    pub schema: Map<String, Value>,
}

/// Where an argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamIn {
    /// Into a hole of the path.
    Path,
    /// Into the query.
    Query,
    /// A header.
    Header,
    /// A member of the body.
    Body,
    /// The whole body: JSON; or text as it stands, if its type is `string` and `headers` has a
    /// `content-type`.
    WholeBody,
    /// A file of a multipart body, or the whole of a binary one: a reference to a blob, or text.
    File,
    /// A variable of a GraphQL document; a JSON pointer as `name` puts it inside one.
    Variable,
}

/// How a list is written in a query or form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListStyle {
    /// `a=1&a=2`.
    Repeat,
    /// `a[]=1&a[]=2`.
    Brackets,
    /// `a[0]=1&a[1]=2`.
    Index,
    /// `a=1,2`.
    Comma,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// As JSON.
    #[default]
    Json,
    /// As a form, with `a[b]=1` for what is nested.
    Form,
    /// As `multipart/form-data`.
    Multipart,
    /// As the bytes of a file.
    Binary,
}

impl BodyFormat {
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// What of an answer the model sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// JSON pointers of what is kept, below the result, `*` for each element of a list; everything
    /// if empty. With `page`, the result is the list of `items`, and pointers are into an element:
    /// `/id` is short for `/*/id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// Where the result is (JSON pointer into the body), if not the whole body. Not with `page`,
    /// whose `items` say it, nor with `graphql`, whose `data` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How an answer is read.
    #[serde(default, skip_serializing_if = "Format::is_json")]
    pub format: Format,
    /// Headers that belong to the answer, by the name that they get.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Most bytes of it that the model sees at once; 16 KiB if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u32>,
}

impl Output {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON; text if it is none.
    #[default]
    Json,
    /// XML, as JSON.
    Xml,
    /// Bytes, which become a blob.
    Binary,
    /// Nothing.
    Empty,
}

impl Format {
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// How a long list is read on. The model sees `limit` and an opaque `next`, so `param` and `limit`
/// are not among the `input`s. Pointers are into the body; in GraphQL into what `data` names, and
/// `param` and `limit` are variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How.
    pub kind: PageKind,
    /// The vendor's parameter that says where to go on: query, or body (JSON pointer), or variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Where the parameter goes; the query unless said otherwise.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<ParamIn>,
    /// Where the answer says what comes next (JSON pointer); for `last_id` the id's place in an
    /// element. For `link` the URL's place in the body; the `Link` header if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Where the answer says whether there is more (JSON pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
    /// Where the elements are (JSON pointer).
    pub items: String,
    /// The vendor's parameter for how many, in the same place as `param`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The most that it may say; 100 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// The first page's number, for `page`; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
}

/// How a vendor's lists go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// A token in the answer.
    Cursor,
    /// `Link: <…>; rel="next"` (RFC 8288), or a URL in the body.
    Link,
    /// Pages by number.
    Page,
    /// How many to leave out.
    Offset,
    /// The id of the last element.
    LastId,
}
