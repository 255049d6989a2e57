//! Blobs: contents by their hash, each readable by the chains that refer to it.
//!
//! A body is written in an order that no crash and no concurrent deletion can break: its row,
//! touched, comes first; deletion claims only rows untouched for long, in one statement, and a
//! writer that meets a claim waits until it is gone.

use std::time::{Duration, Instant};

use longhaul_contract::blob::BlobRef;
use longhaul_contract::digest::Digest;

use crate::database::{Arg, Statement, signed};
use crate::error::StoreError;
use crate::store::{Open, Owner, Store, now};

const FIND: &str = "SELECT place, complete, bytes, body, forgotten_at FROM blobs WHERE hash = $1";
const KNOWN: &str = "SELECT place, complete FROM blobs WHERE hash = $1 AND forgotten_at IS NULL";
/// The body is replaced by itself, which heals a damaged one and revives a forgotten one.
const PUT: &str = "INSERT INTO blobs (hash, bytes, place, body, complete, created_at, touched_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (hash) DO UPDATE SET \
     bytes = excluded.bytes, place = excluded.place, body = excluded.body, \
     complete = excluded.complete, touched_at = excluded.touched_at, forgotten_at = NULL, \
     deleting_at = NULL WHERE blobs.deleting_at IS NULL OR blobs.deleting_at < $7";
const COMPLETE: &str = "UPDATE blobs SET complete = 1 WHERE hash = $1 AND deleting_at IS NULL";
const REFER: &str = "INSERT INTO refs (chain, hash, workflow_id, added_at) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (chain, hash) DO UPDATE SET \
                     workflow_id = excluded.workflow_id, added_at = excluded.added_at, \
                     forgotten_at = NULL";
const MAY_READ: &str = "SELECT 1 FROM refs WHERE chain = $1 AND hash = $2 AND forgotten_at IS NULL";
const SHARE: &str = "INSERT INTO refs (chain, hash, workflow_id, added_at) \
                     SELECT $1, hash, $2, $3 FROM refs \
                     WHERE chain = $4 AND forgotten_at IS NULL AND chain <> $1 \
                     ON CONFLICT (chain, hash) DO NOTHING";

/// How long a writer waits for a deletion of the same body.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A deletion that takes longer was broken off, in milliseconds.
pub(crate) const BROKEN_OFF: i64 = 10 * 60 * 1000;

/// Where a body is.
pub(crate) const IN_ROW: &str = "row";
pub(crate) const IN_OBJECT: &str = "object";

impl Store {
    /// Keeps `bytes`, readable by the owner's chain; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all, after which the same call can be made again.
    pub async fn put_blob(&self, owner: &Owner, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        let open = self.open().await?;
        let reference = BlobRef::to(bytes);
        let refer = (
            REFER,
            vec![
                Arg::Text(&owner.chain),
                Arg::Text(reference.hash.as_str()),
                Arg::Text(&owner.workflow_id),
                Arg::Int(now()),
            ],
        );
        open.put(&reference.hash, bytes, Some(refer)).await?;
        Ok(reference)
    }

    /// The blob, if that chain refers to it: a hash alone is no right to read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Corrupt`] or [`StoreError::Forgotten`].
    pub async fn blob(&self, chain: &str, reference: &BlobRef) -> Result<Vec<u8>, StoreError> {
        let open = self.open().await?;
        let hash = reference.hash.as_str();
        let may = open.database.row(MAY_READ, &[Arg::Text(chain), Arg::Text(hash)]).await?;
        if may.is_none() {
            let row = open.database.row(FIND, &[Arg::Text(hash)]).await?;
            if let Some(row) = row
                && row.maybe_int(4)?.is_some()
            {
                return Err(StoreError::forgotten(&reference.hash));
            }
            return Err(StoreError::missing(
                &reference.hash,
                format!("the blobs of chain `{chain}`"),
            ));
        }
        let bytes = open.get(&reference.hash).await?;
        if signed(reference.bytes) != signed(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
            let problem = format!("it has {} bytes, not {}", bytes.len(), reference.bytes);
            return Err(StoreError::corrupt(&reference.hash, "the reference to it", problem));
        }
        Ok(bytes)
    }

