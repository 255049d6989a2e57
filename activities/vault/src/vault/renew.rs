//! Keeping tokens fresh: one request for all who need one, in this process and in all others.
//!
//! Whoever renews holds the connection's lock in the process, then its lease in the store. After
//! either they look again: what somebody else has just fetched is used. The new token is stored
//! before the lease ends, by compare-and-swap on the version that was read. The work goes on if
//! whoever asked for it goes away: a refresh token that was spent must not be lost.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use longhaul_catalog::auth::AuthKind;
use longhaul_contract::time::Timestamp;

use super::Vault;
use crate::acquire::{acquire, wanted};
use crate::connection::Connection;
use crate::error::VaultError;
use crate::scrub::scrub;
use crate::subject::{ACCESS, Due, Origin, REFRESH, Subject};
use crate::token::{Granted, TIMEOUT, TokenTrouble, said};

/// How long a lease is held at most: longer than a token request and the writing of its reply.
const HOLD: Duration = TIMEOUT.saturating_mul(3);
/// How long somebody waits for another process to renew.
const PATIENCE: Duration = HOLD.saturating_add(Duration::from_secs(15));
/// How often somebody who waits looks again.
const PAUSE: Duration = Duration::from_millis(60);
/// A token that came because the one before was refused is not replaced again within that time.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a token server that fails is left alone: the first time, and at most.
const BLOCKED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How often the writing of a new token is tried.
const WRITES: u32 = 8;

/// Why a token is renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It ends, or there is none.
    Due,
    /// The service refused the token of that name.
    Rejected(String),
    /// Somebody asks for it who knows that version.
    Asked(u64),
}

impl Vault {
    /// The connection with a token that can be used, renewed if it has to be.
    pub(crate) async fn fresh(&self, id: &str) -> Result<Subject, VaultError> {
        let subject = self.load(id).await?;
        subject.usable()?;
        match subject.due(self.now(), self.inner.spread) {
            Due::Fresh => Ok(subject),
            // Somebody is at it, and what there is still holds.
            Due::Soon if self.flight(id).try_lock().is_err() => Ok(subject),
            Due::Soon | Due::Over => self.renew(id, Why::Due).await,
        }
    }

    /// Fetches a new token now, whatever the old one's time: `longhaul connections refresh`. It
    /// also tries a connection whose grant was refused before, unless that was just now.
    ///
    /// # Errors
    ///
    /// As the service answers; [`VaultError::Request`] for kinds that have no tokens.
    pub async fn refresh(&self, id: &str) -> Result<Connection, VaultError> {
        let subject = self.load(id).await?;
        if subject.origin() == Origin::Static {
            let problem = "it has no token that could be renewed: its key is sent as it is";
            return Err(VaultError::Request(problem.to_owned()));
        }
        let version = subject.connection.version;
        Ok(self.renew(id, Why::Asked(version)).await?.connection)
    }

    /// Asks for more scopes where nobody has to consent: service accounts, client credentials. If
    /// the service refuses, the connection stays as it was.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] for kinds that people consent to ([`Vault::begin`]) or that have
    /// none; what the service says.
    pub async fn widen(
        &self,
        id: &str,
        scopes: &BTreeSet<String>,
    ) -> Result<Connection, VaultError> {
        let subject = self.load(id).await?;
        if subject.origin() != Origin::Machine {
            let problem = "nobody but a person can give it more scopes";
            return Err(VaultError::Request(problem.to_owned()));
        }
        let before = subject.connection.clone();
        let mut wider = before.clone();
        wider.facts.scopes.get_or_insert_default().extend(scopes.iter().cloned());
        wider.updated_at = self.now();
        self.note(&wider).await?;
        match self.renew(id, Why::Asked(before.version)).await {
            Ok(renewed) => Ok(renewed.connection),
            Err(error) => {
                self.note(&before).await?;
                Err(error)
            }
        }
    }

    /// Renews a token, or waits for whoever does.
    pub(crate) async fn renew(&self, id: &str, why: Why) -> Result<Subject, VaultError> {
        let (vault, id) = (self.clone(), id.to_owned());
        // A task of its own: it is not broken off with its caller.
        let task = tokio::spawn(async move {
            let flight = vault.flight(&id);
            let _alone = flight.lock().await;
            vault.renew_alone(&id, &why).await
        });
        task.await.unwrap_or_else(|error| {
            Err(VaultError::upstream(format!("the renewal of a token broke off: {error}")))
        })
    }

