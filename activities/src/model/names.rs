//! Tool names on the wire: providers allow letters, digits, `_` and `-`, at most 64.

use longhaul_contract::digest::Digest;
use longhaul_contract::tool::ToolSpec;

/// Most characters of a name on the wire.
const MOST: usize = 64;

/// The name of the tool `name` on the wire: `files.write` is `files__write`.
///
/// A name that this rule cannot carry back (too long, other characters, underscores beside a
/// dot) becomes a readable beginning and a hash. The same name is the same on every wire.
pub fn wire(name: &str) -> String {
    let plain = name.bytes().all(|b| is_wire(b) || b == b'.')
        && !["__", "_.", "._", ".."].iter().any(|pair| name.contains(pair))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.is_empty();
    let mapped = name.replace('.', "__");
    if plain && mapped.len() <= MOST {
        return mapped;
    }
    let digest = Digest::of(name);
    let beginning: String = name
        .chars()
        .map(|c| if u8::try_from(c).is_ok_and(is_wire) { c } else { '_' })
        .take(MOST - digest.short().len() - 3)
        .collect();
    // Three underscores never come out of the plain rule, so the two kinds cannot meet.
    format!("{beginning}___{}", digest.short())
}

/// The tool that `name` means, which is a name on the wire or, from a model that reads its
/// instructions closely, the dotted name itself.
pub fn tool<'a>(tools: &'a [ToolSpec], name: &str) -> Option<&'a ToolSpec> {
    tools
        .iter()
        .find(|tool| wire(&tool.name) == name)
        .or_else(|| tools.iter().find(|tool| tool.name == name))
}

fn is_wire(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests;
