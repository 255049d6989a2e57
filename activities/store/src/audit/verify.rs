//! Whether the log is what was written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{AuditEntry, AuditFilter, AuditHead, FORGOTTEN, MOST_AUDIT_ENTRIES};
use crate::error::StoreError;
use crate::store::Store;

/// In one statement, so that no entry is appended in between.
const END: &str = "SELECT h.seq, h.hash, (SELECT COALESCE(MAX(seq), 0) FROM audit) \
                   FROM audit_head h WHERE h.id = 1";

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Entries that fit, from the first on.
    pub entries: u64,
    /// Of these, entries whose content was erased: only their hashes could be checked.
    pub erased: u64,
    /// The last entry that fits. Keep it elsewhere, and give it to the next verification.
    pub head: AuditHead,
    /// The first thing that does not fit.
    pub problem: Option<AuditProblem>,
}

/// What does not fit, and at which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditProblem {
    /// The entry is not there, but later ones are.
    Missing {
        /// Which.
        seq: u64,
    },
    /// The content is not what was written.
    Altered {
        /// Of which entry.
        seq: u64,
    },
    /// Number, key, time, kind, chain or one of the hashes is not what was written, or the entry
    /// before is not.
    Broken {
        /// Which entry.
        seq: u64,
    },
    /// The content was erased, and no later entry says so.
    Erased {
        /// Of which entry.
        seq: u64,
    },
    /// The log ends too early.
    Truncated {
        /// The first entry that is missing.
        seq: u64,
    },
    /// The log goes on after its end.
    Surplus {
        /// The first entry that was not appended.
        seq: u64,
    },
    /// The entry fits its neighbours, but is another than it was: all from some entry up to this
    /// one was written anew.
    Rewritten {
        /// The entry that is known from elsewhere.
        seq: u64,
    },
}

/// Takes entries in order and compares each with the one before, wherever they come from.
#[derive(Clone, Debug)]
pub struct AuditVerifier {
    report: AuditReport,
    expected: Option<AuditHead>,
    /// Erased entries that are not accounted for yet: the first of each chain.
    unaccounted: BTreeMap<Option<String>, u64>,
}

impl AuditVerifier {
    /// Begins at the first entry. `expected` is a head that is known from elsewhere.
    pub fn new(expected: Option<AuditHead>) -> Self {
        let report = AuditReport { entries: 0, erased: 0, head: AuditHead::start(), problem: None };
        Self { report, expected, unaccounted: BTreeMap::new() }
    }

    /// Takes the next entry. Whether all fits so far; if not, the rest need not be taken.
    pub fn take(&mut self, entry: &AuditEntry) -> bool {
        if self.report.problem.is_some() {
            return false;
        }
        self.report.problem = self.problem(entry);
        if self.report.problem.is_some() {
            return false;
        }
        if entry.erased_at.is_some() {
            self.report.erased += 1;
            self.unaccounted.entry(entry.chain.clone()).or_insert(entry.seq);
        } else if entry.kind == FORGOTTEN {
            self.unaccounted.remove(&entry.chain);
        }
        self.report.entries += 1;
        self.report.head = AuditHead { seq: entry.seq, hash: entry.hash.clone() };
        true
    }

    /// What was found, now that there are no more entries.
    pub fn finish(mut self) -> AuditReport {
        let next = self.report.head.seq.saturating_add(1);
        let truncated = self.expected.filter(|expected| expected.seq >= next);
        self.report.problem = self
            .report
            .problem
            .or(truncated.map(|_| AuditProblem::Truncated { seq: next }))
            .or(self.unaccounted.values().min().map(|seq| AuditProblem::Erased { seq: *seq }));
        self.report
    }

