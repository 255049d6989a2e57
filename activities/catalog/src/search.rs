//! Finding an operation by words: BM25 over names, vendors, synonyms, descriptions and arguments.

mod index;
#[cfg(test)]
mod tests;
mod words;

use longhaul_contract::tool::Effect;
use serde::{Deserialize, Serialize};

use self::index::Index;
use crate::catalog::Catalog;
use crate::integration::Integration;
use crate::operation::Operation;

/// What a match in each part counts.
const VENDOR: f32 = 3.0;
const NAME: f32 = 3.0;
const TITLE: f32 = 2.5;
const SYNONYM: f32 = 2.0;
const DESCRIPTION: f32 = 1.0;
const ARGUMENT: f32 = 0.4;
const CATEGORY: f32 = 0.5;

/// Which operations are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of these integrations; of all if empty.
    pub integrations: Vec<String>,
    /// Only with these effects; all if empty.
    pub effects: Vec<Effect>,
    /// Only these, by pattern: `slug.operation`, `slug.*` or `*`; all if empty.
    pub allow: Vec<String>,
}

/// An operation that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// `slug.operation`.
    pub name: String,
    /// The vendor, and what it does in a few words.
    pub title: String,
    /// What it does to the world.
    pub effect: Effect,
    /// How well it fits; only the order means anything.
    pub score: f32,
}

/// An index over a catalogue, made once.
#[derive(Debug)]
pub struct Search {
    index: Index,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    slug: String,
    name: String,
    title: String,
    effect: Effect,
}

impl Filter {
    fn takes(&self, known: &Known) -> bool {
        let of = |list: &[String], it: &String| list.is_empty() || list.contains(it);
        let allowed = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => known.name.starts_with(prefix),
            None => *pattern == known.name,
        };
        of(&self.integrations, &known.slug)
            && (self.effects.is_empty() || self.effects.contains(&known.effect))
            && (self.allow.is_empty() || self.allow.iter().any(allowed))
    }
}

impl Search {
    /// The index of everything in `catalog`.
    pub fn of(catalog: &Catalog) -> Self {
        let mut search = Self { index: Index::default(), known: Vec::new() };
        for integration in catalog.integrations() {
            for (name, operation) in &integration.operations {
                search.add(&integration, name, operation);
            }
        }
        search.index.finish();
        search
    }

    /// The `limit` operations that fit `query` best, the best first; the same each time. None that
    /// has no word of it.
    pub fn search(&self, query: &str, limit: usize, filter: &Filter) -> Vec<Found> {
        let mut scored: Vec<(f32, &Known)> = self
            .index
            .score(&words::of_query(query))
            .into_iter()
            .filter_map(|(document, score)| Some((score, self.known.get(document)?)))
            .filter(|(_, known)| filter.takes(known))
            .collect();
        scored.sort_by(|(left, a), (right, b)| right.total_cmp(left).then(a.name.cmp(&b.name)));
        scored.truncate(limit);
        let found = |(score, known): (f32, &Known)| Found {
            name: known.name.clone(),
            title: known.title.clone(),
            effect: known.effect,
            score,
        };
        scored.into_iter().map(found).collect()
    }

    fn add(&mut self, integration: &Integration, name: &str, operation: &Operation) {
        let mut document = Vec::new();
        let mut put = |text: &str, weight: f32| {
            document.extend(words::of_text(text).into_iter().map(|word| (word, weight)));
        };
        put(&integration.name, VENDOR);
        put(&integration.slug, VENDOR);
        for synonym in &integration.synonyms {
            put(synonym, SYNONYM);
        }
        put(&integration.category, CATEGORY);
        put(name, NAME);
        put(&operation.title, TITLE);
        for synonym in &operation.synonyms {
            put(synonym, SYNONYM);
        }
        put(&operation.description, DESCRIPTION);
        for (name, param) in operation.input.iter().filter(|(_, param)| param.fixed.is_none()) {
            put(name, ARGUMENT);
            if let Some(text) = param.schema.get("description").and_then(|it| it.as_str()) {
                put(text, ARGUMENT / 2.0);
            }
        }
        self.index.add(&document);
        self.known.push(Known {
            slug: integration.slug.clone(),
            name: format!("{}.{name}", integration.slug),
            title: format!("{}: {}", integration.name, operation.title),
            effect: operation.effect(),
        });
    }
}
