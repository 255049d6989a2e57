//! The inbox: what waits for people, over all runs, so that nobody has to read histories for it.
//!
//! It is an index and never the truth: the run alone knows whether a gate is open. The activity
//! that tells people writes it, and [`Store::repair_inbox`] mends what a lost call left behind.

use std::borrow::Cow;
use std::collections::BTreeSet;

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use serde::{Deserialize, Serialize};

use crate::database::{Arg, Row, Statement, signed};
use crate::error::StoreError;
use crate::store::{Store, now};

mod page;
mod repair;

pub use page::{InboxCursor, InboxFilter, InboxOrder, InboxPage, MOST_INBOX_ITEMS};
pub use repair::{GateId, InboxRepair};

/// Of two notices about a gate, the one with the greater number counts.
const PUT: &str = "INSERT INTO inbox (chain, gate, workflow_id, number, agent, kind, tool, \
     summary, effect, effect_rank, reason, batch, starter, no_self, asked_at, deadline, request, \
     updated_at, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, NULL) ON CONFLICT (chain, gate) DO UPDATE SET \
     workflow_id = excluded.workflow_id, number = excluded.number, agent = excluded.agent, \
     kind = excluded.kind, tool = excluded.tool, summary = excluded.summary, \
     effect = excluded.effect, effect_rank = excluded.effect_rank, reason = excluded.reason, \
     batch = excluded.batch, starter = excluded.starter, no_self = excluded.no_self, \
     asked_at = excluded.asked_at, deadline = excluded.deadline, request = excluded.request, \
     updated_at = excluded.updated_at, closed_at = NULL WHERE inbox.number < excluded.number";
const CLEAR: &str = "DELETE FROM inbox_audience WHERE chain = $1 AND gate = $2 AND number <= $3";
/// Only beside the notice that it belongs to.
const ADMIT: &str = "INSERT INTO inbox_audience (chain, gate, who, number) \
     SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM inbox WHERE chain = $1 AND gate = $2 \
     AND number = $4 AND closed_at IS NULL) ON CONFLICT (chain, gate, who) DO NOTHING";
const VOTE: &str = "INSERT INTO inbox_audience (chain, gate, who, number) \
     SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM inbox WHERE chain = $1 AND gate = $2 \
     AND number < $4 AND closed_at IS NULL) ON CONFLICT (chain, gate, who) DO UPDATE \
     SET number = excluded.number WHERE inbox_audience.number < excluded.number";
/// A gate that was never put leaves its number, too: its first notice may still be on the way.
const CLOSE: &str = "INSERT INTO inbox (chain, gate, workflow_id, number, agent, kind, tool, \
     summary, effect, effect_rank, reason, no_self, asked_at, deadline, request, updated_at, \
     closed_at) VALUES ($1, $2, $3, $4, '', '', '', '', '', 0, '', 0, 0, 0, '', $5, $5) \
     ON CONFLICT (chain, gate) DO UPDATE SET number = excluded.number, summary = '', reason = '', \
     starter = NULL, request = '', updated_at = excluded.updated_at, \
     closed_at = excluded.closed_at WHERE inbox.number < excluded.number";

/// A gate that waits, as the inbox is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// The workflow id.
    pub workflow_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// Number of the notice; 0 if a repair found the gate.
    pub number: u64,
    /// The agent's name.
    pub agent: String,
    /// Who started the run, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<String>,
    /// What is asked, with secrets masked.
    pub request: ApprovalRequest,
}

/// A gate that waits, as the inbox tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboxItem {
    /// The gate.
    #[serde(flatten)]
    pub waiting: Waiting,
    /// When the inbox was told last.
    pub updated_at: Timestamp,
}

