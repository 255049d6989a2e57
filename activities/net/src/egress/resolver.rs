//! A resolver that answers with public addresses only.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Refusal, is_public};

/// Resolves names and refuses those that lead to an address which is not public.
///
/// The client connects to the very addresses that were checked, so a name cannot change its
/// address between check and use.
pub struct PublicResolver {
    inner: Arc<dyn Resolve>,
}

impl PublicResolver {
    /// A resolver over the system's.
    pub fn new() -> Self {
        Self::over(Arc::new(SystemResolver))
    }

    /// A resolver that checks the answers of `inner`.
    pub fn over(inner: Arc<dyn Resolve>) -> Self {
        Self { inner }
    }
}

impl Default for PublicResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let lookup = self.inner.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = lookup.await?.collect();
            // One private address among public ones is enough: the client picks which to use.
            if addresses.iter().any(|address| !is_public(address.ip())) {
                return Err(Box::new(Refusal::NotPublic(host)) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Refusal {
    /// The refusal that made `error` fail, if that is why it did.
    pub fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return Some(refusal);
            }
            cause = error.source();
        }
        None
    }
}

struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if addresses.is_empty() {
                let problem = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                return Err(Box::new(problem) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
