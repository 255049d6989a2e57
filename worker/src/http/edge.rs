//! What the routes for people share: the runs, the store, the keys, and who may come in.

use std::net::SocketAddr;
use std::sync::Arc;

use longhaul_activities::people::links::Links;
use longhaul_activities::tool::Integrations;
use longhaul_store::Store;

use super::error::ApiError;
use super::oidc::Oidc;
use super::session::Sessions;
use crate::client::Runs;
use crate::config::Config;
use crate::signing::SigningKey;
use crate::worker::Health;

/// The HTTP edge. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

/// What an [`Edge`] is made of.
pub struct Parts {
    health: Health,
    task_queue: String,
    address: String,
    pub(crate) store: Store,
    pub(crate) key: SigningKey,
    pub(crate) links: Links,
    pub(crate) sessions: Sessions,
    pub(crate) oidc: Option<Oidc>,
    /// The address under which people reach it, without a slash at its end.
    pub(crate) url: String,
    /// The integrations and their vault, if the worker has them.
    pub(crate) integrations: Option<Arc<Integrations>>,
    /// Whether only this machine reaches the listener.
    pub(crate) is_local: bool,
}

impl Edge {
    /// The edge of a worker that listens on `listens`.
    ///
    /// # Errors
    ///
    /// The client of the identity provider cannot be set up.
    pub fn new(
        config: &Config,
        health: Health,
        store: Store,
        key: SigningKey,
        listens: SocketAddr,
        integrations: Option<Arc<Integrations>>,
    ) -> Result<Self, longhaul_activities::error::Failure> {
        let url = config.edge.url.clone().unwrap_or_else(|| format!("http://{listens}"));
        let oidc = config.edge.oidc.clone().map(|settings| Oidc::new(settings, &config.env, &url));
        let sessions = Sessions::new(
            &key.derive("longhaul sessions 1"),
            config.edge.session,
            url.starts_with("https:"),
        );
        Ok(Self(Arc::new(Parts {
            health,
            task_queue: config.task_queue.clone(),
            address: config.address.clone().unwrap_or_else(|| "the configured address".to_owned()),
            store,
            links: key.links(&url),
            key,
            sessions,
            oidc: oidc.transpose()?,
            url,
            integrations,
            is_local: listens.ip().is_loopback(),
        })))
    }

    /// The runs, while the worker has a connection.
    pub(crate) fn runs(&self) -> Result<Runs, ApiError> {
        let client = self
            .health
            .client()
            .ok_or_else(|| ApiError::away("the worker has no connection to Temporal"))?;
        let runs = Runs::new(client, self.address.clone(), self.task_queue.clone());
        Ok(runs.with_store(self.store.clone()))
    }
}

impl std::ops::Deref for Edge {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
