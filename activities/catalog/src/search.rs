//! Finding an operation by words: BM25 over names, vendors, synonyms, descriptions and arguments.

mod index;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

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
/// What it counts that a query names the vendor: more than a word or two.
const NAMED: f32 = 9.0;
/// What each further word of its name counts.
const FURTHER: f32 = 3.0;

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
    vendors: Vec<Vendor>,
}

/// What people call a vendor: each name as its words.
#[derive(Debug)]
struct Vendor {
    names: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Known {
    vendor: usize,
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
        let mut search = Self { index: Index::default(), known: Vec::new(), vendors: Vec::new() };
        for integration in catalog.integrations() {
            let names = [&integration.name, &integration.slug];
            let names = names.into_iter().chain(&integration.synonyms);
            let names = names.map(|name| words::of_text(name)).filter(|name| !name.is_empty());
            let mut names: Vec<Vec<String>> = names.collect();
            // A part of the name will do, if it is no word for what the vendor has: `S3`.
            let own: BTreeSet<String> =
                integration.operations.keys().flat_map(|name| words::of_text(name)).collect();
            let parts = words::of_text(&format!("{} {}", integration.name, integration.slug));
            names.extend(parts.into_iter().filter(|it| !own.contains(it)).map(|it| vec![it]));
            search.vendors.push(Vendor { names });
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
            .scores(query)
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

    /// Each operation that has a word of `query` or whose vendor it names. The words of a vendor's
    /// name say nothing more about its operations: `Google Calendar` asks for no calendar.
    fn scores(&self, query: &str) -> BTreeMap<usize, f32> {
        let groups = words::of_query(query);
        let asked: BTreeSet<&String> =
            groups.iter().filter_map(|group| Some(&group.first()?.0)).collect();
        let named: Vec<BTreeSet<&String>> = self
            .vendors
            .iter()
            .map(|vendor| {
                let whole = vendor.names.iter().filter(|it| it.iter().all(|it| asked.contains(it)));
                whole.flatten().collect()
            })
            .collect();
        let mut scores: BTreeMap<usize, f32> = BTreeMap::new();
        for (document, known) in self.known.iter().enumerate() {
            // Of two that share a word of their names, the one that is named whole comes first.
            let words = named.get(known.vendor).map_or(0, BTreeSet::len);
            if words > 0 {
                let further = u8::try_from(words - 1).unwrap_or(u8::MAX);
                scores.insert(document, NAMED + FURTHER * f32::from(further));
            }
        }
        for group in &groups {
            let Some((word, _)) = group.first() else { continue };
            for (document, score) in self.index.score(group) {
                let vendor = self.known.get(document).map(|known| known.vendor);
                let is_name =
                    vendor.and_then(|it| named.get(it)).is_some_and(|words| words.contains(word));
                if !is_name {
                    *scores.entry(document).or_default() += score;
                }
            }
        }
        scores
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
            vendor: self.vendors.len().saturating_sub(1),
            slug: integration.slug.clone(),
            name: format!("{}.{name}", integration.slug),
            title: format!("{}: {}", integration.name, operation.title),
            effect: operation.effect(),
        });
    }
}
