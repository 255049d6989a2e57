//! People of the tests, for whom the key of a worker's HTTP edge signs.

use longhaul::signing::{About, KeySource, SigningKey};
use longhaul_contract::approval::{ApprovalRequest, Channel, Decide};
use longhaul_contract::identity::{Envelope, Person};
use serde_json::{Value, json};

use crate::program::WorkerSetup;
use crate::scene::{AGENT, Scene};

/// A key that workers sign with, and that runs they load believe.
#[derive(Debug)]
pub struct Edge {
    seed: String,
    key: SigningKey,
}

impl Edge {
    /// The key of that number; two edges of one number are the same.
    ///
    /// # Panics
    /// Never: any 32 bytes are a key.
    pub fn new(number: u8) -> Self {
        let seed = format!("{number:02x}").repeat(32);
        let key = SigningKey::load(&KeySource::Given(seed.clone())).expect("a key");
        Self { seed, key }
    }

    /// A worker of this edge.
    #[must_use]
    pub fn at(&self, worker: WorkerSetup) -> WorkerSetup {
        worker.env("LONGHAUL_SIGNING_KEY", &self.seed)
    }

    /// The decision with an envelope that says that `person` made it, about the gate as it is.
    pub fn signed(
        &self,
        chain: &str,
        gate: &ApprovalRequest,
        decide: Decide,
        person: &Person,
    ) -> Decide {
        let about = About { chain, gate: &decide.id, digest: &gate.digest };
        let envelope = self.key.sign(&decide, &about, person, Channel::Http);
        Decide { envelope: Some(envelope), ..decide }
    }

    /// The input of a task that was told `go`, with an envelope that says that `person` starts it.
    pub fn start(&self, scene: &Scene, person: &Person) -> Value {
        let envelope: Envelope = self.key.sign_start(&scene.id, AGENT, Some("go"), person);
        json!({"agent": AGENT, "message": "go", "starter": person.name, "envelope": envelope})
    }
}

/// Somebody with those groups.
pub fn person(name: &str, groups: &[&str]) -> Person {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    Person { name: name.to_owned(), groups }
}
