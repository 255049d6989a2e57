//! Spoiled entries: each has one fault that a check has to find.

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::{BodyFormat, Operation, Param, ParamIn};
use serde_json::{Value, json};

use super::contract::Contract;
use super::{Rule, check};

/// What is wrong with a spoiled entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// An argument that the vendor needs is gone.
    RequiredGone,
    /// A header that the vendor does not know.
    WrongHeader,
    /// Another path.
    WrongPath,
    /// An argument of another type.
    WrongType,
    /// A value that the vendor does not list.
    WrongValue,
    /// A field that the vendor does not know.
    UnknownField,
    /// Another method.
    WrongMethod,
    /// Another media type.
    WrongMedia,
    /// Another address.
    WrongServer,
    /// Another scope.
    WrongScope,
}

/// A spoiled copy of an integration, in which one operation has one fault.
#[derive(Debug)]
pub struct Mutant {
    /// The fault.
    pub fault: Fault,
    /// What was done, in words.
    pub done: String,
    /// The copy.
    pub integration: Integration,
}

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Makes spoiled copies of one operation.
pub struct Spoiler<'a> {
    contract: &'a Contract,
    integration: &'a Integration,
    name: &'a str,
    mutants: Vec<Mutant>,
}

/// All spoiled copies of the operation `name` of which the vendor's description can tell.
pub fn mutants(contract: &Contract, integration: &Integration, name: &str) -> Vec<Mutant> {
    let mut spoiler = Spoiler { contract, integration, name, mutants: Vec::new() };
    let operation = &integration.operations[name];
    if operation.graphql.is_some() {
        spoiler.graphql(operation);
    } else {
        spoiler.rest(operation);
    }
    spoiler.fields(operation);
    spoiler.mutants
}

