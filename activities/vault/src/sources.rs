//! Where the vault learns how an integration proves who it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use longhaul_catalog::{AuthMethod, Catalog, Integration};

use crate::error::VaultError;

/// Gives integrations by their short names, each time the same. The catalogue does.
pub trait Integrations: Send + Sync {
    /// The integration of that name, if there is one.
    fn integration(&self, slug: &str) -> Option<Arc<Integration>>;
}

impl Integrations for BTreeMap<String, Arc<Integration>> {
    fn integration(&self, slug: &str) -> Option<Arc<Integration>> {
        self.get(slug).cloned()
    }
}

impl Integrations for Catalog {
    fn integration(&self, slug: &str) -> Option<Arc<Integration>> {
        Catalog::integration(self, slug)
    }
}

/// The integration, or an error for people.
pub(crate) fn integration(
    integrations: &dyn Integrations,
    slug: &str,
) -> Result<Arc<Integration>, VaultError> {
    integrations.integration(slug).ok_or_else(|| {
        VaultError::Request(format!(
            "there is no integration `{slug}`\nhint: `longhaul integrations list` shows them"
        ))
    })
}

/// The auth method of that id.
pub(crate) fn method(integration: &Integration, id: &str) -> Result<Arc<AuthMethod>, VaultError> {
    let found = integration.auth.iter().find(|method| method.id == id);
    found.map(|method| Arc::new(method.clone())).ok_or_else(|| {
        let known: Vec<&str> = integration.auth.iter().map(|method| method.id.as_str()).collect();
        VaultError::Request(format!(
            "`{}` has no auth method `{id}`, only `{}`",
            integration.slug,
            known.join("`, `")
        ))
    })
}
