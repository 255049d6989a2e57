//! The store, which connects when it is first used.

use std::sync::Arc;
use std::time::SystemTime;

use longhaul_contract::time::Timestamp;
use tokio::sync::OnceCell;

use crate::bodies::{Bodies, Location};
use crate::database::Database;
use crate::error::StoreError;
use crate::settings::StoreSettings;

/// The store. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    settings: StoreSettings,
    location: Location,
    open: OnceCell<Open>,
}

/// What is open: the index and the bodies.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) database: Database,
    pub(crate) bodies: Bodies,
    pub(crate) in_database: usize,
}

/// Whose a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The workflow id.
    pub workflow_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Store {
    /// The store at that place. Checks what is written there, and connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Settings`] if a URL cannot be read.
    pub fn new(settings: StoreSettings) -> Result<Self, StoreError> {
        settings.kind()?;
        let location = Location::read(&settings.blobs)?;
        Ok(Self { inner: Arc::new(Inner { settings, location, open: OnceCell::new() }) })
    }

    /// Where the store is.
    pub fn settings(&self) -> &StoreSettings {
        &self.inner.settings
    }

    /// Whether database and object store answer.
    ///
    /// # Errors
    ///
    /// What keeps either from it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let open = self.open().await?;
        open.database.rows("SELECT 1", &[]).await?;
        open.bodies.ping().await
    }

    /// Connects, unless that was done before; a failure is tried again at the next call.
    pub(crate) async fn open(&self) -> Result<&Open, StoreError> {
        self.inner
            .open
            .get_or_try_init(async || {
                Ok(Open {
                    database: Database::open(self.inner.settings.kind()?).await?,
                    bodies: self.inner.location.open().await?,
                    in_database: self.inner.settings.in_database,
                })
            })
            .await
    }
}

/// The clock: when rows were written, which decides what is old.
pub(crate) fn now() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}
