//! Auth methods from the security schemes of a description.

use serde_json::{Map, Value, json};

use super::yaml::Reviewed;
use super::{Import, names, text_at};

impl Import<'_> {
    /// The auth methods, `kind: none` if the description has no scheme.
    pub(super) fn auth(&mut self) -> Value {
        let at = if self.is_old { "/securityDefinitions" } else { "/components/securitySchemes" };
        let schemes = self.document.pointer(at).and_then(Value::as_object);
        let source = Reviewed::guess(json!(self.homepage(&self.clone_server())));
        let mut methods = Vec::new();
        for (name, scheme) in schemes.into_iter().flatten() {
            let scheme = self.resolver.resolve(scheme).clone();
            let id = names::snake(name);
            match method(&scheme) {
                Some(found) => {
                    let mut entry = Map::new();
                    entry.insert("id".to_owned(), json!(id));
                    entry.extend(found);
                    entry.insert("source".to_owned(), source.clone());
                    methods.push(Value::Object(entry));
                }
                None => self.notes.push(format!("the security scheme `{name}` is not known here")),
            }
        }
        if methods.is_empty() {
            let none = json!({ "id": "none", "kind": Reviewed::guess(json!("none")) });
            let mut none = none.as_object().cloned().unwrap_or_default();
            none.insert("source".to_owned(), source);
            methods.push(Value::Object(none));
        }
        Value::Array(methods)
    }

    fn clone_server(&self) -> Value {
        let host = text_at(self.document, "/host").map(|host| format!("https://{host}"));
        let url = text_at(self.document, "/servers/0/url").map(str::to_owned);
        json!({ "url": host.or(url).unwrap_or_default() })
    }
}

fn method(scheme: &Value) -> Option<Map<String, Value>> {
    let text = |at: &str| text_at(scheme, at);
    let secret = |name: &str| json!({ name: { "secret": true } });
    let found = match (text("/type")?, text("/scheme").unwrap_or_default()) {
        ("basic", _) | ("http", "basic") => json!({
            "kind": "basic",
            "fields": { "username": {}, "password": { "secret": true } },
        }),
        ("http", "bearer") => json!({ "kind": "bearer", "fields": secret("token") }),
        ("apiKey", _) => {
            let place = text("/in").filter(|place| matches!(*place, "header" | "query"))?;
            json!({
                "kind": "api_key",
                "fields": secret("api_key"),
                "place": { "in": place, "name": text("/name")? },
            })
        }
        ("oauth2", _) => return oauth(scheme),
        (_, _) => return None,
    };
    found.as_object().cloned()
}

fn oauth(scheme: &Value) -> Option<Map<String, Value>> {
    let text = |at: &str| text_at(scheme, at);
    let code = ["/flows/authorizationCode", "/flows/implicit"];
    let code = code.iter().find_map(|at| scheme.pointer(at));
    let client = scheme.pointer("/flows/clientCredentials");
    let (kind, flow) = match (code, client, text("/flow")) {
        (Some(flow), _, _) => ("oauth2", flow),
        (None, Some(flow), _) => ("oauth2_cc", flow),
        (None, None, Some("accessCode" | "implicit")) => ("oauth2", scheme),
        (None, None, Some("application")) => ("oauth2_cc", scheme),
        (None, None, _) => return None,
    };
    let url = |at: &str| text_at(flow, at).filter(|url| url.starts_with("https://"));
    let mut oauth = Map::new();
    let authorize = url("/authorizationUrl");
    if kind == "oauth2" {
        oauth.insert("authorize_url".to_owned(), json!(authorize?));
    }
    let token = url("/tokenUrl").or(authorize)?;
    let token = match url("/tokenUrl") {
        Some(token) => json!(token),
        None => Reviewed::guess(json!(token)),
    };
    oauth.insert("token_url".to_owned(), token);
    json!({ "kind": kind, "oauth": oauth }).as_object().cloned()
}
