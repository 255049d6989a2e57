//! The catalogue's `Credentials` by a connection of the vault.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use longhaul_catalog::auth::AuthKind;
use longhaul_catalog::credentials::{ClientIdentity, MaskedRequest, Proof, Public};
use longhaul_catalog::{AuthTrouble, Credentials};
use longhaul_contract::time::Timestamp;
use reqwest::Request;

use crate::Secret;
use crate::acquire;
use crate::connection::{Connection, DEFAULT};
use crate::error::VaultError;
use crate::holes::need;
use crate::principal::Principal;
use crate::proof::{self, oauth1, sigv4};
use crate::subject::{Origin, Subject};
use crate::vault::{Vault, Why};

/// One connection, for the calls of one activity.
pub struct ConnectionCredentials {
    vault: Vault,
    /// As it was when this was made: what is public and granted.
    first: Subject,
    public: Public,
    /// A JWT that was signed for this, and until when it is used.
    jwt: Mutex<Option<(Secret, Timestamp)>>,
}

impl Vault {
    /// The principal's connection of that name (`default` if none), ready for requests: its token
    /// is renewed first if it has to be.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotConnected`], [`VaultError::NeedsReauth`] and whatever keeps it from
    /// getting a token; each becomes an [`AuthTrouble`] by `into`.
    pub async fn credentials(
        &self,
        principal: &Principal,
        integration: &str,
        name: Option<&str>,
    ) -> Result<ConnectionCredentials, VaultError> {
        let name = name.unwrap_or(DEFAULT);
        let found = self.find(principal, integration, name).await?;
        let connection = found.ok_or_else(|| VaultError::NotConnected {
            principal: principal.to_string(),
            integration: integration.to_owned(),
            name: name.to_owned(),
        })?;
        self.credentials_of(&connection.id).await
    }

    /// The same for the connection of that id.
    ///
    /// # Errors
    ///
    /// As [`Vault::credentials`].
    pub async fn credentials_of(&self, id: &str) -> Result<ConnectionCredentials, VaultError> {
        let first = self.fresh(id).await?;
        let public = Public {
            config: first.connection.facts.config.clone(),
            token: first.connection.facts.token.clone(),
        };
        Ok(ConnectionCredentials { vault: self.clone(), first, public, jwt: Mutex::new(None) })
    }
}

impl ConnectionCredentials {
    /// The connection, as it was when this was made.
    pub fn connected(&self) -> &Connection {
        &self.first.connection
    }

    fn jwt(&self, subject: &Subject, now: Timestamp) -> Result<Option<Secret>, VaultError> {
        let Some(block) =
            subject.method.jwt.as_ref().filter(|_| subject.method.kind == AuthKind::JwtSelf)
        else {
            return Ok(None);
        };
        let mut held = self.jwt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((jwt, until)) = &*held
            && now < *until
        {
            return Ok(Some(jwt.clone()));
        }
        let scopes = subject.connection.facts.scopes.clone().unwrap_or_default();
        let jwt = acquire::signed(subject, block, &scopes, None, now)?;
        *held = Some((jwt.clone(), now.plus(acquire::usable_for(block)?)));
        Ok(Some(jwt))
    }

    fn sign(&self, subject: &Subject, request: &mut Request) -> Result<(), VaultError> {
        let now = self.vault.now();
        let jwt = self.jwt(subject, now)?;
        proof::add(subject, jwt.as_ref(), request)?;
        let field = |name: &str| {
            subject
                .field(name)
                .ok_or_else(|| VaultError::Refused(format!("the connection does not say `{name}`")))
        };
        let method = &subject.method;
        if let (AuthKind::AwsSigv4, Some(block)) = (method.kind, &method.sigv4) {
            let region = need(&block.region, &|name| subject.lookup(name))?;
            let host = request.url().host_str().unwrap_or_default();
            let (service, by_host) =
                sigv4::of_host(host).unwrap_or_else(|| (block.service.clone(), None));
            let (key_id, secret) = (field("access_key_id")?, field("secret_access_key")?);
            let session = subject.field("session_token");
            let signer = sigv4::Signer {
                key_id: key_id.expose(),
                secret: &secret,
                session_token: session.as_ref(),
                region: by_host.as_deref().unwrap_or(region.expose()),
                service: &service,
            };
            return sigv4::sign(&signer, request, now);
        }
        if let (AuthKind::Oauth1, Some(block)) = (method.kind, &method.oauth1) {
            let realm = match &block.realm {
                Some(realm) => Some(need(realm, &|name| subject.lookup(name))?),
                None => None,
            };
            let (key, secret) = (field("consumer_key")?, field("consumer_secret")?);
            let (token, token_secret) = (subject.field("token"), subject.field("token_secret"));
            let signer = oauth1::Signer {
                consumer_key: &key,
                consumer_secret: &secret,
                token: token.as_ref(),
                token_secret: token_secret.as_ref(),
                realm: realm.as_ref().map(Secret::expose),
                method: &block.signature_method,
            };
            return oauth1::sign(&signer, request, now);
        }
        Ok(())
    }
}

impl fmt::Debug for ConnectionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionCredentials")
            .field("connection", &self.first.connection.id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Credentials for ConnectionCredentials {
    fn method(&self) -> &str {
        &self.first.connection.method
    }

    fn connection(&self) -> &str {
        &self.first.connection.id
    }

    fn public(&self) -> &Public {
        &self.public
    }

    async fn prove(&self, request: &mut Request) -> Result<Proof, AuthTrouble> {
        let subject = self.vault.fresh(&self.first.connection.id).await?;
        self.sign(&subject, request)?;
        Ok(Proof(subject.token_name()))
    }

    async fn rejected(&self, proof: &Proof) -> Result<bool, AuthTrouble> {
        let id = &self.first.connection.id;
        if self.first.origin() == Origin::Static {
            let subject = self.vault.load(id).await?;
            // Somebody may have said a new key meanwhile.
            if subject.token_name() != proof.0 {
                return Ok(true);
            }
            let reason = "the service refuses its key".to_owned();
            return Err(AuthTrouble::NeedsReauth { reason });
        }
        let subject = self.vault.load(id).await?;
        if subject.token_name() == proof.0
            && subject.origin() == Origin::Person
            && !subject.connection.facts.refreshable
        {
            let reason = "the service refuses its token, and nothing can renew it".to_owned();
            self.vault.needs_reauth(&subject, &reason).await?;
            return Err(AuthTrouble::NeedsReauth { reason });
        }
        self.vault.renew(id, Why::Rejected(proof.0.clone())).await?;
        Ok(true)
    }

    fn masked(&self, request: &mut MaskedRequest) {
        proof::add_masked(&self.first, request);
    }

    fn scopes(&self) -> Option<&BTreeSet<String>> {
        self.first.connection.facts.scopes.as_ref()
    }

    fn identity(&self) -> Option<ClientIdentity> {
        let pem = self.first.identity()?;
        Some(ClientIdentity { pem: pem.expose().as_bytes().to_vec() })
    }
}
