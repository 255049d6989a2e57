//! `${VARIABLE}` in settings: filled in here and nowhere else, and masked in what is logged.

use std::fmt;
use std::sync::Arc;

use crate::error::McpError;

/// A value shorter than this is no secret, and masking it would garble the text.
const SHORTEST: usize = 4;

/// Where the values of variables come from.
#[derive(Clone)]
pub struct Variables(Arc<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Variables {
    /// Values that `read` knows.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The environment of this process.
    pub fn process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// `text` with each `${VARIABLE}` replaced; what was put in is added to `secrets`.
    pub(crate) fn fill(&self, text: &str, secrets: &mut Secrets) -> Result<String, McpError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, hole)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = hole.split_once('}') else {
                return Err(McpError::Settings(format!(
                    "`{text}` has a `${{` without a `}}`\nhint: a variable is written `${{NAME}}`"
                )));
            };
            let value = self.get(name).ok_or_else(|| {
                McpError::Settings(format!(
                    "the variable `{name}` is not set\nhint: set it in the worker's environment"
                ))
            })?;
            secrets.add(name, &value);
            filled.push_str(&value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// Values that must not be seen in logs and errors.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if value.len() >= SHORTEST && !self.0.iter().any(|(known, _)| known == value) {
            self.0.push((value.to_owned(), format!("[{name}]")));
            // A secret that holds another one is masked first.
            self.0.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        }
    }

    /// `text` with `[NAME]` in place of each value.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (value, name)| text.replace(value, name))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, name)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    //! Holes, and what must not be seen.

    use super::{Secrets, Variables};

    fn variables() -> Variables {
        Variables::new(|name| (name == "TOKEN").then(|| "canary-value".to_owned()))
    }

    #[test]
    fn fills_and_masks() {
        let mut secrets = Secrets::default();
        let filled = variables().fill("Bearer ${TOKEN}!", &mut secrets).unwrap();
        assert_eq!(filled, "Bearer canary-value!");
        assert_eq!(
            secrets.mask("said canary-value twice: canary-value"),
            "said [TOKEN] twice: [TOKEN]"
        );
        assert!(!format!("{secrets:?}").contains("canary"));
    }

    #[test]
    fn says_what_is_missing() {
        let mut secrets = Secrets::default();
        let missing = variables().fill("${OTHER}", &mut secrets).unwrap_err().to_string();
        assert!(missing.contains("`OTHER` is not set"), "{missing}");
        let open = variables().fill("${TOKEN", &mut secrets).unwrap_err().to_string();
        assert!(open.contains("without a `}`"), "{open}");
        assert!(!open.contains("canary"), "{open}");
    }
}
