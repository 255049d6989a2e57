//! The executor: one call of one operation, from arguments to what the model sees.

mod call;
mod files;
mod preview;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use longhaul_net::egress::{Egress, Reach};
use longhaul_net::http::{ClientError, ClientSettings, client, client_with};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

pub use preview::Preview;

use crate::blobs::Blobs;
use crate::credentials::ClientIdentity;
use crate::error::CallError;
use crate::integration::Integration;
use crate::limit::Limiter;
use crate::page::TokenKey;

/// How calls are made.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Which hosts may be reached that have no public address, and without TLS.
    pub egress: Egress,
    /// Takes the place of a vendor's scheme, host and port, by slug: a mock, a proxy, or a server
    /// of one's own. Its path goes in front.
    pub servers: BTreeMap<String, Url>,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// How long a call waits by itself, all in all: for its turn, and for the vendor.
    pub patience: Duration,
    /// The first wait before a repeated request; each further one is twice as long.
    pub backoff: Duration,
    /// Most bytes of an answer that becomes JSON.
    pub most_bytes: usize,
    /// Most bytes of a file, up or down.
    pub most_file: usize,
    /// Most pages that one call reads.
    pub most_pages: usize,
    /// What `next` is signed with: the same in all workers.
    pub next_key: TokenKey,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            egress: Egress::default(),
            servers: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(2),
            backoff: Duration::from_millis(200),
            most_bytes: 8 * 1024 * 1024,
            most_file: 64 * 1024 * 1024,
            most_pages: 10,
            next_key: TokenKey::random(),
        }
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The integration.
    pub integration: &'a Integration,
    /// The operation's name in it, such as `emails.send`.
    pub operation: &'a str,
    /// The arguments: an object.
    pub arguments: &'a Value,
    /// What the vendor is to tell a repeated request by: the same for each attempt of this call,
    /// and another for every other call. Letters, digits and dashes.
    pub key: Option<&'a str>,
    /// When the first attempt was, if an earlier one may have gone out. A write that the vendor
    /// cannot tell from that one is not sent again.
    pub first_attempt: Option<SystemTime>,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What is kept of the vendor's answer: of a list its elements.
    pub value: Value,
    /// Where the list goes on.
    pub next: Option<String>,
    /// What is odd about it, for the model. May have the vendor's words in it.
    pub notes: Vec<String>,
    /// Whether `value` is the elements of a list.
    pub is_list: bool,
    /// The last answer's status.
    pub status: u16,
    /// The vendor's name for the last request.
    pub request_id: Option<String>,
    /// How many requests went out.
    pub requests: u32,
}

impl Answer {
    /// What the model sees: the value; of a list `{items, next}`. Not cut to any budget.
    pub fn for_model(&self) -> Value {
        let mut shown = if self.is_list {
            json!({ "items": self.value, "next": self.next })
        } else if self.notes.is_empty() {
            return self.value.clone();
        } else {
            json!({ "result": self.value })
        };
        if let (false, Some(shown)) = (self.notes.is_empty(), shown.as_object_mut()) {
            shown.insert("notes".to_owned(), json!(self.notes));
        }
        shown
    }
}

/// Makes calls. Cheap to share, costly to make: it holds the connections.
pub struct Engine {
    pub(crate) settings: EngineSettings,
    pub(crate) limiter: Limiter,
    pub(crate) blobs: Option<Arc<dyn Blobs>>,
    clients: Clients,
    identities: Mutex<BTreeMap<[u8; 32], Clients>>,
}

#[derive(Clone, Debug)]
struct Clients {
    public: reqwest::Client,
    anywhere: reqwest::Client,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine whose limits are its own.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn new(settings: EngineSettings) -> Result<Self, ClientError> {
        Ok(Self {
            settings,
            limiter: Limiter::default(),
            blobs: None,
            clients: Clients::new(None)?,
            identities: Mutex::default(),
        })
    }

    /// The same with a place for files.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs: Some(blobs), ..self }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limiter(self, limiter: Limiter) -> Self {
        Self { limiter, ..self }
    }

    /// A client that reaches as far as `reach`, with the certificate of the connection.
    pub(crate) fn client(
        &self,
        reach: Reach,
        identity: Option<&ClientIdentity>,
    ) -> Result<reqwest::Client, CallError> {
        let Some(identity) = identity else { return Ok(self.clients.reaching(reach)) };
        let digest: [u8; 32] = Sha256::digest(&identity.pem).into();
        let mut known = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = known.get(&digest) {
            return Ok(clients.reaching(reach));
        }
        let made = Clients::new(Some(&identity.pem));
        let clients = made.map_err(|error| CallError::policy(error.to_string()))?;
        let client = clients.reaching(reach);
        known.insert(digest, clients);
        Ok(client)
    }
}

impl Clients {
    fn new(identity: Option<&[u8]>) -> Result<Self, ClientError> {
        let make = |reach| match identity {
            Some(pem) => client_with(&ClientSettings { reach }, Some(pem)),
            None => client(&ClientSettings { reach }),
        };
        Ok(Self { public: make(Reach::Public)?, anywhere: make(Reach::Anywhere)? })
    }

    fn reaching(&self, reach: Reach) -> reqwest::Client {
        match reach {
            Reach::Public => self.public.clone(),
            Reach::Anywhere => self.anywhere.clone(),
        }
    }
}
