//! One request until there is an answer to it: its turn, its proof, redirects, waits and repeats.

mod judge;
mod secrets;
mod send;
#[cfg(test)]
mod tests;
mod wait;

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

pub(crate) use self::judge::request_id;
use self::judge::{Verdict, judge};
use self::send::Sent;
use crate::credentials::{AuthTrouble, Credentials, Prepared, Proof};
use crate::engine::Engine;
use crate::error::{AuthNeeded, CallError, ErrorKind, Failure};
use crate::integration::Integration;
use crate::operation::Operation;

/// Most times that a request goes out without a new call.
const MOST_TRIES: u32 = 6;
/// When to call again if the vendor does not say: too many requests, or a failure.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// A vendor's answer.
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// As it came, but for secrets of ours in it.
    pub body: Vec<u8>,
    /// The body, unless it is a file.
    pub json: Value,
    /// What the request was proved with, to be kept out of everything.
    pub secrets: Vec<String>,
    proof: Option<Proof>,
}

/// The requests of one call.
pub(crate) struct Exchange<'a> {
    pub engine: &'a Engine,
    pub integration: &'a Integration,
    pub operation: &'a Operation,
    pub credentials: &'a dyn Credentials,
    /// Whether a request that may have arrived can go out again.
    pub repeatable: bool,
    pub waited: Duration,
    pub requests: u32,
    pub renewed: bool,
}

impl Exchange<'_> {
    /// The good answer to `prepared`.
    pub(crate) async fn run(&mut self, prepared: &Prepared) -> Result<Reply, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let key = format!("{}/{}", self.integration.slug, self.credentials.connection());
            let permit = self.turn(&key).await?;
            self.requests += 1;
            let sent = self.send(prepared).await?;
            drop(permit);
            let reply = match sent {
                Sent::Reply(reply) => *reply,
                Sent::Not(why) => {
                    let error = self.unreachable(&why);
                    self.again(tries, None, error, true).await?;
                    continue;
                }
                Sent::Lost(why) => {
                    let error = self.unreachable(&why);
                    self.again(tries, None, error, self.repeatable).await?;
                    continue;
                }
            };
            match judge(self.integration, self.operation, &reply, SystemTime::now()) {
                Verdict::Good => return Ok(reply),
                Verdict::Bad(error) => return Err(error.into()),
                Verdict::Scopes(missing) => {
                    return Err(self.trouble(AuthTrouble::MissingScopes { missing }));
                }
                Verdict::Limited { after, error } => {
                    let pause = after.unwrap_or_else(|| self.backoff(tries));
                    self.engine.limiter.pause(&key, pause).await;
                    self.again(tries, after, error, true).await?;
                }
                Verdict::Passing { after, error, refused } => {
                    self.again(tries, after, error, refused || self.repeatable).await?;
                }
                Verdict::Unauthorized => self.renew(&reply).await?,
            }
        }
    }

    /// What `trouble` of the credentials means for the call.
    pub(crate) fn trouble(&self, trouble: AuthTrouble) -> Failure {
        let slug = &self.integration.slug;
        match trouble {
            AuthTrouble::Refused { message } => {
                CallError::new(ErrorKind::Auth, format!("{slug}: {message}")).into()
            }
            AuthTrouble::Upstream { message, retry_after } => {
                let mut error = CallError::new(ErrorKind::Upstream, format!("{slug}: {message}"));
                error.retryable = true;
                let after = retry_after.unwrap_or(LONG_WAIT);
                Failure::RetryAfter { after, error: Box::new(error) }
            }
            trouble @ (AuthTrouble::NotConnected { .. }
            | AuthTrouble::NeedsReauth { .. }
            | AuthTrouble::MissingScopes { .. }) => {
                let method = self.credentials.method().to_owned();
                let scopes = self.operation.scopes(&method);
                let integration = slug.clone();
                Failure::Auth(Box::new(AuthNeeded { integration, method, scopes, trouble }))
            }
        }
    }

    async fn turn(&mut self, key: &str) -> Result<crate::limit::Permit, Failure> {
        let limits = self.integration.defaults.limits.as_ref();
        let patience = self.engine.settings.patience.saturating_sub(self.waited);
        let begun = tokio::time::Instant::now();
        let permit = self.engine.limiter.acquire(key, limits, patience).await;
        self.waited += begun.elapsed();
        permit.map_err(|after| {
            let message = format!("{} takes no more requests just now", self.integration.name);
            let mut error = CallError::new(ErrorKind::RateLimit, message);
            error.retryable = true;
            Failure::RetryAfter { after, error: Box::new(error) }
        })
    }

    /// After a refused token: whether to try once more with another.
    async fn renew(&mut self, reply: &Reply) -> Result<(), Failure> {
        let gone = || AuthTrouble::NeedsReauth {
            reason: format!("{} does not take its token", self.integration.name),
        };
        let Some(proof) = reply.proof.as_ref().filter(|_| !self.renewed) else {
            return Err(self.trouble(gone()));
        };
        self.renewed = true;
        match self.credentials.rejected(proof).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.trouble(gone())),
            Err(trouble) => Err(self.trouble(trouble)),
        }
    }

    /// Waits for the next try, or says why there is none.
    async fn again(
        &mut self,
        tries: u32,
        after: Option<Duration>,
        mut error: CallError,
        safe: bool,
    ) -> Result<(), Failure> {
        if !safe {
            return Err(self.unknown(error).into());
        }
        let wait = after.unwrap_or_default().max(self.backoff(tries));
        if tries >= MOST_TRIES || self.waited.saturating_add(wait) > self.engine.settings.patience {
            error.retryable = true;
            let after = after.unwrap_or(LONG_WAIT).max(wait);
            return Err(Failure::RetryAfter { after, error: Box::new(error) });
        }
        self.waited += wait;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn backoff(&self, tries: u32) -> Duration {
        self.engine.settings.backoff.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
    }

    fn unreachable(&self, why: &str) -> CallError {
        let message = format!("{} cannot be reached: {why}", self.integration.name);
        CallError::new(ErrorKind::Upstream, message)
    }

    /// It may have happened.
    pub(crate) fn unknown(&self, error: CallError) -> CallError {
        let reconcile = self.operation.reconcile.as_ref();
        let reconcile = reconcile.map(|name| format!("{}.{name}", self.integration.slug));
        let hint = match &reconcile {
            Some(name) => format!("find out with `{name}` before you try again"),
            None => "find out whether it happened before you try again".to_owned(),
        };
        CallError {
            kind: ErrorKind::OutcomeUnknown,
            message: format!("it may or may not have happened: {}", error.message),
            retryable: false,
            hint: Some(hint),
            reconcile,
            ..error
        }
    }
}
