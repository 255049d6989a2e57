//! Disconnecting: the grant is given back, and nothing secret of it is left here.

use longhaul_catalog::auth::{ClientAuth, Revoke, RevokeAuth};
use reqwest::Method;
use serde::Serialize;

use super::Vault;
use crate::acquire::token_request;
use crate::connection::{Connection, ConnectionState};
use crate::error::VaultError;
use crate::holes::fill;
use crate::scrub::scrub;
use crate::seal::Fields;
use crate::subject::{ACCESS, REFRESH, Subject};
use crate::token::{TokenTrouble, bearer, said};

/// What became of a connection that was given back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disconnected {
    /// The connection, of which nothing secret is left.
    pub connection: Connection,
    /// Whether the service took the grant back; none if it has no way to.
    pub at_service: Option<bool>,
    /// What it said otherwise, free of secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Vault {
    /// Gives a grant back to the service, if it takes any, and wipes the connection's secrets. If
    /// the service cannot be reached, they are wiped all the same, and the report says so: the
    /// grant has to be ended at the service then.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn disconnect(&self, id: &str) -> Result<Disconnected, VaultError> {
        let mut told = None;
        loop {
            let subject = match self.load(id).await {
                Ok(subject) => self.with_app(subject).await?,
                // What cannot be opened can still be deleted.
                Err(error @ (VaultError::Corrupt(_) | VaultError::Key(_))) => {
                    return self.wipe_unopened(id, &error).await;
                }
                Err(error) => return Err(error),
            };
            if told.is_none() {
                told = Some(self.give_back(&subject).await);
            }
            let mut connection = subject.connection.clone();
            connection.state = ConnectionState::Revoked;
            connection.expires_at = None;
            connection.facts.refreshable = false;
            connection.facts.scopes = None;
            connection.facts.token.clear();
            connection.facts.fields.clear();
            connection.facts.last_error = None;
            if let Some(written) = self.write(&subject, connection, Fields::new()).await? {
                self.inner.store.drop_consents(id).await?;
                self.lock_held().remove(id);
                let (at_service, problem) = match told.unwrap_or(Ok(false)) {
                    Ok(true) => (Some(true), None),
                    Ok(false) => (None, None),
                    Err(problem) => (Some(false), Some(problem)),
                };
                return Ok(Disconnected { connection: written.connection, at_service, problem });
            }
        }
    }

    /// Deletes a connection for good, which was given back before.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] if it still has secrets.
    pub async fn remove(&self, id: &str) -> Result<(), VaultError> {
        if self.connection(id).await?.state != ConnectionState::Revoked {
            let problem = "it is still connected\nhint: revoke it first";
            return Err(VaultError::Request(problem.to_owned()));
        }
        self.inner.store.remove_connection(id).await?;
        Ok(())
    }

    async fn wipe_unopened(&self, id: &str, why: &VaultError) -> Result<Disconnected, VaultError> {
        let mut connection = self.connection(id).await?;
        self.inner.store.remove_connection(id).await?;
        connection.state = ConnectionState::Revoked;
        let problem = Some(format!("{why}; it was deleted, and the service was not told"));
        Ok(Disconnected { connection, at_service: Some(false), problem })
    }

    /// Whether the service took it back; false if it has no way to.
    async fn give_back(&self, subject: &Subject) -> Result<bool, String> {
        let Some(oauth) = &subject.method.oauth else { return Ok(false) };
        let Some(template) = &oauth.revoke_url else { return Ok(false) };
        // The refresh token first: with it, most services end the whole grant.
        let tokens = [REFRESH, ACCESS];
        let mut tokens =
            tokens.into_iter().filter_map(|kind| Some((kind, subject.secrets.get(kind)?)));
        let Some((kind, token)) = tokens.next() else { return Ok(false) };
        let words = |error: VaultError| scrub(&error.to_string(), subject.all_secrets());
        let mut request = token_request(subject, template, self.now()).map_err(words)?;
        match &oauth.revoke {
            None => {
                request.parameters.push(("token".to_owned(), token.clone()));
                request.with("token_type_hint", kind);
            }
            Some(Revoke { method, auth, body, body_format }) => {
                request.method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
                request.parameters.clear();
                request.headers.clear();
                request.body = *body_format;
                match (auth, subject.client(), subject.secrets.get(ACCESS)) {
                    (RevokeAuth::Client, Some((id, secret)), _) => {
                        request.authenticate(ClientAuth::Basic, &id, secret.as_ref());
                        request.parameters.clear();
                    }
                    (RevokeAuth::Bearer, _, Some(token)) => request.headers.push(bearer(token)),
                    (RevokeAuth::Client | RevokeAuth::Bearer | RevokeAuth::None, _, _) => {}
                }
                for (name, template) in body {
                    let value = fill(template, &|name| subject.lookup(name)).map_err(words)?;
                    if let Some(value) = value {
                        request.parameters.push((name.clone(), value));
                    }
                }
            }
        }
        match self.inner.tokens.send(request).await {
            Ok(_) => Ok(true),
            Err(TokenTrouble::Denied { code, message }) => {
                Err(scrub(&said(&code, &message), subject.all_secrets()))
            }
            Err(trouble) => Err(words(trouble.into_error())),
        }
    }
}
