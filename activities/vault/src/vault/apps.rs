//! The operator's OAuth apps: configured, or sealed in the vault.

use std::sync::Arc;

use longhaul_store::OauthAppRow;

use super::Vault;
use crate::apps::{AppEntry, AppFacts, OauthApp};
use crate::connection::DEFAULT;
use crate::error::VaultError;
use crate::seal::{self, Place};
use crate::subject::Subject;

impl Vault {
    /// Seals an app, or replaces it. `name` is `default` unless there are several.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] if it is replaced by somebody else at the same time.
    pub async fn set_app(
        &self,
        integration: &str,
        name: &str,
        app: &OauthApp,
    ) -> Result<(), VaultError> {
        let store = &self.inner.store;
        let known = store.oauth_app(integration, name).await?.map(|row| row.version);
        let version = known.unwrap_or(0).saturating_add(1);
        let about = OauthApp::about(integration, name);
        let secrets =
            seal::seal(self.keys(), Place { about: &about, version }, &app.fields()).await?;
        let row = OauthAppRow {
            integration: integration.to_owned(),
            name: name.to_owned(),
            facts: serde_json::to_string(&app.facts())
                .map_err(|error| VaultError::Request(error.to_string()))?,
            secrets,
            version,
            updated_at: self.now(),
        };
        if store.put_oauth_app(&row, known).await? {
            return Ok(());
        }
        Err(VaultError::Request(format!(
            "the app of `{integration}` was changed by somebody else just now"
        )))
    }

    /// All apps, without secrets: those of the configuration first.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn apps(&self) -> Result<Vec<AppEntry>, VaultError> {
        let configured = self.inner.apps.iter().map(|((integration, name), app)| AppEntry {
            integration: integration.clone(),
            name: name.clone(),
            facts: app.facts(),
            configured: true,
        });
        let mut entries: Vec<AppEntry> = configured.collect();
        for row in self.inner.store.oauth_apps().await? {
            entries.push(AppEntry {
                facts: facts(&row)?,
                integration: row.integration,
                name: row.name,
                configured: false,
            });
        }
        Ok(entries)
    }

    /// Deletes an app that is sealed in the vault. Whether it was there.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn remove_app(&self, integration: &str, name: &str) -> Result<bool, VaultError> {
        Ok(self.inner.store.remove_oauth_app(integration, name).await?)
    }

    /// An app with its secrets.
    pub(super) async fn app(
        &self,
        integration: &str,
        name: &str,
    ) -> Result<Option<Arc<OauthApp>>, VaultError> {
        let key = (integration.to_owned(), name.to_owned());
        if let Some(app) = self.inner.apps.get(&key) {
            return Ok(Some(Arc::new(app.clone())));
        }
        let Some(row) = self.inner.store.oauth_app(integration, name).await? else {
            return Ok(None);
        };
        let about = OauthApp::about(integration, name);
        let place = Place { about: &about, version: row.version };
        let fields = seal::open(self.keys(), place, &row.secrets).await?;
        Ok(Some(Arc::new(OauthApp::whole(facts(&row)?, fields))))
    }

    /// The same connection, with the app that it is made with if there is one.
    pub(super) async fn with_app(&self, mut subject: Subject) -> Result<Subject, VaultError> {
        let own = subject.method.oauth.is_none() || subject.field("client_id").is_some();
        if own || subject.app.is_some() {
            return Ok(subject);
        }
        let name = match subject.connection.facts.app.as_str() {
            "" => DEFAULT,
            name => name,
        };
        subject.app = self.app(&subject.connection.integration, name).await?;
        Ok(subject)
    }
}

fn facts(row: &OauthAppRow) -> Result<AppFacts, VaultError> {
    serde_json::from_str(&row.facts)
        .map_err(|_| VaultError::Corrupt(OauthApp::about(&row.integration, &row.name)))
}