impl Spoiler<'_> {
    fn add(&mut self, fault: Fault, done: &str, spoil: impl FnOnce(&mut Operation)) {
        let mut integration = self.integration.clone();
        if let Some(operation) = integration.operations.get_mut(self.name) {
            spoil(operation);
        }
        self.mutants.push(Mutant { fault, done: done.to_owned(), integration });
    }

    fn rest(&mut self, operation: &Operation) {
        let http = operation.http.clone().unwrap_or_default();
        let (method, path) = http.split_once(' ').unwrap_or(("GET", "/"));
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let query = query.map(|it| format!("?{it}")).unwrap_or_default();
        let longer = format!("{method} /zz/zz/zz{path}{query}");
        self.add(Fault::WrongPath, &longer, |it| it.http = Some(longer.clone()));
        if let Some(other) = METHODS.into_iter().find(|other| *other != method) {
            let changed = http.replacen(method, other, 1);
            // Where the vendor has another operation there, the entry's name of it tells.
            let named = operation.contract.clone().unwrap_or_else(|| http.replace("{+", "{"));
            self.add(Fault::WrongMethod, other, |it| {
                it.http = Some(changed);
                it.contract = Some(named);
            });
        }
        let mut header = param(ParamIn::Header, "zz-unknown");
        header.required = true;
        self.add(Fault::WrongHeader, "zz-unknown", |it| {
            it.input.insert("zz_unknown".to_owned(), header);
        });
        for key in operation.headers.keys().filter(|key| !key.eq_ignore_ascii_case("content-type"))
        {
            self.add(Fault::WrongHeader, &format!("{key} gone"), |it| {
                it.headers.remove(key);
            });
            self.add(Fault::WrongHeader, &format!("{key} of another value"), |it| {
                it.headers.insert(key.clone(), "zz".to_owned());
            });
        }
        self.media(operation);
        let mut integration = self.integration.clone();
        for server in &mut integration.servers {
            server.url = server.url.replacen("https://", "https://zz.", 1);
        }
        if integration.servers != self.integration.servers
            && integration.servers.iter().all(|it| it.url.starts_with("https://zz."))
        {
            let done = "https://zz.".to_owned();
            self.mutants.push(Mutant { fault: Fault::WrongServer, done, integration });
        }
        self.scopes(operation);
    }

    /// Only where the vendor's description lists scopes.
    fn scopes(&mut self, operation: &Operation) {
        if operation.scopes.is_empty() || !self.lists_scopes() {
            return;
        }
        self.add(Fault::WrongScope, "zz.scope", |it| {
            for groups in it.scopes.values_mut() {
                *groups = vec!["zz.scope".to_owned()];
            }
        });
    }

    fn lists_scopes(&self) -> bool {
        let schemes = self.contract.value["security_schemes"].as_object();
        schemes.is_some_and(|it| it.values().any(|scheme| scheme["type"] == "oauth2"))
    }

    fn media(&mut self, operation: &Operation) {
        let has_body = operation
            .input
            .values()
            .any(|it| matches!(it.place, ParamIn::Body | ParamIn::WholeBody | ParamIn::File));
        if !has_body {
            return;
        }
        let said = operation.headers.keys().find(|it| it.eq_ignore_ascii_case("content-type"));
        match (said.cloned(), operation.body) {
            (Some(key), _) => self.add(Fault::WrongMedia, "text/zz", |it| {
                it.headers.insert(key, "text/zz".to_owned());
            }),
            (None, BodyFormat::Json) => {
                self.add(Fault::WrongMedia, "form", |it| it.body = BodyFormat::Form);
            }
            (None, BodyFormat::Form | BodyFormat::Multipart) => {
                self.add(Fault::WrongMedia, "json", |it| it.body = BodyFormat::Json);
            }
            // Bytes have the type that the file says.
            (None, BodyFormat::Binary) => {}
        }
    }

    fn graphql(&mut self, operation: &Operation) {
        let Some(graphql) = operation.graphql.clone() else { return };
        let field = graphql.data.trim_start_matches('/').split('/').next().unwrap_or_default();
        let renamed = graphql.document.replacen(field, &format!("{field}Zz"), 1);
        self.add(Fault::WrongPath, field, |it| {
            if let Some(graphql) = &mut it.graphql {
                graphql.document = renamed;
            }
        });
        let (from, to) = match graphql.document.trim_start().starts_with("mutation") {
            true => ("mutation", "query"),
            false => ("query", "mutation"),
        };
        let other = graphql.document.replacen(from, to, 1);
        self.add(Fault::WrongMethod, to, |it| {
            if let Some(graphql) = &mut it.graphql {
                graphql.document = other;
            }
        });
        let asked = match graphql.document.rfind("id") {
            Some(at) => format!("{}zzUnknown {}", &graphql.document[..at], &graphql.document[at..]),
            None => graphql.document.replacen('{', "{ zzUnknown", 1),
        };
        self.add(Fault::UnknownField, "in the document", |it| {
            if let Some(graphql) = &mut it.graphql {
                graphql.document = asked;
            }
        });
    }

    /// Faults of single arguments.
    fn fields(&mut self, operation: &Operation) {
        let unknown = match operation.graphql {
            Some(_) => param(ParamIn::Variable, "zzUnknown"),
            None => param(ParamIn::Query, "zz_unknown"),
        };
        self.add(Fault::UnknownField, "a parameter", |it| {
            it.input.insert("zz_unknown".to_owned(), unknown);
        });
        for (name, param) in &operation.input {
            self.gone(operation, name, param);
            self.kind(name, param);
            self.value(name, param);
            self.member(name, param);
        }
    }

    /// Whether `rule` is broken once `name` is gone: then the vendor needs it.
    fn gone(&mut self, operation: &Operation, name: &str, param: &Param) {
        if param.place == ParamIn::Path {
            return;
        }
        let place = param.name.as_deref().unwrap_or(name);
        if self.needs(operation, param, place) {
            self.add(Fault::RequiredGone, name, |it| {
                it.input.remove(name);
            });
        }
    }

    /// Whether the vendor's description says, in its own words, that it needs the argument.
    fn needs(&self, operation: &Operation, param: &Param, place: &str) -> bool {
        let last = place.rsplit('/').next().unwrap_or(place);
        match param.place {
            ParamIn::Path => false,
            ParamIn::Variable => self.needs_variable(operation, place),
            ParamIn::Query | ParamIn::Header => self.described(operation).iter().any(|theirs| {
                let params = theirs["parameters"].as_array().into_iter().flatten();
                params.clone().any(|it| {
                    let same = it["name"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(last));
                    same && it["required"] == true
                })
            }),
            ParamIn::Body | ParamIn::WholeBody | ParamIn::File => {
                // Only the top of the body: what is deeper depends on what stands above it.
                let top = place.trim_start_matches('/').split('/').next().unwrap_or_default();
                let described = self.described(operation);
                !described.is_empty()
                    && described.iter().all(|theirs| {
                        let content = theirs["request_body"]["content"].as_object();
                        let schemas = content.into_iter().flatten().map(|(_, it)| &it["schema"]);
                        let needs = |schema: &Value| {
                            let resolved = self.contract.resolve(schema);
                            let listed = resolved["required"].as_array().into_iter().flatten();
                            listed.filter_map(Value::as_str).any(|it| it == top)
                        };
                        let alone = operation.input.values().filter(|it| {
                            let name = it.name.as_deref().unwrap_or_default();
                            it.place == ParamIn::Body
                                && name.trim_start_matches('/').split('/').next() == Some(top)
                        });
                        let mut schemas = schemas;
                        schemas.any(needs)
                            && (place.matches('/').count() == 0 || alone.count() == 1)
                    })
            }
        }
    }

    /// Whether the vendor's schema needs what is at `place`, of which nothing else is a part.
    fn needs_variable(&self, operation: &Operation, place: &str) -> bool {
        let (Some(graphql), Some(schema)) = (&operation.graphql, &self.contract.schema) else {
            return false;
        };
        let mut parts = place.trim_start_matches('/').split('/');
        let top = parts.next().unwrap_or_default();
        let declared = graphql.document.split_once(&format!("${top}:")).map(|(_, rest)| rest);
        let declared = declared.and_then(|rest| rest.split([',', ')']).next()).unwrap_or_default();
        match (parts.next(), parts.next()) {
            (None, _) => declared.trim().ends_with('!'),
            (Some(member), None) => {
                let name = declared.trim_matches([' ', '!', '=', '{', '}']);
                let ty = schema.get_input_object(name);
                let field = ty.and_then(|it| it.fields.get(member));
                field.is_some_and(|it| it.ty.is_non_null() && it.default_value.is_none())
            }
            (Some(_), Some(_)) => false,
        }
    }

    /// The vendor's descriptions that the entry names.
    fn described(&self, operation: &Operation) -> Vec<&Value> {
        super::target::find(self.contract, self.integration, operation)
            .map(|targets| targets.into_iter().map(|it| it.theirs).collect())
            .unwrap_or_default()
    }

    fn kind(&mut self, name: &str, param: &Param) {
        let Some(kind) = param.schema.get("type").and_then(Value::as_str) else { return };
        if param.fixed.is_some() || param.place == ParamIn::File {
            return;
        }
        let other = match kind {
            "object" | "array" => json!("boolean"),
            _ => json!("object"),
        };
        let done = format!("{name}: {other} for {kind}");
        self.add(Fault::WrongType, &done, |it| {
            if let Some(param) = it.input.get_mut(name) {
                param.schema.retain(|key, _| key == "description");
                param.schema.insert("type".to_owned(), other.clone());
                if other == "object" {
                    let members = json!({"zzUnknown": {"type": "string"}});
                    param.schema.insert("properties".to_owned(), members);
                }
            }
        });
    }

    fn value(&mut self, name: &str, param: &Param) {
        if !param.schema.contains_key("enum") || !self.lists_values(name) {
            return;
        }
        self.add(Fault::WrongValue, name, |it| {
            let values = it.input.get_mut(name).and_then(|it| it.schema.get_mut("enum"));
            if let Some(Value::Array(values)) = values {
                values.push(json!("zz_unknown"));
            }
        });
    }

    /// Whether the vendor's description lists the values, too.
    fn lists_values(&self, name: &str) -> bool {
        let mut open = self.integration.clone();
        let operation = open.operations.get_mut(self.name);
        let Some(param) = operation.and_then(|it| it.input.get_mut(name)) else { return false };
        param.schema.remove("enum");
        check(self.contract, &open, self.name).iter().any(|it| it.rule == Rule::Enum)
    }

    /// A member that the vendor does not know, within an argument that lists its members.
    fn member(&mut self, name: &str, param: &Param) {
        let lists = |schema: &Value| {
            let members = schema["properties"].as_object();
            members.is_some_and(|it| !it.is_empty())
        };
        let whole = Value::Object(param.schema.clone().into_iter().collect());
        let at = match (lists(&whole), lists(&whole["items"])) {
            (true, _) => "properties",
            (_, true) => "items",
            _ => return,
        };
        self.add(Fault::UnknownField, &format!("in {name}"), |it| {
            let Some(param) = it.input.get_mut(name) else { return };
            let Some(schema) = param.schema.get_mut(at) else { return };
            let members = if at == "items" { &mut schema["properties"] } else { schema };
            members["zzUnknown"] = json!({"type": "string"});
        });
    }
}

fn param(place: ParamIn, name: &str) -> Param {
    serde_json::from_value(json!({
        "in": place,
        "name": name,
        "type": "string",
        "description": "Nothing that the vendor knows."
    }))
    .unwrap()
}

/// Whether the fault is found: the spoiled entry has a complaint that the sound one has not.
pub fn is_found(
    contract: &Contract,
    integration: &Integration,
    name: &str,
    mutant: &Mutant,
) -> bool {
    let before = check(contract, integration, name);
    let after = check(contract, &mutant.integration, name);
    after.iter().any(|finding| !before.contains(finding))
}
