//! Arguments from the parameters and the body of a description.

use serde_json::{Map, Value, json};

use super::Import;
use super::names;

/// Arguments, and how the body is written.
type Inputs = (Map<String, Value>, Option<&'static str>);

impl Import<'_> {
    pub(super) fn inputs(
        &mut self,
        name: &str,
        method: &str,
        path: &str,
        item: &Value,
        operation: &Value,
    ) -> Inputs {
        let mut input = Map::new();
        let mut body = None;
        let mut parameters: Vec<Value> = Vec::new();
        // What an operation says goes before what its path says.
        for list in [operation, item] {
            let list = list.get("parameters").and_then(Value::as_array);
            for parameter in list.into_iter().flatten() {
                let parameter = self.resolver.resolve(parameter).clone();
                let same = |known: &Value| {
                    known.get("name") == parameter.get("name")
                        && known.get("in") == parameter.get("in")
                };
                if !parameters.iter().any(same) {
                    parameters.push(parameter);
                }
            }
        }
        for parameter in &parameters {
            let vendor = super::text_at(parameter, "/name").unwrap_or("body");
            let is_required = parameter.get("required") == Some(&Value::Bool(true));
            let place = parameter.get("in").and_then(Value::as_str).unwrap_or("query");
            match place {
                "path" if path.contains(&format!("{{{vendor}}}")) => {
                    self.put(&mut input, "path", vendor, true, parameter);
                }
                "query" => self.put(&mut input, "query", vendor, is_required, parameter),
                "header" if !is_usual(vendor) => {
                    self.put(&mut input, "header", vendor, is_required, parameter);
                }
                "formData" => {
                    let file = parameter.get("type").and_then(Value::as_str) == Some("file");
                    let consumes = operation.get("consumes").or(self.document.get("consumes"));
                    let multipart = consumes.is_some_and(|it| it.to_string().contains("multipart"));
                    body =
                        Some(if file || multipart { "multipart" } else { body.unwrap_or("form") });
                    let place = if file { "file" } else { "body" };
                    self.put(&mut input, place, vendor, is_required, parameter);
                }
                "body" => {
                    let schema = parameter.get("schema").cloned().unwrap_or_default();
                    self.members(&mut input, &schema, is_required);
                }
                "path" | "header" => {}
                other => {
                    let note = format!("`{name}`: `{vendor}` in `{other}` is left out");
                    self.notes.push(note);
                }
            }
        }
        let request = operation.get("requestBody").map(|it| self.resolver.resolve(it).clone());
        if let Some(request) = request.filter(|_| !matches!(method, "get" | "head")) {
            body = self.body(name, &mut input, &request).or(body);
        }
        // A hole that no parameter names still wants a value.
        let holes = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0));
        for hole in holes {
            let is_known = |(ours, it): (&String, &Value)| {
                let vendor = it.get("name").and_then(Value::as_str).unwrap_or(ours);
                it.get("in") == Some(&json!("path")) && vendor == hole
            };
            if !input.iter().any(is_known) {
                self.put(&mut input, "path", hole, true, &json!({ "type": "string" }));
            }
        }
        (input, body)
    }

    fn body(
        &mut self,
        name: &str,
        input: &mut Map<String, Value>,
        request: &Value,
    ) -> Option<&'static str> {
        let is_required = request.get("required") == Some(&Value::Bool(true));
        let content = request.get("content").and_then(Value::as_object)?;
        let of = |wanted: &str| {
            content
                .iter()
                .find(|(media, _)| media.contains(wanted))
                .map(|(_, it)| it.get("schema").cloned().unwrap_or_default())
        };
        if let Some(schema) = of("json") {
            self.members(input, &schema, is_required);
            return None;
        }
        if let Some(schema) = of("x-www-form-urlencoded") {
            self.members(input, &schema, is_required);
            return Some("form");
        }
        if let Some(schema) = of("multipart") {
            self.members(input, &schema, is_required);
            return Some("multipart");
        }
        let (media, _) = content.iter().next()?;
        self.notes.push(format!("`{name}`: the body is `{media}`, sent as a file"));
        let file = json!({ "description": format!("The contents, {media}.") });
        self.put(input, "file", "content", is_required, &file);
        Some("binary")
    }

    /// The members of a body, each as an argument; the whole of it if it is no object.
    fn members(&mut self, input: &mut Map<String, Value>, schema: &Value, is_required: bool) {
        let flat = self.resolver.schema(schema);
        let required = self.required(schema);
        let Some(Value::Object(properties)) = flat.get("properties") else {
            let mut whole = flat;
            whole.entry("type").or_insert(json!("object"));
            self.put(input, "whole_body", "body", is_required, &Value::Object(whole));
            return;
        };
        for (member, schema) in properties {
            let is_file = schema.get("format") == Some(&json!("binary"));
            let place = if is_file { "file" } else { "body" };
            let is_required = is_required && required.contains(member);
            self.put(input, place, member, is_required, schema);
        }
    }

    fn required(&self, schema: &Value) -> Vec<String> {
        let schema = self.resolver.resolve(schema);
        let own = schema.get("required").and_then(Value::as_array);
        let mut names: Vec<String> =
            own.into_iter().flatten().filter_map(|it| Some(it.as_str()?.to_owned())).collect();
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            names.extend(self.required(part));
        }
        names
    }

    fn put(
        &self,
        input: &mut Map<String, Value>,
        place: &str,
        vendor: &str,
        is_required: bool,
        parameter: &Value,
    ) {
        let mut ours = names::snake(vendor);
        if ours.is_empty() {
            "value".clone_into(&mut ours);
        }
        while input.contains_key(&ours) {
            ours.push_str("_in_");
            ours.push_str(place);
        }
        let mut entry = Map::new();
        entry.insert("in".to_owned(), json!(place));
        if ours != vendor {
            let is_pointer = matches!(place, "body") && vendor.contains(['/', '~']);
            let escaped = vendor.replace('~', "~0").replace('/', "~1");
            let name = if is_pointer { format!("/{escaped}") } else { vendor.to_owned() };
            entry.insert("name".to_owned(), json!(name));
        }
        if is_required {
            entry.insert("required".to_owned(), json!(true));
        }
        // OpenAPI 3 has a schema beside the description, 2.0 has both in one.
        let own =
            parameter.get("schema").or(parameter.pointer("/content/application~1json/schema"));
        let mut schema = self.resolver.schema(own.unwrap_or(parameter));
        if let Some(text) = parameter.get("description").and_then(Value::as_str) {
            schema.insert("description".to_owned(), json!(super::line(text)));
        }
        schema.remove("required");
        if place == "file" {
            schema.retain(|word, _| word == "description");
        } else {
            let typed = ["type", "enum", "anyOf", "const"];
            if !typed.iter().any(|word| schema.contains_key(*word)) {
                schema.insert("type".to_owned(), json!("string"));
            }
        }
        entry.extend(schema);
        input.insert(ours, Value::Object(entry));
    }
}

/// Headers that the engine sets by itself.
fn is_usual(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    matches!(header.as_str(), "accept" | "content-type" | "authorization" | "user-agent")
        || header.contains("idempotency-key")
}
