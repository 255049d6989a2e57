//! A draft of a catalogue file from an OpenAPI description (2.0, 3.0, 3.1), for a person to review.

mod auth;
mod inputs;
mod names;
mod schema;
#[cfg(test)]
mod tests;
mod yaml;

use serde_json::{Map, Value, json};

use self::schema::Resolver;
use self::yaml::Reviewed;

const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];
/// Most characters of a description that come along.
const MOST_WORDS: usize = 400;

/// What is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The slug; from the title if left out.
    pub slug: Option<String>,
    /// Only operations of which the id, `METHOD /path` or a tag has one of these in it; all if
    /// empty.
    pub only: Vec<String>,
}

/// A draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The slug.
    pub slug: String,
    /// The file's text. Each line with `# review` holds a guess.
    pub yaml: String,
    /// How many operations it has.
    pub operations: usize,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// No draft could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(String);

/// A description on its way.
struct Import<'a> {
    document: &'a Value,
    /// Whether it is OpenAPI 2.0.
    is_old: bool,
    resolver: Resolver<'a>,
    notes: Vec<String>,
}

/// Drafts a catalogue file from the text of a description, JSON or YAML.
///
/// # Errors
///
/// Text that is neither, a version that is none of these, a description without operations.
pub fn import(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    let document = read(text)?;
    let version = ["swagger", "openapi"].iter().find_map(|key| document.get(*key)?.as_str());
    let is_old = match version {
        Some(version) if version.starts_with('2') => true,
        Some(version) if version.starts_with("3.") => false,
        Some(version) => {
            return Err(ImportError(format!("OpenAPI {version} is not known: 2.0, 3.0, 3.1 are")));
        }
        None => return Err(ImportError("this is no OpenAPI description".to_owned())),
    };
    let resolver = Resolver::new(&document);
    let mut import = Import { document: &document, is_old, resolver, notes: Vec::new() };
    let title = text_at(&document, "/info/title").unwrap_or("Imported").trim().to_owned();
    let slug = options.slug.clone().unwrap_or_else(|| names::slug(&title));
    let (server, config) = import.server();
    let auth = import.auth();
    let operations = import.operations(options);
    if operations.is_empty() {
        return Err(ImportError("the description has no operation that was asked for".to_owned()));
    }
    let count = operations.len();
    let homepage = import.homepage(&server);
    let mut file = Map::new();
    file.insert("schema".to_owned(), json!(crate::load::SCHEMA));
    file.insert("slug".to_owned(), json!(slug));
    file.insert("name".to_owned(), json!(title));
    file.insert("category".to_owned(), Reviewed::guess(json!("imported")));
    file.insert("homepage".to_owned(), json!(homepage));
    let api_version = text_at(&document, "/info/version").unwrap_or("unknown");
    let evidence = json!({ "tier": 3, "api_version": api_version, "docs": homepage });
    file.insert("evidence".to_owned(), evidence);
    file.insert("servers".to_owned(), json!([server]));
    if !config.is_empty() {
        file.insert("config".to_owned(), Value::Object(config));
    }
    file.insert("auth".to_owned(), auth);
    file.insert("operations".to_owned(), Value::Object(operations));
    let head = "# Drafted from an OpenAPI description. Look at each line with `# review`, and say\n\
                # titles and descriptions in words of your own, before you use it.\n";
    let yaml = format!("{head}{}", yaml::write(&Value::Object(file)));
    Ok(Imported { slug, yaml, operations: count, notes: import.notes })
}

fn read(text: &str) -> Result<Value, ImportError> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| ImportError(error.to_string()));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true, with_snippet: false, budget: None
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ImportError(error.without_snippet().render()))
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty())
}

/// One line, not too long.
fn line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

