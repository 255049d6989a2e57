//! A copy of the store that no kind of database is needed to read.
//!
//! A folder: lines of JSON for the rows of each table, a file for each body, and a manifest with
//! the hashes of the former, written last. A folder without a manifest is no backup.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::audit::AuditHead;
use crate::blobs::check;
use crate::bodies::key;
use crate::database::{Arg, Row, Statement, signed};
use crate::error::StoreError;
use crate::export::line;
use crate::info::{SegmentInfo, columns, hash_in};
use crate::private;
use crate::segments::PUT as PUT_SEGMENT;
use crate::store::{Store, now};

mod people;
mod tables;

const SEGMENTS: &str =
    concat!("SELECT ", columns!(), " FROM segments WHERE hash > $1 ORDER BY hash LIMIT 500");
const REFS: &str = "SELECT hash, chain, workflow_id, added_at, forgotten_at FROM refs \
                    WHERE hash = $1 ORDER BY chain";
const BLOBS: &str = "SELECT hash, bytes, created_at, forgotten_at FROM blobs WHERE hash > $1 \
                     AND (complete = 1 OR forgotten_at IS NOT NULL) ORDER BY hash LIMIT 500";
/// What the store has, or has forgotten since, stays as it is.
const PUT_REF: &str = "INSERT INTO refs (hash, chain, workflow_id, added_at, forgotten_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (chain, hash) DO NOTHING";
const PUT_TOMBSTONE: &str = "INSERT INTO blobs (hash, bytes, place, complete, created_at, touched_at, forgotten_at) \
     VALUES ($1, $2, 'row', 0, $3, $4, $5) ON CONFLICT (hash) DO NOTHING";
const MADE: &str = "UPDATE blobs SET created_at = $2 WHERE hash = $1 AND created_at > $2";
const FORGOTTEN: &str = "SELECT 1 FROM blobs WHERE hash = $1 AND forgotten_at IS NOT NULL";
const HAS_SEGMENT: &str = "SELECT 1 FROM segments WHERE hash = $1";

