//! Where contents go that are no JSON: files that come down, and files that go up.

use async_trait::async_trait;
use serde_json::Value;

use crate::request::FileContent;

/// Keeps bytes, and finds them again by reference.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps what came down. The reference that the model gets: any JSON that `get` understands.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept, in words for the model.
    async fn put(&self, content: FileContent) -> Result<Value, String>;

    /// What `reference` names, at most `most` bytes of it or none.
    ///
    /// # Errors
    ///
    /// Why there is nothing, in words for the model.
    async fn get(&self, reference: &Value, most: usize) -> Result<FileContent, String>;
}