impl Store {
    /// Puts a gate into the inbox, or what is new about it. Whether it was news: a notice that
    /// came before, or is older than one that did, changes nothing and opens nothing again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn put_waiting(&self, waiting: &Waiting) -> Result<bool, StoreError> {
        let request = serde_json::to_string(&waiting.request)
            .map_err(|error| StoreError::Request(format!("not a request: {error}")))?;
        let Waiting { workflow_id, chain, number, agent, starter, request: asked } = waiting;
        let (summary, reason) = (clean(&asked.summary), clean(&asked.reason));
        let number = Arg::Int(signed(*number));
        let [of_chain, of_gate] = [Arg::Text(chain), Arg::Text(&asked.id)];
        let put = vec![
            of_chain,
            of_gate,
            Arg::Text(workflow_id),
            number,
            Arg::Text(agent),
            Arg::Text(asked.kind.as_str()),
            Arg::Text(&asked.tool),
            Arg::Text(&summary),
            Arg::Text(asked.effect.as_str()),
            Arg::Int(rank(asked.effect)),
            Arg::Text(&reason),
            Arg::MaybeText(asked.batch.as_deref()),
            Arg::MaybeText(starter.as_deref()),
            Arg::Int(asked.approvers.iter().any(|approvers| approvers.no_self).into()),
            Arg::Int(asked.asked_at.as_millis()),
            Arg::Int(asked.deadline.as_millis()),
            Arg::Text(&request),
            Arg::Int(now()),
        ];
        let audience = audience(asked);
        let mut statements: Vec<Statement<'_>> =
            vec![(PUT, put), (CLEAR, vec![of_chain, of_gate, number])];
        for who in &audience {
            statements.push((ADMIT, vec![of_chain, of_gate, Arg::Text(who), number]));
        }
        let touched = self.open().await?.database.run_all(&statements).await?;
        Ok(touched.first().is_some_and(|touched| *touched > 0))
    }

    /// Notes that somebody voted at a gate that needs several: it waits for them no longer.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn put_vote(
        &self,
        chain: &str,
        gate: &str,
        number: u64,
        name: &str,
    ) -> Result<(), StoreError> {
        let who = voted(name);
        let vote = [Arg::Text(chain), Arg::Text(gate), Arg::Text(&who), Arg::Int(signed(number))];
        self.open().await?.database.run(VOTE, &vote).await?;
        Ok(())
    }

    /// Takes a gate out of the inbox. Whether it was news, as for [`Store::put_waiting`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn close_waiting(&self, gate: &GateId, number: u64) -> Result<bool, StoreError> {
        let number = Arg::Int(signed(number));
        let (chain, id) = (Arg::Text(&gate.chain), Arg::Text(&gate.gate));
        let close = vec![chain, id, Arg::Text(&gate.workflow_id), number, Arg::Int(now())];
        let statements = [(CLOSE, close), (CLEAR, vec![chain, id, number])];
        let touched = self.open().await?.database.run_all(&statements).await?;
        Ok(touched.first().is_some_and(|touched| *touched > 0))
    }
}

/// Who may decide, and who has.
fn audience(request: &ApprovalRequest) -> BTreeSet<String> {
    let mut audience = BTreeSet::new();
    // A gate without groups is everybody's, and so is one of several conditions without.
    if request.approvers.is_empty()
        || request.approvers.iter().any(|approvers| approvers.groups.is_empty())
    {
        audience.insert(EVERYBODY.to_owned());
    }
    let groups = request.approvers.iter().flat_map(|approvers| &approvers.groups);
    audience.extend(groups.chain(&request.asked).map(|group| of_group(group)));
    audience.extend(request.delegates.iter().map(|name| person(name)));
    audience.extend(request.votes.iter().filter_map(|vote| vote.by.name.as_deref()).map(voted));
    audience
}

const EVERYBODY: &str = "*";

fn of_group(name: &str) -> String {
    format!("group:{}", clean(name))
}

fn person(name: &str) -> String {
    format!("person:{}", clean(name))
}

fn voted(name: &str) -> String {
    format!("voted:{}", clean(name))
}

/// Text as PostgreSQL takes it, which has no NUL. In JSON it is escaped anyway.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Where an effect comes in an order by effects: what is unknown or hard to undo first.
fn rank(effect: Effect) -> i64 {
    match effect {
        Effect::Opaque => 0,
        Effect::Execute => 1,
        Effect::Permission => 2,
        Effect::Money => 3,
        Effect::Send => 4,
        Effect::Delete => 5,
        Effect::Update => 6,
        Effect::Create => 7,
        Effect::Read => 8,
    }
}

impl InboxItem {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (chain, request) = (row.text(1)?, row.text(5)?);
        let request = serde_json::from_str(&request).map_err(|error| StoreError::Corrupt {
            hash: format!("a gate of {chain}"),
            place: "the inbox".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            waiting: Waiting {
                workflow_id: row.text(0)?,
                chain,
                number: row.count(2)?,
                agent: row.text(3)?,
                starter: row.maybe_text(4)?,
                request,
            },
            updated_at: Timestamp::from_millis(row.int(6)?),
        })
    }
}