const MANIFEST: &str = "manifest.json";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Version of this shape, 3; 2 had no connections, 1 segments and blobs alone.
    pub v: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// Segments, forgotten ones included.
    pub segments: u64,
    /// References from chains to blobs.
    pub references: u64,
    /// Bodies of segments and blobs, forgotten ones included.
    pub bodies: u64,
    /// Bytes of the bodies that are there.
    pub bytes: u64,
    /// Hash of each file of rows, by name.
    pub files: BTreeMap<String, Digest>,
    /// Rows of the files that hold what is between runs and people, by name.
    #[serde(default)]
    pub rows: BTreeMap<String, u64>,
    /// Where the audit log ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<AuditHead>,
}

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Segments that the store did not have.
    pub segments: u64,
    /// References that it did not have.
    pub references: u64,
    /// Bodies that were written, or were there and are checked.
    pub bodies: u64,
    /// Bodies that the store has been told to forget since, which stay forgotten.
    pub forgotten: u64,
    /// Rows of what is between runs and people that were news, by the name of their file.
    pub rows: BTreeMap<String, u64>,
    /// Whether the store's audit log has other entries than the backup's, and was left alone.
    pub audit_differs: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct BlobRow {
    hash: Digest,
    bytes: u64,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefRow {
    hash: Digest,
    chain: String,
    workflow_id: String,
    added_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten_at: Option<Timestamp>,
}

impl Store {
    /// Copies the whole store to a folder, which may hold an earlier backup: bodies that are in
    /// it already are not written again.
    ///
    /// Work may go on meanwhile; what is written after the beginning may or may not be in it.
    /// Collection and forgetting must not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] for the folder; whatever a body cannot be read for.
    pub async fn backup(&self, folder: &Path) -> Result<BackedUp, StoreError> {
        let open = self.open().await?;
        private::folder(folder)?;
        // What is in the folder is no backup until this one is complete.
        match fs::remove_file(folder.join(MANIFEST)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut made = BackedUp {
            v: 3,
            made_at: Timestamp::from_millis(now()),
            segments: 0,
            references: 0,
            bodies: 0,
            bytes: 0,
            files: BTreeMap::new(),
            rows: BTreeMap::new(),
            audit_head: None,
        };
        // In this order: a segment's body is written before its row.
        let mut segments = Rows::create(folder, "segments.jsonl")?;
        let mut last = String::new();
        loop {
            let page = open.database.rows(SEGMENTS, &[Arg::Text(&last)]).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                last = row.text(0)?;
                segments.add(&SegmentInfo::read(&row)?)?;
                made.segments += 1;
            }
        }
        let mut blobs = Rows::create(folder, "blobs.jsonl")?;
        let mut refs = Rows::create(folder, "refs.jsonl")?;
        last.clear();
        loop {
            let page = open.database.rows(BLOBS, &[Arg::Text(&last)]).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                last = row.text(0)?;
                let blob = BlobRow {
                    hash: hash_in(last.clone())?,
                    bytes: row.count(1)?,
                    created_at: Timestamp::from_millis(row.int(2)?),
                    forgotten_at: row.maybe_int(3)?.map(Timestamp::from_millis),
                };
                if blob.forgotten_at.is_none() {
                    self.back_up_body(folder, &blob).await?;
                    made.bytes += blob.bytes;
                } else {
                    // An earlier backup in the same folder may still have it.
                    remove(&body_in(folder, &blob.hash))?;
                }
                for row in open.database.rows(REFS, &[Arg::Text(&last)]).await? {
                    refs.add(&RefRow::read(&row)?)?;
                    made.references += 1;
                }
                blobs.add(&blob)?;
                made.bodies += 1;
            }
        }
        for rows in [segments, blobs, refs] {
            let (name, hash) = rows.finish()?;
            made.files.insert(name, hash);
        }
        self.back_up_people(folder, &mut made).await?;
        let manifest = serde_json::to_vec_pretty(&made).map_err(std::io::Error::from)?;
        write_whole(&folder.join(MANIFEST), &manifest)?;
        Ok(made)
    }

    async fn back_up_body(&self, folder: &Path, blob: &BlobRow) -> Result<(), StoreError> {
        let path = body_in(folder, &blob.hash);
        if let Ok(there) = fs::read(&path)
            && Digest::of_bytes(&there) == blob.hash
        {
            return Ok(());
        }
        let body = self.open().await?.get(&blob.hash).await?;
        if let Some(parent) = path.parent() {
            private::folder(parent)?;
        }
        write_whole(&path, &body)
    }

    /// Brings a backup into this store, which may hold something already; again is no harm.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if anything of it is missing or altered: nothing is written then.
    pub async fn restore(&self, folder: &Path) -> Result<Restored, StoreError> {
        let Contents { segments, blobs, refs, people } = verified(folder)?;
        let open = self.open().await?;
        let mut restored = Restored::default();
        for blob in &blobs {
            let id = Arg::Text(blob.hash.as_str());
            let dead = open.database.row(FORGOTTEN, &[id]).await?.is_some();
            match blob.forgotten_at {
                Some(at) => {
                    let tombstone = [
                        id,
                        Arg::Int(signed(blob.bytes)),
                        Arg::Int(blob.created_at.as_millis()),
                        Arg::Int(now()),
                        Arg::Int(at.as_millis()),
                    ];
                    open.database.run(PUT_TOMBSTONE, &tombstone).await?;
                }
                None if dead => restored.forgotten += 1,
                None => {
                    let body = fs::read(body_in(folder, &blob.hash))?;
                    // Once more: the disk may have changed since.
                    check(&blob.hash, &body, "the backup")?;
                    open.put(&blob.hash, &body, None).await?;
                    let made = [id, Arg::Int(blob.created_at.as_millis())];
                    open.database.run(MADE, &made).await?;
                    restored.bodies += 1;
                }
            }
        }
        for page in refs.chunks(500) {
            let statements: Vec<Statement<'_>> =
                page.iter().map(|row| (PUT_REF, row.arguments())).collect();
            restored.references += open.database.run_all(&statements).await?.iter().sum::<u64>();
        }
        for info in &segments {
            // A tombstone of the store's stays one, and no backup's replaces what is alive.
            if open.database.row(HAS_SEGMENT, &[Arg::Text(info.hash.as_str())]).await?.is_none() {
                restored.segments += open.database.run(PUT_SEGMENT, &info.arguments()).await?;
            }
        }
        self.restore_people(&people, &mut restored).await?;
        Ok(restored)
    }
}

impl BackedUp {
    /// Ends a file of the rows that are counted by their file.
    fn finish(&mut self, rows: Rows, count: u64) -> Result<(), StoreError> {
        let (name, hash) = rows.finish()?;
        self.rows.insert(name.clone(), count);
        self.files.insert(name, hash);
        Ok(())
    }

