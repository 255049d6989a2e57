//! Which notice has been sent where, so that a retried activity sends nothing twice.

use std::time::Duration;

use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;

use crate::database::{Arg, signed};
use crate::error::StoreError;
use crate::store::{Owner, Store, now};

/// A claim whose holder was lost is anybody's again once its time is over.
const CLAIM: &str = "INSERT INTO deliveries (chain, number, channel, target, workflow_id, \
     claimed_at, claimed_until) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (chain, number, channel, target) DO UPDATE SET \
     claimed_at = excluded.claimed_at, claimed_until = excluded.claimed_until \
     WHERE deliveries.sent_at IS NULL AND deliveries.claimed_until <= excluded.claimed_at";
const STATE: &str = "SELECT claimed_until, sent_at FROM deliveries \
     WHERE chain = $1 AND number = $2 AND channel = $3 AND target = $4";
const SENT: &str = "UPDATE deliveries SET sent_at = $5 \
     WHERE chain = $1 AND number = $2 AND channel = $3 AND target = $4 AND sent_at IS NULL";
/// Only as long as it is the claim that was given.
const RELEASE: &str = "DELETE FROM deliveries WHERE chain = $1 AND number = $2 AND channel = $3 \
     AND target = $4 AND sent_at IS NULL AND claimed_until = $5";

/// One notice on its way to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Of which run.
    pub owner: Owner,
    /// Number of the notice in its chain.
    pub number: u64,
    /// The channel's name, as it is configured.
    pub channel: String,
    /// Where to: an address or URL, of which the store keeps a hash alone.
    pub target: String,
}

/// Whether somebody may send a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The caller, until then; they say how it went with [`Store::delivered`] or
    /// [`Store::not_delivered`].
    Yours {
        /// When somebody else may try.
        until: Timestamp,
    },
    /// Somebody else is at it.
    Others {
        /// When the caller may ask again.
        until: Timestamp,
    },
    /// Nobody: it was sent.
    Sent {
        /// When.
        at: Timestamp,
    },
}

impl Store {
    /// Claims a delivery for as long as an attempt may take.
    ///
    /// A caller that is lost between sending and [`Store::delivered`] makes the next attempt send
    /// again: where the receiver can tell, give it the chain and the number of the notice.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn claim_delivery(
        &self,
        delivery: &Delivery,
        patience: Duration,
    ) -> Result<Claimed, StoreError> {
        let database = &self.open().await?.database;
        let target = delivery.hashed();
        let at = Timestamp::from_millis(now());
        let until = at.plus(patience);
        let mut claim = delivery.key(&target);
        claim.extend([
            Arg::Text(&delivery.owner.workflow_id),
            Arg::Int(at.as_millis()),
            Arg::Int(until.as_millis()),
        ]);
        if database.run(CLAIM, &claim).await? > 0 {
            return Ok(Claimed::Yours { until });
        }
        let Some(row) = database.row(STATE, &delivery.key(&target)).await? else {
            // Released just now.
            return Ok(Claimed::Others { until: at });
        };
        Ok(match row.maybe_int(1)? {
            Some(sent) => Claimed::Sent { at: Timestamp::from_millis(sent) },
            None => Claimed::Others { until: Timestamp::from_millis(row.int(0)?) },
        })
    }

    /// Notes that a delivery arrived, whoever holds its claim now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let target = delivery.hashed();
        let mut sent = delivery.key(&target);
        sent.push(Arg::Int(now()));
        self.open().await?.database.run(SENT, &sent).await?;
        Ok(())
    }

    /// Gives up a claim (by the `until` it was given with), so that the next attempt need not
    /// wait for its end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn not_delivered(
        &self,
        delivery: &Delivery,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let target = delivery.hashed();
        let mut release = delivery.key(&target);
        release.push(Arg::Int(until.as_millis()));
        self.open().await?.database.run(RELEASE, &release).await?;
        Ok(())
    }
}

impl Delivery {
    fn hashed(&self) -> Digest {
        Digest::of_bytes(self.target.as_bytes())
    }

    fn key<'a>(&'a self, target: &'a Digest) -> Vec<Arg<'a>> {
        vec![
            Arg::Text(&self.owner.chain),
            Arg::Int(signed(self.number)),
            Arg::Text(&self.channel),
            Arg::Text(target.as_str()),
        ]
    }
}
