//! How YAML is read wherever people write it for Longhaul.

use serde::de::DeserializeOwned;

use super::{Problem, Source};

/// Reads a file of one shape.
///
/// Only `true` and `false` are booleans. The words of YAML 1.1 for them (`n`, `y`, `no`, `on`, …)
/// stay text: `required: [n]` names a parameter.
///
/// # Errors
///
/// Text that is not YAML, or not of this shape, with the place.
pub fn read<T: DeserializeOwned>(source: &Source<'_>) -> Result<T, Problem> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(source.text, options)
        .map_err(|error| Problem::from_yaml(source, &error))
}