    /// How many rows that file has.
    fn count(&self, file: &str) -> Result<u64, StoreError> {
        let count = self.rows.get(file).copied();
        count.ok_or_else(|| StoreError::Damaged(format!("`{MANIFEST}` does not count `{file}`")))
    }
}

impl RefRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            hash: hash_in(row.text(0)?)?,
            chain: row.text(1)?,
            workflow_id: row.text(2)?,
            added_at: Timestamp::from_millis(row.int(3)?),
            forgotten_at: row.maybe_int(4)?.map(Timestamp::from_millis),
        })
    }

    fn arguments(&self) -> Vec<Arg<'_>> {
        vec![
            Arg::Text(self.hash.as_str()),
            Arg::Text(&self.chain),
            Arg::Text(&self.workflow_id),
            Arg::Int(self.added_at.as_millis()),
            Arg::MaybeInt(self.forgotten_at.map(Timestamp::as_millis)),
        ]
    }
}

/// The rows of a backup.
struct Contents {
    segments: Vec<SegmentInfo>,
    blobs: Vec<BlobRow>,
    refs: Vec<RefRow>,
    people: people::People,
}

/// Reads a backup and checks every byte of it.
fn verified(folder: &Path) -> Result<Contents, StoreError> {
    let manifest = fs::read(folder.join(MANIFEST)).map_err(|error| {
        StoreError::Damaged(format!("`{}` has no `{MANIFEST}`: {error}", folder.display()))
    })?;
    let made: BackedUp = serde_json::from_slice(&manifest)
        .map_err(|error| StoreError::Damaged(format!("`{MANIFEST}`: {error}")))?;
    if !(1..=3).contains(&made.v) {
        let problem = format!("`{MANIFEST}` has version {}, not 1 to 3", made.v);
        return Err(StoreError::Damaged(problem));
    }
    let segments: Vec<SegmentInfo> = rows(folder, &made, "segments.jsonl", made.segments)?;
    let blobs: Vec<BlobRow> = rows(folder, &made, "blobs.jsonl", made.bodies)?;
    let refs: Vec<RefRow> = rows(folder, &made, "refs.jsonl", made.references)?;
    for blob in blobs.iter().filter(|blob| blob.forgotten_at.is_none()) {
        let path = body_in(folder, &blob.hash);
        let body = fs::read(&path)
            .map_err(|error| StoreError::Damaged(format!("`{}`: {error}", path.display())))?;
        check(&blob.hash, &body, &path.display().to_string())
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
    }
    let known: std::collections::BTreeSet<&Digest> = blobs.iter().map(|blob| &blob.hash).collect();
    for info in segments.iter().filter(|info| info.forgotten_at.is_none()) {
        if !known.contains(&info.hash) {
            return Err(StoreError::Damaged(format!("it lacks segment `{}`", info.hash)));
        }
    }
    let people = people::People::verified(folder, &made)?;
    Ok(Contents { segments, blobs, refs, people })
}

fn rows<T: DeserializeOwned>(
    folder: &Path,
    made: &BackedUp,
    name: &str,
    count: u64,
) -> Result<Vec<T>, StoreError> {
    let damaged = |why: &dyn std::fmt::Display| StoreError::Damaged(format!("`{name}`: {why}"));
    let bytes = fs::read(folder.join(name)).map_err(|error| damaged(&error))?;
    if made.files.get(name) != Some(&Digest::of_bytes(&bytes)) {
        return Err(damaged(&"it is not what was written"));
    }
    let rows: Vec<T> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(&error))?;
    if u64::try_from(rows.len()) != Ok(count) {
        return Err(damaged(&format!("it has {} rows, not {count}", rows.len())));
    }
    Ok(rows)
}

/// A file of rows that is being written.
struct Rows {
    name: &'static str,
    path: PathBuf,
    file: BufWriter<fs::File>,
}

impl Rows {
    fn create(folder: &Path, name: &'static str) -> Result<Self, StoreError> {
        let path = folder.join(name);
        Ok(Self { name, file: BufWriter::new(fs::File::create(&path)?), path })
    }

    fn add(&mut self, row: &impl Serialize) -> Result<(), StoreError> {
        line(&mut self.file, row)
    }

    fn finish(mut self) -> Result<(String, Digest), StoreError> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok((self.name.to_owned(), Digest::of_bytes(&fs::read(&self.path)?)))
    }
}

/// Where the body with that hash is in a backup.
fn body_in(folder: &Path, hash: &Digest) -> PathBuf {
    folder.join("bodies").join(key(hash))
}

/// Writes a file that is there in full or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
