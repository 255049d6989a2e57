//! What a vendor's own description says of requests.

use std::io::Read;
use std::path::{Path, PathBuf};

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use flate2::read::GzDecoder;
use serde_json::Value;

/// The variable that says where contracts are.
pub const FOLDER: &str = "LONGHAUL_VENDOR_SPECS";

/// A vendor's description, normalised: see the README of the folder.
#[derive(Debug)]
pub struct Contract {
    /// All of it.
    pub value: Value,
    /// Its GraphQL schema, if it is one.
    pub schema: Option<Valid<Schema>>,
}

/// Where contracts are: `LONGHAUL_VENDOR_SPECS`, or `shared/vendor-specs` beside the checkout.
///
/// # Panics
///
/// If there is no such folder.
pub fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vendor-specs");
    let folder = std::env::var_os(FOLDER).map_or_else(beside, PathBuf::from);
    assert!(
        folder.join("index.tsv").is_file(),
        "no vendor contracts at {}: set {FOLDER} to the folder that has them",
        folder.display()
    );
    folder
}

impl Contract {
    /// The contract `<slug>.json.gz`, with further definitions for its GraphQL schema.
    ///
    /// # Panics
    ///
    /// If it is missing or not a contract.
    pub fn load(folder: &Path, slug: &str, more: &str) -> Self {
        let path = folder.join(format!("{slug}.json.gz"));
        let packed = std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}", path.display());
        });
        let mut text = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        Self::new(serde_json::from_str(&text).unwrap(), more)
    }

    /// A contract of this value.
    ///
    /// # Panics
    ///
    /// If its GraphQL schema is wrong.
    pub fn new(value: Value, more: &str) -> Self {
        let schema = value["schema_sdl"].as_str().map(|inputs| {
            let outputs = value["output_sdl"].as_str().unwrap_or_default();
            // Part of the language since 2025, and not built into the parser.
            let one_of = "directive @oneOf on INPUT_OBJECT";
            let one_of = if inputs.contains("@oneOf") { one_of } else { "" };
            let whole = format!("{inputs}\n{outputs}\n{one_of}\n{more}");
            Schema::parse_and_validate(whole, "schema.graphql")
                .unwrap_or_else(|error| panic!("the contract's schema is wrong: {}", error.errors))
        });
        Self { value, schema }
    }

    /// Its operations.
    pub fn operations(&self) -> &[Value] {
        self.value["operations"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// What `schema` stands for, if it refers to another.
    pub fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // A description may refer in a circle.
        for _ in 0..32 {
            let Some(name) = schema["$ref"].as_str() else { return schema };
            let name = name.strip_prefix("#/schemas/").unwrap_or(name);
            schema = &self.value["schemas"][name];
        }
        schema
    }

    /// The addresses of an operation: its own, or the contract's.
    pub fn servers(&self, operation: &Value) -> Vec<String> {
        let own = operation["servers"].as_array().or(self.value["servers"].as_array());
        let text = |server: &Value| server.as_str().map(str::to_owned);
        own.into_iter().flatten().filter_map(text).collect()
    }
}
