//! Calls of the catalogue's operations: with whose account, and what is asked of a person before
//! they can be made.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use longhaul_catalog::credentials::{ClientIdentity, MaskedRequest, Proof, Public, Unconnected};
use longhaul_catalog::engine::{Call, Engine, EngineSettings};
use longhaul_catalog::error::{AuthNeeded, CallError, ErrorKind, Failure as CallFailure};
use longhaul_catalog::{AuthTrouble, Catalog, Credentials, Search};
use longhaul_contract::definition::{ActsFor, Definition};
use longhaul_contract::interrupt::{Connect, InterruptKind, Judged, Plan, Stage};
use longhaul_contract::policy::{OnDeadline, Outcome, RunFacts, Verdict};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ConnectionNeed, ToolErrorKind, ToolInvocation, ToolSpec};
use longhaul_vault::{ConnectionState, Principal, Vault, VaultError};
use serde_json::Value;

use super::Attempt;
use super::trouble::{Course, EffectSeen, Trouble};
use crate::error::Failure;

/// How long a run waits for somebody to connect an account.
const CONSENT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// By how much the clocks of Temporal and of a worker may differ.
const SKEW: Duration = Duration::from_secs(5);

/// What a call of an operation led to.
pub(crate) enum Called {
    /// Its result, as text.
    Done(String),
    /// It did not work.
    Trouble(Trouble),
    /// A person has to do or to say something first.
    Ask(Box<Judged>),
}

/// The catalogue, what calls its operations, and the vault that proves for whom.
pub struct Integrations {
    /// The integrations.
    pub catalog: Arc<Catalog>,
    /// What makes calls.
    pub engine: Engine,
    /// The connections. Without it only operations can be called that need no account.
    pub vault: Option<Vault>,
    /// The address of the worker's HTTP edge, for links where people connect accounts.
    pub edge: Option<String>,
    search: OnceLock<Search>,
}

impl std::fmt::Debug for Integrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Integrations").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Nobody in particular sends the request.
#[derive(Default)]
struct Nobody {
    public: Public,
}

#[async_trait]
impl Credentials for Nobody {
    fn method(&self) -> &str {
        "none"
    }

    fn connection(&self) -> &str {
        "none"
    }

    fn public(&self) -> &Public {
        &self.public
    }

    async fn prove(&self, _: &mut reqwest::Request) -> Result<Proof, AuthTrouble> {
        Ok(Proof::default())
    }

    async fn rejected(&self, _: &Proof) -> Result<bool, AuthTrouble> {
        Ok(false)
    }

    fn masked(&self, _: &mut MaskedRequest) {}

    fn scopes(&self) -> Option<&std::collections::BTreeSet<String>> {
        None
    }

    fn identity(&self) -> Option<ClientIdentity> {
        None
    }
}

/// Whose accounts the calls of a run act with.
///
/// # Errors
///
/// The run acts for whoever starts it, and nobody knows for certain who that is.
pub fn principal(definition: &Definition, run: &RunFacts) -> Result<Principal, String> {
    let parsed = |text: String| text.parse::<Principal>().map_err(|error| error.to_string());
    match &definition.acts_for {
        ActsFor::Agent => parsed(format!("agent:{}", definition.name)),
        ActsFor::Principal(principal) => parsed(principal.clone()),
        ActsFor::Starter => match &run.starter {
            Some(starter) if run.starter_proven => parsed(format!("user:{starter}")),
            Some(_) | None => Err("the agent acts for whoever starts it, and nobody can tell for \
                 certain who started this run; start it through the worker's HTTP edge"
                .to_owned()),
        },
    }
}

impl Integrations {
    /// These parts together.
    pub fn new(
        catalog: Arc<Catalog>,
        engine: Engine,
        vault: Option<Vault>,
        edge: Option<String>,
    ) -> Self {
        Self { catalog, engine, vault, edge, search: OnceLock::new() }
    }