    fn flight(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.inner.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds.
        if flights.len() > 1024 {
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        Arc::clone(flights.entry(id.to_owned()).or_default())
    }

    /// Whether the connection is as whoever wanted it renewed would have it.
    fn settled(&self, subject: &Subject, why: &Why) -> bool {
        match why {
            Why::Due => subject.due(self.now(), self.inner.spread) == Due::Fresh,
            Why::Rejected(name) => subject.token_name() != *name,
            Why::Asked(version) => subject.connection.version != *version,
        }
    }

    async fn renew_alone(&self, id: &str, why: &Why) -> Result<Subject, VaultError> {
        let name = format!("renew {id}");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let lease = loop {
            let subject = self.load(id).await?;
            self.may(&subject, why)?;
            if self.settled(&subject, why) {
                return Ok(subject);
            }
            if let Some(wait) = self.blocked(&subject) {
                return self.make_do(subject, why, "its token server failed just now", Some(wait));
            }
            if let Some(lease) = self.try_lease(&name, HOLD).await? {
                break lease;
            }
            // Somebody is at it, and what there is still holds.
            if *why == Why::Due && subject.due(self.now(), self.inner.spread) == Due::Soon {
                return Ok(subject);
            }
            if tokio::time::Instant::now() >= deadline {
                let message = "another process renews the token and does not come to an end";
                return Err(VaultError::upstream(message));
            }
            tokio::time::sleep(PAUSE).await;
        };
        let renewed = self.renew_leased(id, why).await;
        // Not given back, it ends by itself.
        if let Err(error) = lease.release().await {
            tracing::warn!(%error, "a lease could not be given back");
        }
        renewed
    }

    /// Whether there may be a request at all.
    fn may(&self, subject: &Subject, why: &Why) -> Result<(), VaultError> {
        let asked = matches!(why, Why::Asked(_));
        match subject.usable() {
            Err(VaultError::NeedsReauth(_)) if asked && subject.origin() == Origin::Machine => {
                Ok(())
            }
            Err(VaultError::NeedsReauth(_)) if asked && subject.secrets.contains_key(REFRESH) => {
                Ok(())
            }
            usable => usable,
        }
    }

    /// How long the token server is left alone.
    fn blocked(&self, subject: &Subject) -> Option<Duration> {
        let until = subject.connection.facts.blocked_until?;
        Some(until.since(self.now())).filter(|left| !left.is_zero())
    }

    /// The old token, if it can still be used.
    fn make_do(
        &self,
        subject: Subject,
        why: &Why,
        message: &str,
        retry_after: Option<Duration>,
    ) -> Result<Subject, VaultError> {
        let soon = subject.due(self.now(), self.inner.spread) == Due::Soon;
        if *why == Why::Due && soon {
            return Ok(subject);
        }
        Err(VaultError::Upstream { message: message.to_owned(), retry_after })
    }

    pub(super) async fn renew_leased(&self, id: &str, why: &Why) -> Result<Subject, VaultError> {
        // Once more: whoever had the lease may have written in between.
        let subject = self.load(id).await?;
        self.may(&subject, why)?;
        if self.settled(&subject, why) {
            return Ok(subject);
        }
        let now = self.now();
        if let (Why::Rejected(_), Some(last)) = (why, subject.connection.facts.rejected_at)
            && now.since(last) < AGAIN
        {
            let problem = "the service refuses a token that it has just given";
            return Err(VaultError::NeedsReauth(problem.to_owned()));
        }
        let subject = self.with_app(subject).await?;
        match acquire(&self.inner.tokens, &subject, now).await {
            Ok(granted) => self.keep(subject, granted, why).await,
            Err(trouble) => self.failed(subject, trouble, why).await,
        }
    }

    /// Stores what was granted. The token before may be void by now, so this is not given up
    /// easily.
    async fn keep(
        &self,
        subject: Subject,
        granted: Granted,
        why: &Why,
    ) -> Result<Subject, VaultError> {
        let now = self.now();
        let mut connection = subject.connection.clone();
        let mut secrets = (*subject.secrets).clone();
        let said_scopes = granted.scopes.is_some();
        apply(&mut connection, &mut secrets, granted, now);
        if subject.origin() == Origin::Machine {
            // RFC 6749, 5.1: what is not said is as it was asked for.
            let asked = wanted(&subject);
            let scopes = connection.facts.scopes.take().filter(|scopes| !scopes.is_empty());
            let said = said_scopes.then_some(scopes).flatten();
            connection.facts.scopes = said.or(Some(asked).filter(|asked| !asked.is_empty()));
        }
        if matches!(why, Why::Rejected(_)) {
            connection.facts.rejected_at = Some(now);
        }
        let mut pause = PAUSE;
        for attempt in 1.. {
            match self.write(&subject, connection.clone(), secrets.clone()).await {
                Ok(Some(written)) => return Ok(written),
                // Somebody made the connection anew meanwhile, by a newer grant.
                Ok(None) => break,
                Err(error) if error.is_passing() && attempt < WRITES => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                Err(error) => return Err(error),
            }
        }
        let newer = self.load(&subject.connection.id).await?;
        newer.usable()?;
        Ok(newer)
    }

    async fn failed(
        &self,
        subject: Subject,
        trouble: TokenTrouble,
        why: &Why,
    ) -> Result<Subject, VaultError> {
        let (message, refusal, retry_after) = match trouble {
            TokenTrouble::Vault(error) => return Err(error),
            TokenTrouble::Upstream { message, retry_after } => {
                (message, Refusal::Passing, retry_after)
            }
            TokenTrouble::Denied { code, message } => {
                (said(&code, &message), meaning(&subject, &code), None)
            }
        };
        let message = scrub(&message, subject.all_secrets());
        if refusal == Refusal::Ends {
            // Somebody without a lease may have spent the refresh token, and stored the next.
            let again = self.load(&subject.connection.id).await?;
            if again.connection.version != subject.connection.version {
                again.usable()?;
                return Ok(again);
            }
            let problem = format!("the service refuses to renew its token: {message}");
            if !self.needs_reauth(&subject, &problem).await? {
                let newer = self.load(&subject.connection.id).await?;
                newer.usable()?;
                return Ok(newer);
            }
            return Err(VaultError::NeedsReauth(problem));
        }
        let mut connection = subject.connection.clone();
        connection.facts.failures = connection.facts.failures.saturating_add(1);
        let (first, most) = BLOCKED;
        let wait = first.saturating_mul(1 << connection.facts.failures.min(12).saturating_sub(1));
        let wait = wait.min(most).max(retry_after.unwrap_or_default());
        connection.facts.blocked_until = Some(self.now().plus(wait));
        connection.facts.last_error = Some(message.clone());
        connection.updated_at = self.now();
        self.note(&connection).await?;
        if refusal == Refusal::Wrong {
            return Err(VaultError::Refused(message));
        }
        self.make_do(subject, why, &message, Some(retry_after.unwrap_or(wait)))
    }
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The grant is gone: somebody has to consent, or say a secret, again.
    Ends,
    /// The operator's app or the integration's data is wrong, and no person can mend it.
    Wrong,
    /// It passes.
    Passing,
}

/// What a refusal of that code means. Codes that nobody knows are taken for the end of the grant:
/// many vendors have words of their own for it.
fn meaning(subject: &Subject, code: &str) -> Refusal {
    const PASSING: [&str; 9] = [
        "server_error",
        "temporarily_unavailable",
        "slow_down",
        "ratelimited",
        "rate_limited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
    ];
    const DATA: [&str; 5] = [
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unsupported_grant_type",
        "http_405",
    ];
    const CLIENT: [&str; 7] = [
        "invalid_client",
        "unauthorized_client",
        "invalid_client_id",
        "bad_client_id",
        "bad_client_secret",
        "incorrect_client_credentials",
        "http_401",
    ];
    // Whoever is refused is the connection itself, and not the operator's app.
    let own = subject.origin() == Origin::Machine
        && (subject.app.is_none() || subject.method.kind == AuthKind::JwtBearer);
    if PASSING.contains(&code) {
        Refusal::Passing
    } else if DATA.contains(&code) || (CLIENT.contains(&code) && !own) {
        Refusal::Wrong
    } else {
        Refusal::Ends
    }
}

/// Writes what was granted over what a connection had.
pub(super) fn apply(
    connection: &mut Connection,
    secrets: &mut crate::seal::Fields,
    granted: Granted,
    now: Timestamp,
) {
    secrets.insert(ACCESS.to_owned(), granted.access_token);
    // One that is not given anew stays good.
    if let Some(token) = granted.refresh_token {
        secrets.insert(REFRESH.to_owned(), token);
    }
    let facts = &mut connection.facts;
    facts.refreshable = secrets.contains_key(REFRESH);
    facts.obtained_at = Some(now);
    facts.blocked_until = None;
    facts.failures = 0;
    facts.last_error = None;
    facts.token.extend(granted.kept);
    if granted.scopes.is_some() {
        facts.scopes = granted.scopes;
    }
    connection.expires_at = granted.lifetime.map(|lifetime| now.plus(lifetime));
    connection.state = crate::connection::ConnectionState::Connected;
}
