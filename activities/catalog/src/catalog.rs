//! The catalogue: every integration by its slug, those that are compiled in and those of a folder.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::{fmt, fs};

use crate::integration::Integration;
use crate::load::load;
use crate::problem::Problem;
use crate::tool::Tool;

/// Slugs and JSON of the files beside `src/`.
static BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Every integration by its slug. Those that are compiled in are read when they are first asked
/// for: a process that uses three of them pays for three.
#[derive(Clone, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Arc<Entry>>,
}

struct Entry {
    json: &'static str,
    read: OnceLock<Option<Arc<Integration>>>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Entry {
    fn get(&self) -> Option<Arc<Integration>> {
        self.read.get_or_init(|| self.parsed()).clone()
    }

    fn parsed(&self) -> Option<Arc<Integration>> {
        match serde_json::from_str::<Integration>(self.json) {
            Ok(integration) => Some(Arc::new(integration)),
            Err(error) => {
                tracing::error!(%error, "an entry of the catalogue cannot be read");
                None
            }
        }
    }
}

impl Catalog {
    /// What is compiled in.
    pub fn builtin() -> Self {
        Self::of_json(BUILTIN)
    }

    /// Entries as the build leaves them: slug and JSON.
    pub fn of_json(entries: &[(&str, &'static str)]) -> Self {
        let entry = |&(slug, json): &(&str, &'static str)| {
            (slug.to_owned(), Arc::new(Entry { json, read: OnceLock::new() }))
        };
        Self { entries: entries.iter().map(entry).collect() }
    }

    /// The same with `integration`, in place of one of its slug if there is one.
    #[must_use]
    pub fn with(mut self, integration: Integration) -> Self {
        let slug = integration.slug.clone();
        let read = OnceLock::from(Some(Arc::new(integration)));
        self.entries.insert(slug, Arc::new(Entry { json: "", read }));
        self
    }

    /// The same with each `*.yaml` of a folder, in place of those of the same slug.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files; a folder that cannot be read.
    pub fn with_folder(self, folder: &Path) -> Result<Self, Vec<Problem>> {
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let unreadable = |error| vec![Problem::whole(&name, format!("cannot be read: {error}"))];
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
        files.sort();
        let (mut catalog, mut problems) = (self, Vec::new());
        for path in files {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            match fs::read_to_string(&path) {
                Ok(text) => match load(&file, &text) {
                    Ok(integration) => catalog = catalog.with(integration),
                    Err(found) => problems.extend(found),
                },
                Err(error) => problems.push(Problem::whole(&file, error.to_string())),
            }
        }
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }

    /// The slugs, in order.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The integration of that slug.
    pub fn integration(&self, slug: &str) -> Option<Arc<Integration>> {
        self.entries.get(slug)?.get()
    }

    /// Every integration, in the order of the slugs. Those that nobody has asked for by name are
    /// read and not kept.
    pub fn integrations(&self) -> impl Iterator<Item = Arc<Integration>> {
        let known = |entry: &Arc<Entry>| entry.read.get().cloned();
        self.entries
            .values()
            .filter_map(move |entry| known(entry).unwrap_or_else(|| entry.parsed()))
    }

    /// The integration and the operation's name in it that `slug.operation` names.
    pub fn find<'a>(&self, name: &'a str) -> Option<(Arc<Integration>, &'a str)> {
        let (slug, operation) = name.split_once('.')?;
        let integration = self.integration(slug)?;
        integration.operations.contains_key(operation).then_some((integration, operation))
    }

    /// `slug.operation` as a model knows it.
    pub fn tool(&self, name: &str) -> Option<Tool> {
        let (integration, operation) = self.find(name)?;
        Tool::of(&integration, operation)
    }

    /// The name that somebody who wrote `name` may have meant.
    pub fn meant(&self, name: &str) -> Option<String> {
        let (slug, operation) = name.split_once('.').unwrap_or((name, ""));
        let slug = match self.entries.contains_key(slug) {
            true => slug,
            false => crate::arguments::closest(self.slugs(), slug)?,
        };
        let integration = self.integration(slug)?;
        let known = integration.operations.keys().map(String::as_str);
        Some(format!("{slug}.{}", crate::arguments::closest(known, operation)?))
    }
}