    /// The catalogue that is compiled in, and no account.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn plain() -> Result<Self, longhaul_net::http::ClientError> {
        let engine = Engine::new(EngineSettings::default())?;
        Ok(Self::new(Arc::new(Catalog::builtin()), engine, None, None))
    }

    /// Makes the call once.
    pub(crate) async fn call(
        &self,
        definition: &Definition,
        spec: &ToolSpec,
        invocation: &ToolInvocation,
        operation: (&str, &str),
        attempt: Attempt,
        first_attempt: Option<SystemTime>,
    ) -> Result<Called, Failure> {
        let (slug, operation) = operation;
        let Some(integration) = self.catalog.integration(slug) else {
            let message = format!("this worker has no integration `{slug}` any more");
            return Ok(Called::Trouble(Trouble::new(ToolErrorKind::NotFound, message)));
        };
        // The file may have been changed since the run was pinned: what it does is as it is now.
        let now = integration.operations.get(operation);
        if now.is_some_and(|now| now.effect() > spec.effect) {
            let message = format!("`{}` does more than it did when the run began", spec.name);
            return Ok(Called::Trouble(Trouble::forbidden(message)));
        }
        let run = invocation.judging.as_ref().map(|judging| judging.run.clone());
        let owner = match principal(definition, &run.unwrap_or_default()) {
            Ok(owner) => owner,
            Err(message) => {
                return Ok(Called::Trouble(Trouble::new(ToolErrorKind::Auth, message)));
            }
        };
        let credentials: Box<dyn Credentials> = match &spec.connection {
            None => Box::new(Nobody::default()),
            Some(need) => match self.credentials(&owner, need).await {
                Ok(credentials) => credentials,
                Err(error) => return Ok(self.unproven(&owner, need, error)),
            },
        };
        let call = Call {
            integration: &integration,
            operation,
            arguments: &invocation.arguments,
            key: Some(&invocation.key),
            first_attempt: first_attempt.filter(|_| attempt.number > 1),
        };
        Ok(match self.engine.call(&call, &*credentials).await {
            Ok(answer) => Called::Done(answer.for_model().to_string()),
            Err(CallFailure::Error(error)) => Called::Trouble(trouble(&error)),
            Err(CallFailure::RetryAfter { after, error }) => {
                // Only what certainly did not happen, or what may be repeated, comes so.
                Called::Trouble(Trouble { course: Course::Passing(Some(after)), ..trouble(&error) })
            }
            Err(CallFailure::Auth(needed)) => match &spec.connection {
                Some(need) => self.needed(&owner, need, &needed),
                None => Called::Trouble(trouble(&needed.error())),
            },
        })
    }

    /// The request that a call would make, for people; `None` where it cannot be told.
    pub async fn preview(
        &self,
        definition: &Definition,
        run: &RunFacts,
        spec: &ToolSpec,
        operation: (&str, &str),
        arguments: &Value,
    ) -> Option<String> {
        let (slug, operation) = operation;
        let integration = self.catalog.integration(slug)?;
        let owner = principal(definition, run).ok()?;
        let unconnected =
            |name: &str| Box::new(Unconnected::new(&integration, None, name, Public::default()));
        let credentials: Box<dyn Credentials> = match &spec.connection {
            Some(need) => match self.credentials(&owner, need).await {
                Ok(credentials) => credentials,
                Err(_) => unconnected(&need.name),
            },
            None => Box::new(Nobody::default()),
        };
        let call = Call {
            integration: &integration,
            operation,
            arguments,
            key: None,
            first_attempt: None,
        };
        let preview = self.engine.preview(&call, &*credentials).await.ok()?;
        Some(preview.to_string())
    }

    /// The index over the catalogue, made when it is first asked.
    pub(crate) fn search(&self) -> &Search {
        self.search.get_or_init(|| Search::of(&self.catalog))
    }

    /// Whether the account that a gate waits for has come, with the scopes that it asks for, since
    /// the gate was opened: one that was there before has not helped.
    pub(crate) async fn has(&self, wanted: &Connect, since: Timestamp) -> bool {
        let (Some(vault), Ok(owner)) = (&self.vault, wanted.principal.parse::<Principal>()) else {
            return false;
        };
        let found = vault.find(&owner, &wanted.integration, &wanted.connection).await;
        found.ok().flatten().is_some_and(|found| {
            let granted = found.facts.scopes.as_ref();
            found.state == ConnectionState::Connected
                && found.updated_at.plus(SKEW) >= since
                && wanted.scopes.iter().all(|scope| granted.is_none_or(|all| all.contains(scope)))
        })
    }

    /// Whether the account is there; if not, somebody is asked for it.
    pub(crate) async fn connected(
        &self,
        definition: &Definition,
        invocation: &ToolInvocation,
        need: &ConnectionNeed,
    ) -> Called {
        let run = invocation.judging.as_ref().map(|judging| judging.run.clone());
        let owner = match principal(definition, &run.unwrap_or_default()) {
            Ok(owner) => owner,
            Err(message) => return Called::Trouble(Trouble::new(ToolErrorKind::Auth, message)),
        };
        match self.credentials(&owner, need).await {
            Ok(_) => Called::Done(format!("`{}` is connected", need.integration)),
            Err(error) => self.unproven(&owner, need, error),
        }
    }

    async fn credentials(
        &self,
        owner: &Principal,
        need: &ConnectionNeed,
    ) -> Result<Box<dyn Credentials>, VaultError> {
        let Some(vault) = &self.vault else {
            return Err(VaultError::NotConnected {
                principal: owner.to_string(),
                integration: need.integration.clone(),
                name: need.name.clone(),
            });
        };
        let found = vault.credentials(owner, &need.integration, Some(&need.name)).await?;
        Ok(Box::new(found))
    }

    /// What becomes of a call whose account is not there, or cannot be asked for its token now.
    fn unproven(&self, owner: &Principal, need: &ConnectionNeed, error: VaultError) -> Called {
        let trouble = AuthTrouble::from(error);
        match trouble {
            AuthTrouble::NotConnected { .. }
            | AuthTrouble::NeedsReauth { .. }
            | AuthTrouble::MissingScopes { .. } => {
                let needed = AuthNeeded {
                    integration: need.integration.clone(),
                    method: String::new(),
                    scopes: Vec::new(),
                    trouble,
                };
                self.needed(owner, need, &needed)
            }
            AuthTrouble::Refused { message } => {
                Called::Trouble(Trouble::new(ToolErrorKind::Auth, message))
            }
            AuthTrouble::Upstream { message, retry_after } => Called::Trouble(
                Trouble::new(ToolErrorKind::Upstream, message).on(Course::Passing(retry_after)),
            ),
        }
    }

    /// The gate at which somebody connects the account, or lets it do more.
    fn needed(&self, owner: &Principal, need: &ConnectionNeed, needed: &AuthNeeded) -> Called {
        let mut scopes = match &needed.trouble {
            AuthTrouble::MissingScopes { missing } => missing.clone(),
            AuthTrouble::NotConnected { .. }
            | AuthTrouble::NeedsReauth { .. }
            | AuthTrouble::Refused { .. }
            | AuthTrouble::Upstream { .. } => needed.scopes.clone(),
        };
        if scopes.is_empty() {
            scopes = need.scopes.values().flatten().cloned().collect();
            scopes.sort();
            scopes.dedup();
        }
        if let AuthTrouble::Refused { message } = &needed.trouble {
            return Called::Trouble(Trouble::new(ToolErrorKind::Auth, message.clone()));
        }
        let connect = Connect {
            integration: need.integration.clone(),
            connection: need.name.clone(),
            principal: owner.to_string(),
            link: self.link(owner, need, &scopes),
            scopes,
        };
        let reason =
            format!("{} of `{owner}` has to be connected: {}", connect.integration, needed.trouble);
        Called::Ask(Box::new(asking(connect, reason, Timestamp::from(SystemTime::now()))))
    }

    fn link(&self, owner: &Principal, need: &ConnectionNeed, scopes: &[String]) -> Option<String> {
        let edge = self.edge.as_ref()?;
        let mut url = url::Url::parse(edge).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(["connect", &need.integration]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("principal", &owner.to_string()).append_pair("name", &need.name);
            if !scopes.is_empty() {
                query.append_pair("scopes", &scopes.join(" "));
            }
        }
        Some(url.to_string())
    }
}

