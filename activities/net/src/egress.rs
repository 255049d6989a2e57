//! Where HTTP tools may connect to: public addresses, and the hosts that the agent's file names.

mod address;
mod resolver;
#[cfg(test)]
mod tests;

use url::{Host, Url};

pub use address::is_public;
pub use resolver::PublicResolver;

/// The network policy of one agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    allow: Vec<Allowed>,
}

/// How far a request may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Any address: the host is configured or named by the agent's file.
    #[default]
    Anywhere,
    /// Public addresses only.
    Public,
}

/// An entry of the allow list that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` is not a host: {problem}\nhint: write `host` or `host:port`, an IPv6 address in brackets"
)]
pub struct AllowError {
    /// The entry as written.
    pub entry: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a request may not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither `http` nor `https`.
    #[error("`{0}` URLs are not allowed, only `http` and `https`")]
    Scheme(String),
    /// The URL carries a user name or password.
    #[error("a URL with a user name or password is not allowed")]
    UserInfo,
    /// The URL names no host.
    #[error("the URL names no host")]
    NoHost,
    /// The host is, or resolves to, an address that is not public.
    #[error(
        "`{0}` is not a public address\nhint: the agent's file can allow the host under `network: {{allow: […]}}`"
    )]
    NotPublic(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowed {
    host: Host,
    port: Option<u16>,
}

impl Egress {
    /// The policy that lets through public addresses and the hosts of `allow`, each `host` or
    /// `host:port`. An entry with a port allows that port only.
    pub fn new(allow: &[String]) -> Result<Self, AllowError> {
        let allow = allow.iter().map(|entry| Allowed::parse(entry)).collect::<Result<_, _>>()?;
        Ok(Self { allow })
    }

    /// How far a request to `url` may reach, or why it may not be sent at all.
    ///
    /// With [`Reach::Public`] the names are left to [`PublicResolver`], so that the lookup that
    /// is checked is the one that is used.
    pub fn check(&self, url: &Url) -> Result<Reach, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let host = normal(url.host().ok_or(Refusal::NoHost)?.to_owned());
        let port = url.port_or_known_default();
        let allowed = |entry: &Allowed| {
            entry.host == host && entry.port.is_none_or(|allowed| Some(allowed) == port)
        };
        if self.allow.iter().any(allowed) {
            return Ok(Reach::Anywhere);
        }
        let public = match &host {
            Host::Domain(_) => true,
            Host::Ipv4(address) => is_public((*address).into()),
            Host::Ipv6(address) => is_public((*address).into()),
        };
        if public { Ok(Reach::Public) } else { Err(Refusal::NotPublic(host.to_string())) }
    }
}

impl Allowed {
    fn parse(entry: &str) -> Result<Self, AllowError> {
        let error =
            |problem: &str| AllowError { entry: entry.to_owned(), problem: problem.to_owned() };
        if entry.contains('/') {
            return Err(error("it has a `/`, as a URL or an address range"));
        }
        if entry.contains('*') {
            return Err(error("it has a `*`, and patterns are not supported"));
        }
        // After the bracket of an IPv6 address, if there is one.
        let tail = entry.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match entry.get(tail..).and_then(|rest| rest.find(':')) {
            Some(colon) => entry.split_at(tail + colon),
            None => (entry, ""),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                Ok(_) | Err(_) => return Err(error("its port is not a number from 1 to 65535")),
            },
            None => None,
        };
        let host = Host::parse(host).map_err(|problem| error(&problem.to_string()))?;
        Ok(Self { host: normal(host), port })
    }
}

/// Without the dot that marks a name as complete.
fn normal(host: Host) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
        address @ (Host::Ipv4(_) | Host::Ipv6(_)) => address,
    }
}
