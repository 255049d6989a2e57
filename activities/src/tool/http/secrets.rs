//! The secrets of one request, kept out of everything that goes back.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A value shorter than this is no secret, and replacing it would garble the text.
const SHORTEST: usize = 4;

/// The variables that a request was filled with.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Each written form of a value and what takes its place, longest first.
    forms: Vec<(String, String)>,
}

impl Secrets {
    /// Keeps `value` of the variable `name` out of what is redacted from now on.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let quoted = serde_json::Value::from(value).to_string();
        let quoted = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
        let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        for form in [value.to_owned(), quoted, encoded] {
            if form.len() >= SHORTEST && !self.forms.iter().any(|(known, _)| *known == form) {
                self.forms.push((form, format!("[{name}]")));
            }
        }
        self.forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// `text` with `[NAME]` in place of each secret.
    pub(crate) fn redact(&self, text: String) -> String {
        let redact = |text: String, (form, name): &(String, String)| {
            if text.contains(form) { text.replace(form, name) } else { text }
        };
        self.forms.iter().fold(text, redact)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.forms.iter().map(|(_, name)| name);
        f.debug_list().entries(names).finish()
    }
}