/// How somebody is asked to connect an account.
pub(crate) fn asking(connect: Connect, reason: String, now: Timestamp) -> Judged {
    let mut command = format!("longhaul connect {}", connect.integration);
    if connect.connection != "default" {
        command.push_str(&format!(" --name {}", connect.connection));
    }
    command.push_str(&format!(" --for {}", connect.principal));
    if !connect.scopes.is_empty() {
        command.push_str(&format!(" --scopes '{}'", connect.scopes.join(" ")));
    }
    let plan = Plan {
        kind: InterruptKind::Auth,
        stages: vec![Stage { groups: Vec::new(), until: now.plus(CONSENT), remind_at: Vec::new() }],
        outcome: OnDeadline::Deny,
        approvers: Vec::new(),
        rules: Vec::new(),
        because: Vec::new(),
        preview: Some(command),
        offers: Vec::new(),
        response: None,
        batch: false,
        masked: None,
        connect: Some(connect),
        resume: None,
    };
    let verdict = Verdict::new(Outcome::Ask, reason);
    Judged { verdict, plan: Some(plan) }
}

/// An error of a call, for the model and for whoever decides whether it is made again.
fn trouble(error: &CallError) -> Trouble {
    let kind = match error.kind {
        ErrorKind::Auth => ToolErrorKind::Auth,
        ErrorKind::Permission => ToolErrorKind::Permission,
        ErrorKind::NotFound => ToolErrorKind::NotFound,
        ErrorKind::Validation => ToolErrorKind::Validation,
        ErrorKind::RateLimit => ToolErrorKind::RateLimit,
        ErrorKind::Conflict => ToolErrorKind::Conflict,
        ErrorKind::Upstream => ToolErrorKind::Upstream,
        ErrorKind::OutcomeUnknown => ToolErrorKind::Upstream,
        ErrorKind::Policy => ToolErrorKind::Forbidden,
    };
    let trouble = Trouble::new(kind, error.for_model().to_string());
    match error.kind {
        ErrorKind::OutcomeUnknown => trouble.with_effect(EffectSeen::Perhaps),
        ErrorKind::Auth
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::Validation
        | ErrorKind::RateLimit
        | ErrorKind::Conflict
        | ErrorKind::Upstream
        | ErrorKind::Policy => trouble,
    }
}
