//! From the text of a catalogue file to an integration.

#[cfg(test)]
pub(crate) mod tests;

use crate::integration::Integration;
use crate::lint;
use crate::problem::Problem;

/// Version of the file's shape.
pub const SCHEMA: u32 = 1;

/// The JSON Schema of a catalogue file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Integration>()
        .to_value()
}

/// Reads one file of the catalogue, without judging what it says. `file` is its name for messages.
///
/// Only `true` and `false` are booleans: `no` and `on` stay text.
///
/// # Errors
///
/// Text that is not YAML or not of this shape, with the place.
pub fn parse(file: &str, text: &str) -> Result<Integration, Problem> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Problem::from_yaml(file, text, &error))
}

/// Reads and judges one file of the catalogue. `file` is its name, `<slug>.yaml`.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the file.
pub fn load(file: &str, text: &str) -> Result<Integration, Vec<Problem>> {
    let integration = parse(file, text).map_err(|problem| vec![problem])?;
    let problems = lint::check(file, text, &integration);
    if problems.is_empty() { Ok(integration) } else { Err(problems) }
}
