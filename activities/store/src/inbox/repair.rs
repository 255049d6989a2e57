//! Mends the inbox by what Temporal says is open.

use std::collections::BTreeSet;

use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::Arg;
use crate::error::StoreError;
use crate::store::{Store, now};

const OPEN: &str = "SELECT workflow_id, chain, gate, updated_at FROM inbox \
     WHERE closed_at IS NULL AND (chain, gate) > ($1, $2) ORDER BY chain, gate LIMIT 1000";
const ONE: &str = "SELECT updated_at FROM inbox WHERE chain = $1 AND gate = $2";
/// Keeps the number, so that no late notice opens it again.
const CLOSE: &str = "UPDATE inbox SET summary = '', reason = '', starter = NULL, request = '', \
     closed_at = $4, updated_at = $4 WHERE chain = $1 AND gate = $2 AND closed_at IS NULL \
     AND updated_at <= $3";
const CLEAR: &str = "DELETE FROM inbox_audience WHERE chain = $1 AND gate = $2 AND NOT EXISTS \
     (SELECT 1 FROM inbox WHERE chain = $1 AND gate = $2 AND closed_at IS NULL)";
const DROP: &str = "DELETE FROM inbox WHERE chain = $1 AND gate = $2 AND closed_at IS NOT NULL \
     AND updated_at <= $3";

/// Which gate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GateId {
    /// The workflow id.
    pub workflow_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// Id of the gate.
    pub gate: String,
}

/// What a repair found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InboxRepair {
    /// Gates that waited in the inbox alone, and are closed there now.
    pub closed: Vec<GateId>,
    /// Gates that wait, and that the inbox does not have: ask the run, and put them with number 0.
    pub missing: Vec<GateId>,
}

impl Store {
    /// Compares the inbox with the gates that are `open`, and closes those that are not.
    ///
    /// Rows written after `before` are left alone: what tells which gates are open lags behind.
    /// Give the time at which it was asked, less the lag that it may have.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all; what was done until then stays done.
    pub async fn repair_inbox(
        &self,
        open: &BTreeSet<GateId>,
        before: Timestamp,
    ) -> Result<InboxRepair, StoreError> {
        let database = &self.open().await?.database;
        let cutoff = Arg::Int(before.as_millis());
        let expected: BTreeSet<(&str, &str)> =
            open.iter().map(|gate| (gate.chain.as_str(), gate.gate.as_str())).collect();
        let mut repair = InboxRepair::default();
        let mut there = BTreeSet::new();
        let mut last = (String::new(), String::new());
        loop {
            let after = [Arg::Text(&last.0), Arg::Text(&last.1)];
            let page = database.rows(OPEN, &after).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                let gate =
                    GateId { workflow_id: row.text(0)?, chain: row.text(1)?, gate: row.text(2)? };
                last = (gate.chain.clone(), gate.gate.clone());
                if expected.contains(&(gate.chain.as_str(), gate.gate.as_str())) {
                    there.insert(last.clone());
                } else if row.int(3)? <= before.as_millis() {
                    let (chain, id) = (Arg::Text(&gate.chain), Arg::Text(&gate.gate));
                    let close = vec![chain, id, cutoff, Arg::Int(now())];
                    let statements = [(CLOSE, close), (CLEAR, vec![chain, id])];
                    let touched = database.run_all(&statements).await?;
                    if touched.first().is_some_and(|touched| *touched > 0) {
                        repair.closed.push(gate);
                    }
                }
            }
        }
        for gate in open {
            if there.contains(&(gate.chain.clone(), gate.gate.clone())) {
                continue;
            }
            let (chain, id) = (Arg::Text(&gate.chain), Arg::Text(&gate.gate));
            if let Some(row) = database.row(ONE, &[chain, id]).await?
                && row.int(0)? > before.as_millis()
            {
                continue;
            }
            // A run that was reset counts its notices again from where it was reset to.
            database.run(DROP, &[chain, id, cutoff]).await?;
            repair.missing.push(gate.clone());
        }
        Ok(repair)
    }
}
