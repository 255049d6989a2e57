//! A store for programs that keep nothing: the grant is gone with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::store::{Grant, Pending, RefreshGuard, TokenStore};

/// A [`TokenStore`] in memory, good for one process.
#[derive(Default)]
pub struct InMemory {
    id: String,
    grant: Mutex<Option<Grant>>,
    pending: Mutex<HashMap<String, Pending>>,
    refreshing: Arc<tokio::sync::Mutex<()>>,
}

impl InMemory {
    /// An empty store for the connection `id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TokenStore for InMemory {
    fn id(&self) -> String {
        self.id.clone()
    }

    async fn load(&self) -> Result<Option<Grant>, String> {
        Ok(held(&self.grant).clone())
    }

    async fn save(&self, grant: Grant) -> Result<(), String> {
        *held(&self.grant) = Some(grant);
        Ok(())
    }

    async fn clear(&self) -> Result<(), String> {
        *held(&self.grant) = None;
        Ok(())
    }

    async fn refused(&self, grant: &Grant) -> Result<(), String> {
        let mut kept = held(&self.grant);
        if kept.as_ref() == Some(grant) {
            *kept = None;
        }
        Ok(())
    }

    async fn guard(&self) -> Result<RefreshGuard, String> {
        Ok(Box::new(Arc::clone(&self.refreshing).lock_owned().await))
    }

    async fn save_pending(&self, state: &str, pending: Pending) -> Result<(), String> {
        held(&self.pending).insert(state.to_owned(), pending);
        Ok(())
    }

    async fn load_pending(&self, state: &str) -> Result<Option<Pending>, String> {
        Ok(held(&self.pending).get(state).cloned())
    }

    async fn delete_pending(&self, state: &str) -> Result<(), String> {
        held(&self.pending).remove(state);
        Ok(())
    }
}
