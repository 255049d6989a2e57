//! Texts with holes: `{parameter}` and `${VARIABLE}`.

/// A part of a text with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it stands.
    Text(String),
    /// `{name}`: a parameter of the tool.
    Parameter(String),
    /// `${NAME}`: a variable of the worker's environment.
    Variable(String),
}

/// Reads `text`.
pub(crate) fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        if brace.starts_with('}') {
            return Err(format!("`{text}` has a `}}` without a `{{`"));
        }
        let (name, after) = brace
            .get(1..)
            .and_then(|inner| inner.split_once('}'))
            .ok_or_else(|| format!("`{text}` has a `{{` without a `}}`"))?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(fits) {
            return Err(format!(
                "`{{{name}}}` in `{text}` is not a hole\nhint: write `{{parameter}}` or `${{VARIABLE}}`, of letters, digits, `_`, `-` and `.`"
            ));
        }
        let (before, part) = match before.strip_suffix('$') {
            Some(before) => (before, Part::Variable(name.to_owned())),
            None => (before, Part::Parameter(name.to_owned())),
        };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}
