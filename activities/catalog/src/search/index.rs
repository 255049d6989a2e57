//! BM25 with weighted parts: what a part counts goes into how often a word occurs.

use std::collections::{BTreeMap, HashMap};

/// How soon more of the same word counts no more.
const K1: f32 = 1.2;
/// How much a long text is held against it.
const B: f32 = 0.4;

/// Which documents have which words.
#[derive(Debug, Default)]
pub(super) struct Index {
    postings: HashMap<Box<str>, Vec<(u32, f32)>>,
    lengths: Vec<f32>,
    average: f32,
}

impl Index {
    /// Adds a document: its words and what each counts.
    pub(super) fn add(&mut self, words: &[(String, f32)]) {
        let document = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
        for (word, weight) in words {
            *counts.entry(word).or_default() += weight;
        }
        self.lengths.push(words.iter().map(|(_, weight)| weight).sum());
        for (word, count) in counts {
            self.postings.entry(word.into()).or_default().push((document, count));
        }
    }

    /// Says that all documents have been added.
    pub(super) fn finish(&mut self) {
        let sum: f32 = self.lengths.iter().sum();
        self.average = sum / float(self.lengths.len()).max(1.0);
        for list in self.postings.values_mut() {
            list.shrink_to_fit();
        }
    }

    /// Each document that has one of `words`, with its score by the best of them. Each word comes
    /// with what it counts.
    pub(super) fn score(&self, words: &[(String, f32)]) -> BTreeMap<usize, f32> {
        let mut best: BTreeMap<usize, f32> = BTreeMap::new();
        for (word, weight) in words {
            let Some(list) = self.postings.get(word.as_str()) else { continue };
            let (all, with) = (float(self.lengths.len()), float(list.len()));
            let rare = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for (document, count) in list {
                let document = usize::try_from(*document).unwrap_or(usize::MAX);
                let length = self.lengths.get(document).copied().unwrap_or(self.average);
                let norm = 1.0 - B + B * length / self.average.max(1.0);
                let score = weight * rare * count * (K1 + 1.0) / (count + K1 * norm);
                let known = best.entry(document).or_default();
                *known = known.max(score);
            }
        }
        best
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^24 of anything here")]
fn float(count: usize) -> f32 {
    count as f32
}