    fn problem(&self, entry: &AuditEntry) -> Option<AuditProblem> {
        let seq = self.report.head.seq.saturating_add(1);
        if entry.seq > seq {
            return Some(AuditProblem::Missing { seq });
        }
        if entry.seq != seq
            || entry.previous != self.report.head.hash
            || entry.hash != entry.own_hash()
        {
            return Some(AuditProblem::Broken { seq });
        }
        let whole = match entry.erased_at {
            None => entry.content_digest().as_ref() == Some(&entry.content),
            Some(_) => entry.salt.is_none() && entry.workflow_id.is_none() && entry.body.is_none(),
        };
        if !whole {
            return Some(AuditProblem::Altered { seq });
        }
        let known = self.expected.as_ref().filter(|expected| expected.seq == seq)?;
        (known.hash != entry.hash).then_some(AuditProblem::Rewritten { seq })
    }
}

impl Store {
    /// Walks the log from its first entry on, computes each hash anew, and compares the end with
    /// what the log says of it and with `expected`, a head that was kept elsewhere.
    ///
    /// Whoever can write the database can write the whole log anew; only `expected` shows that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all. What does not fit is no error but in the report.
    pub async fn verify_audit(
        &self,
        expected: Option<AuditHead>,
    ) -> Result<AuditReport, StoreError> {
        let row = self.open().await?.database.row(END, &[]).await?;
        let Some(row) = row else {
            return Err(StoreError::Refused("the audit log has no head".to_owned()));
        };
        let (length, last) = (row.count(0)?, row.count(2)?);
        let hash = row.text(1)?;
        let mut verifier = AuditVerifier::new(expected);
        let mut after = 0;
        'pages: loop {
            let page = match self.audit(&AuditFilter::default(), after, MOST_AUDIT_ENTRIES).await {
                // One of the page cannot even be read.
                Err(StoreError::Corrupt { .. }) => self.readable(after).await?,
                page => page?,
            };
            let Some(end) = page.last() else { break };
            after = end.seq;
            for entry in &page {
                // What is appended meanwhile is left to the next verification.
                if entry.seq > last || !verifier.take(entry) {
                    break 'pages;
                }
            }
        }
        let seq = verifier.report.head.seq.saturating_add(1);
        if verifier.report.problem.is_none() {
            let (end, own) = (&verifier.report.head, verifier.report.head.hash.as_str());
            verifier.report.problem = if end.seq < last {
                // Neither missing nor readable.
                Some(AuditProblem::Altered { seq })
            } else if last < length {
                Some(AuditProblem::Truncated { seq })
            } else if length < last {
                Some(AuditProblem::Surplus { seq: length.saturating_add(1) })
            } else if length > 0 && own != hash {
                Some(AuditProblem::Rewritten { seq: length })
            } else {
                None
            };
        }
        Ok(verifier.finish())
    }

    /// The entries after that number, up to the first that cannot be read.
    async fn readable(&self, mut after: u64) -> Result<Vec<AuditEntry>, StoreError> {
        let mut entries = Vec::new();
        loop {
            match self.audit(&AuditFilter::default(), after, 1).await {
                Err(StoreError::Corrupt { .. }) => return Ok(entries),
                page => match page?.pop() {
                    Some(entry) => {
                        after = entry.seq;
                        entries.push(entry);
                    }
                    None => return Ok(entries),
                },
            }
        }
    }
}

impl AuditProblem {
    /// Which entry it is about.
    pub fn seq(self) -> u64 {
        match self {
            Self::Missing { seq }
            | Self::Altered { seq }
            | Self::Broken { seq }
            | Self::Erased { seq }
            | Self::Truncated { seq }
            | Self::Surplus { seq }
            | Self::Rewritten { seq } => seq,
        }
    }
}

impl fmt::Display for AuditProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq();
        match self {
            Self::Missing { .. } => write!(f, "entry {seq} is missing"),
            Self::Altered { .. } => write!(f, "the content of entry {seq} was changed"),
            Self::Broken { .. } => {
                write!(f, "entry {seq} was changed, or is not the one that was written there")
            }
            Self::Erased { .. } => {
                write!(f, "the content of entry {seq} was erased, and no entry says so")
            }
            Self::Truncated { .. } => write!(f, "the log ends before entry {seq}"),
            Self::Surplus { .. } => write!(f, "entry {seq} was added past the end of the log"),
            Self::Rewritten { .. } => {
                write!(f, "the log up to entry {seq} was written anew")
            }
        }
    }
}
