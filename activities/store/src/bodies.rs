//! The object store: long bodies as files, by their hash.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt as _;
use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

use crate::error::StoreError;
use crate::private;
use crate::settings::redacted;

/// The object store, with the folder in it that is ours.
#[derive(Clone)]
pub(crate) struct Bodies {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    place: String,
}

/// A file that is there.
pub(crate) struct Found {
    pub(crate) hash: Digest,
    pub(crate) bytes: u64,
    pub(crate) written: Timestamp,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Where bodies are, checked but not touched.
pub(crate) enum Location {
    Folder(PathBuf),
    Remote(Bodies),
}

impl Location {
    pub(crate) fn read(blobs: &str) -> Result<Self, StoreError> {
        if !blobs.contains("://") {
            if blobs.is_empty() {
                return Err(StoreError::Settings("the folder of blobs is empty".to_owned()));
            }
            return Ok(Self::Folder(PathBuf::from(blobs)));
        }
        let place = redacted(blobs);
        let wrong = |why: &dyn fmt::Display| StoreError::Settings(format!("`{place}`: {why}"));
        let url = Url::parse(blobs).map_err(|error| wrong(&error))?;
        if url.scheme() == "file" {
            let folder = url.to_file_path().map_err(|()| wrong(&"not a path"))?;
            return Ok(Self::Folder(folder));
        }
        // The clients find no provider of cryptography by themselves. An error means that
        // somebody installed one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            // Names that it does not know are ignored; the rest is none of its business.
            .filter(|(name, _)| {
                ["aws_", "google_", "azure_"].iter().any(|prefix| name.starts_with(prefix))
            });
        let (objects, prefix) = object_store::parse_url_opts(&url, variables)
            .map_err(|error| wrong(&crate::error::scrub(&error.to_string())))?;
        Ok(Self::Remote(Bodies { objects: Arc::from(objects), prefix, place }))
    }

    pub(crate) async fn open(&self) -> Result<Bodies, StoreError> {
        let folder = match self {
            Self::Remote(bodies) => return Ok(bodies.clone()),
            Self::Folder(folder) => folder,
        };
        private::folder(folder)
            .map_err(|error| StoreError::Settings(format!("`{}`: {error}", folder.display())))?;
        let objects = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Bodies {
            objects: Arc::new(objects),
            prefix: Path::default(),
            place: folder.display().to_string(),
        })
    }
}

impl Bodies {
    /// Where the body with that hash is, for people.
    pub(crate) fn place(&self, hash: &Digest) -> String {
        format!("{}/{}", self.place, key(hash))
    }

    pub(crate) async fn put(&self, hash: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        // Replaces what is there, in one step: that heals a damaged file, too.
        self.objects.put(&self.path(hash), bytes.to_vec().into()).await?;
        Ok(())
    }

    /// The bytes, if they are there; not checked.
    pub(crate) async fn get(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let found = match self.objects.get(&self.path(hash)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        Ok(Some(found.bytes().await?.to_vec()))
    }

    /// How long it is, if it is there.
    pub(crate) async fn length(&self, hash: &Digest) -> Result<Option<u64>, StoreError> {
        match self.objects.head(&self.path(hash)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?.size)),
        }
    }

    pub(crate) async fn delete(&self, hash: &Digest) -> Result<(), StoreError> {
        match self.objects.delete(&self.path(hash)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => Ok(done?),
        }
    }

    /// All files of ours.
    pub(crate) async fn list(&self) -> Result<Vec<Found>, StoreError> {
        let prefix = self.prefix.clone().join("sha256");
        let mut files = self.objects.list(Some(&prefix));
        let mut found = Vec::new();
        while let Some(file) = files.try_next().await? {
            let name = file.location.filename().unwrap_or_default();
            // What somebody else put there stays.
            if let Some(hash) = digest(&format!("sha256:{name}")) {
                let written = Timestamp::from_millis(file.last_modified.timestamp_millis());
                found.push(Found { hash, bytes: file.size, written });
            }
        }
        Ok(found)
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.length(&Digest::of_bytes(b"ping")).await.map(|_| ())
    }

    fn path(&self, hash: &Digest) -> Path {
        key(hash).split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// The name of the file: two digits are a folder, which keeps folders short.
pub(crate) fn key(hash: &Digest) -> String {
    let hex = hash.as_str().strip_prefix("sha256:").unwrap_or(hash.as_str());
    format!("sha256/{}/{hex}", hex.get(..2).unwrap_or("xx"))
}

/// The digest that `text` writes, if it is one.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:")?;
    let valid = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| serde_json::from_value(serde_json::Value::String(text.to_owned())).ok())?
}