impl Import<'_> {
    /// The first server, with a field for each of its variables.
    fn server(&mut self) -> (Value, Map<String, Value>) {
        let mut config = Map::new();
        let url = if self.is_old {
            let host = text_at(self.document, "/host").unwrap_or("example.com");
            let path = text_at(self.document, "/basePath").unwrap_or_default();
            format!("https://{host}{}", path.trim_end_matches('/'))
        } else {
            let server = self.document.pointer("/servers/0");
            let url = server.and_then(|it| text_at(it, "/url")).unwrap_or("/");
            let variables = server.and_then(|it| it.get("variables")?.as_object());
            let mut url = match url.starts_with('/') {
                true => format!("https://example.com{}", url.trim_end_matches('/')),
                false => url.replacen("http://", "https://", 1).trim_end_matches('/').to_owned(),
            };
            for (name, variable) in variables.into_iter().flatten() {
                let field = names::snake(name);
                url = url.replace(&format!("{{{name}}}"), &format!("${{config.{field}}}"));
                let mut entry = json!({ "pattern": "[A-Za-z0-9.-]+" });
                if let (Some(default), Some(entry)) =
                    (variable.get("default").and_then(Value::as_str), entry.as_object_mut())
                {
                    entry.insert("default".to_owned(), json!(default));
                }
                config.insert(field, entry);
            }
            url
        };
        let is_unknown = url.starts_with("https://example.com");
        if is_unknown {
            self.notes.push("the description does not say where the API is".to_owned());
        }
        let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let mut server = Map::new();
        let open = host.contains("${");
        let hosts = open.then(|| {
            // The hole's label may be any; the rest of the host is as it is.
            let end = host.rsplit_once('}').map(|(_, end)| end).unwrap_or_default();
            match end.strip_prefix('.') {
                Some(parent) if !parent.is_empty() => format!("*.{parent}"),
                Some(_) | None => "*".to_owned(),
            }
        });
        let url = if is_unknown { Reviewed::guess(json!(url)) } else { json!(url) };
        server.insert("url".to_owned(), url);
        if let Some(hosts) = hosts {
            server.insert("hosts".to_owned(), Reviewed::guess(json!([hosts])));
        }
        (Value::Object(server), config)
    }

    fn homepage(&self, server: &Value) -> String {
        let places = ["/externalDocs/url", "/info/contact/url", "/info/termsOfService"];
        let page = places.iter().find_map(|at| text_at(self.document, at));
        let page = page.filter(|url| url.starts_with("https://")).map(str::to_owned);
        page.unwrap_or_else(|| {
            let url = server.get("url").map(Reviewed::plain).unwrap_or_default();
            let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
            let host = if host.contains('$') { "example.com" } else { host };
            format!("https://{host}")
        })
    }

    fn operations(&mut self, options: &ImportOptions) -> Map<String, Value> {
        let mut operations = Map::new();
        let mut titles = std::collections::BTreeSet::new();
        let document = self.document;
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            let item = self.resolver.resolve(item).clone();
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let verb = method.to_ascii_uppercase();
                let id = text_at(operation, "/operationId");
                let contract = format!("{verb} {path}");
                let tags = operation.get("tags").and_then(Value::as_array);
                let is_wanted = options.only.is_empty()
                    || options.only.iter().any(|only| {
                        let tagged = |tag: &Value| tag.as_str() == Some(only);
                        id.is_some_and(|id| id.contains(only.as_str()))
                            || contract.contains(only.as_str())
                            || tags.is_some_and(|tags| tags.iter().any(tagged))
                    });
                if !is_wanted {
                    continue;
                }
                if operation.get("deprecated") == Some(&Value::Bool(true)) {
                    self.notes.push(format!("`{contract}` is deprecated and left out"));
                    continue;
                }
                let name = names::operation(method, path, &operations);
                let mut entry = self.operation(&name, method, path, &item, operation);
                // Two of the same title cannot be told apart.
                let title = Reviewed::plain(entry.get("title").unwrap_or(&Value::Null));
                if !titles.insert(title.to_lowercase()) {
                    let told = format!("{title} ({name})");
                    titles.insert(told.to_lowercase());
                    entry.insert("title".to_owned(), Reviewed::guess(json!(told)));
                }
                operations.insert(name, Value::Object(entry));
            }
        }
        operations
    }

    fn operation(
        &mut self,
        name: &str,
        method: &str,
        path: &str,
        item: &Value,
        operation: &Value,
    ) -> Map<String, Value> {
        let mut entry = Map::new();
        let summary = text_at(operation, "/summary").map(line);
        let description = text_at(operation, "/description").map(line);
        let spoken = names::title(name);
        let title = summary.clone().unwrap_or_else(|| spoken.clone());
        let title: String = title.trim_end_matches('.').chars().take(80).collect();
        let words = description.or(summary).unwrap_or_else(|| format!("{spoken}."));
        let words = if words.len() < 10 { format!("{words}: {method} {path}.") } else { words };
        entry.insert("title".to_owned(), Reviewed::guess(json!(title)));
        entry.insert("description".to_owned(), Reviewed::guess(json!(words)));
        entry.insert("http".to_owned(), json!(format!("{} {path}", method.to_ascii_uppercase())));
        if let Some(effect) = names::effect(method, name) {
            entry.insert("effect".to_owned(), Reviewed::guess(json!(effect)));
        }
        let (input, body) = self.inputs(name, method, path, item, operation);
        if !input.is_empty() {
            entry.insert("input".to_owned(), Value::Object(input));
        }
        if let Some(body) = body {
            entry.insert("body".to_owned(), json!(body));
        }
        let success = operation.get("responses").and_then(|all| {
            ["200", "201", "202", "default"].iter().find_map(|status| all.get(*status))
        });
        let success = success.map(|it| self.resolver.resolve(it));
        let media = success.and_then(|it| it.get("content")?.as_object());
        let is = |wanted: &str| media.is_some_and(|it| it.keys().any(|key| key.contains(wanted)));
        if media.is_some_and(|it| !it.is_empty()) && !is("json") {
            let format = if is("xml") { "xml" } else { "binary" };
            entry.insert("output".to_owned(), Reviewed::guess(json!({ "format": format })));
        }
        entry
    }
}
