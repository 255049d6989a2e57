//! Which Temporal server is meant, and the connection to it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use temporalio_client::envconfig::{ClientConfigProfile, LoadClientConfigProfileOptions};
use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, Status};
use temporalio_client::{
    Client, ClientInterceptor, ClientOptions, Connection, ConnectionOptions, GrpcCompression,
};
use temporalio_common::envconfig::load_client_config_profile;
use temporalio_common::telemetry::metrics::TemporalMeter;
use url::Host;

use super::Config;
use crate::dev;
use crate::env_vars::Env;

/// The address of a server that nothing names.
const DEFAULT_ADDRESS: &str = "localhost:7233";
const DEFAULT_NAMESPACE: &str = "default";
/// Longest wait for one attempt to connect. A name that resolves to nobody who listens would
/// otherwise be tried for ever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A Temporal server and namespace, and why this one.
#[derive(Clone)]
pub struct Target {
    /// The address, for people: `host:port`, or as it was given.
    pub address: String,
    /// The namespace.
    pub namespace: String,
    /// Who named the address.
    pub source: TargetSource,
    options: Box<ConnectionOptions>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options may hold an API key or a private key.
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("namespace", &self.namespace)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// The same server, with requests to it counted by `meter`.
    #[must_use]
    pub fn measured_by(mut self, meter: Option<TemporalMeter>) -> Self {
        self.options.metrics_meter = meter;
        self
    }
}

/// Who named the address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSource {
    /// The flag `--address`.
    Flag,
    /// The variable `TEMPORAL_ADDRESS`.
    Variable,
    /// A profile of `temporal.toml`.
    Profile(String),
    /// A `longhaul dev` that runs in this folder.
    Dev,
    /// Nobody.
    Default,
}

impl fmt::Display for TargetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("named by `--address`"),
            Self::Variable => f.write_str("named by `TEMPORAL_ADDRESS`"),
            Self::Profile(name) => write!(f, "named by profile `{name}` of `temporal.toml`"),
            Self::Dev => f.write_str("of the running `longhaul dev`"),
            Self::Default => f.write_str("the default, as nothing names another"),
        }
    }
}

/// Why there is no connection to a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The `TEMPORAL_*` variables or `temporal.toml` cannot be used.
    #[error("cannot read the connection to Temporal from `TEMPORAL_*` and `temporal.toml`: {0}")]
    Settings(String),
    /// Nobody answers.
    #[error(
        "cannot reach a Temporal server at `{address}` ({source_of}): {problem}\nhint: start one \
         with `longhaul dev`, or name another with `--address` or `TEMPORAL_ADDRESS`"
    )]
    Unreachable {
        /// The address.
        address: String,
        /// Who named it.
        source_of: TargetSource,
        /// What happened.
        problem: String,
    },
    /// The server wants other credentials.
    #[error(
        "the Temporal server at `{address}` refuses the credentials: {problem}\nhint: set \
         `TEMPORAL_API_KEY` or the `TEMPORAL_TLS_*` variables"
    )]
    Denied {
        /// The address.
        address: String,
        /// What the server said.
        problem: String,
    },
    /// Something answers that is no Temporal server, or a broken one.
    #[error("what answers at `{address}` does not answer as a Temporal server: {problem}")]
    NotTemporal {
        /// The address.
        address: String,
        /// What it said.
        problem: String,
    },
}

impl ConnectError {
    /// Whether the same attempt may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Settings(_) | Self::Denied { .. } | Self::NotTemporal { .. } => false,
        }
    }
}

/// The server that flag, variable or profile name, in this order; `None` if none of them does.
///
/// # Errors
/// If the variables or `temporal.toml` cannot be read or name something impossible.
pub fn external(config: &Config) -> Result<Option<Target>, ConnectError> {
    let mut profile = profile(&config.env)?;
    let (address, source) = match (&config.address, profile.address.take()) {
        (Some(address), _) => (address.clone(), TargetSource::Flag),
        (None, Some(address)) => {
            let source = if config.env.get("TEMPORAL_ADDRESS").is_some() {
                TargetSource::Variable
            } else {
                let name = config.env.get("TEMPORAL_PROFILE").unwrap_or("default");
                TargetSource::Profile(name.to_owned())
            };
            (address, source)
        }
        (None, None) => return Ok(None),
    };
    build(config, profile, address, source).map(Some)
}