    /// Lets the chain of `to` read all blobs of `from_chain`, whose conversation it continues;
    /// how many it could not read before.
    ///
    /// # Errors
    ///
    /// As [`Store::put_blob`].
    pub async fn share_blobs(&self, from_chain: &str, to: &Owner) -> Result<u64, StoreError> {
        let open = self.open().await?;
        let arguments = [
            Arg::Text(&to.chain),
            Arg::Text(&to.workflow_id),
            Arg::Int(now()),
            Arg::Text(from_chain),
        ];
        open.database.run(SHARE, &arguments).await
    }
}

impl Open {
    /// Writes a body, in the row or as an object, together with a row that protects it.
    pub(crate) async fn put(
        &self,
        hash: &Digest,
        bytes: &[u8],
        with: Option<Statement<'_>>,
    ) -> Result<(), StoreError> {
        let start = Instant::now();
        loop {
            if self.try_put(hash, bytes, with.clone()).await? {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(StoreError::Unavailable(format!("`{hash}` is being deleted")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// False if a deletion is in the way.
    async fn try_put(
        &self,
        hash: &Digest,
        bytes: &[u8],
        with: Option<Statement<'_>>,
    ) -> Result<bool, StoreError> {
        let now = now();
        let id = Arg::Text(hash.as_str());
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // What is complete stays where it is, also when the setting has changed since.
        let mut in_row = bytes.len() <= self.in_database;
        let mut complete = false;
        if let Some(row) = self.database.row(KNOWN, &[id]).await?
            && row.int(1)? == 1
        {
            in_row = row.text(0)? == IN_ROW;
            complete = in_row || self.bodies.length(hash).await? == Some(length);
        }
        let put = vec![
            id,
            Arg::Int(signed(length)),
            Arg::Text(if in_row { IN_ROW } else { IN_OBJECT }),
            Arg::MaybeBytes(in_row.then_some(bytes)),
            Arg::Int(i64::from(in_row || complete)),
            Arg::Int(now),
            Arg::Int(now - BROKEN_OFF),
        ];
        let statements: Vec<_> = std::iter::once((PUT, put)).chain(with).collect();
        if self.database.run_all(&statements).await?.first() == Some(&0) {
            return Ok(false);
        }
        if in_row || complete {
            return Ok(true);
        }
        self.bodies.put(hash, bytes).await?;
        Ok(self.database.run(COMPLETE, &[id]).await? > 0)
    }

    /// Reads a body, and checks it.
    pub(crate) async fn get(&self, hash: &Digest) -> Result<Vec<u8>, StoreError> {
        let row = self.database.row(FIND, &[Arg::Text(hash.as_str())]).await?;
        let row = row.ok_or_else(|| StoreError::missing(hash, "the table `blobs`"))?;
        if row.maybe_int(4)?.is_some() {
            return Err(StoreError::forgotten(hash));
        }
        let (place, bytes) = if row.text(0)? == IN_ROW {
            ("the table `blobs`".to_owned(), row.maybe_bytes(3)?)
        } else {
            let place = self.bodies.place(hash);
            if row.int(1)? == 0 {
                return Err(StoreError::missing(hash, format!("`{place}`, never written in full")));
            }
            let bytes = self.bodies.get(hash).await?;
            (format!("`{place}`"), bytes)
        };
        let bytes = bytes.ok_or_else(|| StoreError::missing(hash, place.clone()))?;
        check(hash, &bytes, &place)?;
        Ok(bytes)
    }
}

/// Refuses bytes that do not have that hash.
pub(crate) fn check(hash: &Digest, bytes: &[u8], place: &str) -> Result<(), StoreError> {
    let found = Digest::of_bytes(bytes);
    if found == *hash {
        return Ok(());
    }
    Err(StoreError::corrupt(
        hash,
        place,
        format!("its {} bytes have the hash `{found}`", bytes.len()),
    ))
}