/// The server that a command talks to: as [`external`] says, else that of a running
/// `longhaul dev`, else `localhost:7233`.
///
/// # Errors
/// If the variables or `temporal.toml` cannot be read or name something impossible.
pub fn target(config: &Config) -> Result<Target, ConnectError> {
    if let Some(target) = external(config)? {
        return Ok(target);
    }
    let mut profile = profile(&config.env)?;
    match dev::running(&config.state) {
        Some(dev) => {
            // The credentials of a profile are for another server.
            let namespace = profile.namespace.take().unwrap_or(dev.namespace);
            let profile = ClientConfigProfile::builder().namespace(namespace).build();
            build(config, profile, dev.address, TargetSource::Dev)
        }
        None => build(config, profile, DEFAULT_ADDRESS.to_owned(), TargetSource::Default),
    }
}

/// A client of the server that [`target`] names.
///
/// # Errors
/// If there is no connection; see [`ConnectError`].
pub async fn connect(
    config: &Config,
    interceptors: Vec<Arc<dyn ClientInterceptor>>,
) -> Result<Client, ConnectError> {
    connect_to(&target(config)?, interceptors).await
}

/// A client of that server.
///
/// # Errors
/// If there is no connection; see [`ConnectError`].
pub async fn connect_to(
    target: &Target,
    interceptors: Vec<Arc<dyn ClientInterceptor>>,
) -> Result<Client, ConnectError> {
    let attempt = Connection::connect((*target.options).clone());
    let connection = match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(explain(target, error)),
        Err(_) => {
            return Err(unreachable(target, format!("no answer in {CONNECT_TIMEOUT:?}")));
        }
    };
    let options = ClientOptions::new(target.namespace.clone()).client_interceptors(interceptors);
    Client::new(connection, options.build())
        .map_err(|error| ConnectError::Settings(error.to_string()))
}

fn profile(env: &Env) -> Result<ClientConfigProfile, ConnectError> {
    let variables = env.to_map();
    load_client_config_profile(LoadClientConfigProfileOptions::default(), Some(&variables))
        .map_err(|error| ConnectError::Settings(error.to_string()))
}

fn build(
    config: &Config,
    mut profile: ClientConfigProfile,
    address: String,
    source: TargetSource,
) -> Result<Target, ConnectError> {
    let namespace = config
        .namespace
        .clone()
        .or_else(|| profile.namespace.take())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    profile.address = Some(address.clone());
    let mut options = ConnectionOptions::try_from(profile)
        .map_err(|error| ConnectError::Settings(error.to_string()))?;
    options.identity = identity();
    options.connect_timeout = Some(CONNECT_TIMEOUT);
    if options.target.host_str() == Some("localhost") {
        // Balancing over the addresses of a name needs all of them to listen; `localhost` is often
        // `::1` and `127.0.0.1` with a server on one. Plain connecting tries one after the other.
        options.dns_load_balancing = None;
    }
    if is_this_machine(&options) {
        // Where nothing crosses a network, compressing only costs time on both sides.
        options.grpc_compression = GrpcCompression::None;
    }
    Ok(Target { address, namespace, source, options: Box::new(options) })
}

/// Whether the server is on this machine.
fn is_this_machine(options: &ConnectionOptions) -> bool {
    match options.target.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What the server and its Web UI show as the origin of signals, updates and polls.
fn identity() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("longhaul:{}@{}", std::process::id(), host.as_deref().unwrap_or("localhost"))
}

fn explain(target: &Target, error: ClientConnectError) -> ConnectError {
    let settings = |problem: String| ConnectError::Settings(problem);
    match error {
        ClientConnectError::TonicTransportError(error) => unreachable(target, innermost(&error)),
        ClientConnectError::DnsResolutionError { source, .. } => {
            unreachable(target, format!("the name cannot be resolved: {source}"))
        }
        ClientConnectError::SystemInfoCallError(status) => explain_status(target, &status),
        ClientConnectError::InvalidUri(error) => settings(error.to_string()),
        ClientConnectError::InvalidHeaders(error) => settings(error.to_string()),
        ClientConnectError::InvalidConfig(problem) => settings(problem),
        other => settings(other.to_string()),
    }
}

fn explain_status(target: &Target, status: &Status) -> ConnectError {
    let problem = match std::error::Error::source(status) {
        Some(source) => innermost(source),
        None => status.message().to_owned(),
    };
    let address = target.address.clone();
    if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied) {
        ConnectError::Denied { address, problem }
    } else if matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled
    ) {
        unreachable(target, problem)
    } else {
        ConnectError::NotTemporal { address, problem }
    }
}

fn unreachable(target: &Target, problem: String) -> ConnectError {
    ConnectError::Unreachable {
        address: target.address.clone(),
        source_of: target.source.clone(),
        problem,
    }
}

/// The first cause of an error: that says `connection refused` where the rest says `transport`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
