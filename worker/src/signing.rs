//! The worker's own key: it signs for the people that the HTTP edge has authenticated.
//!
//! New runs are pinned to its public half. Codes of links and cookies are derived from it, so one
//! secret is all that the workers of a task queue have to share.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use longhaul_activities::people::links::Links;
use longhaul_contract::approval::{Channel, Decide};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Claims, Envelope, Person, TrustedKey};
use longhaul_contract::time::Timestamp;
use longhaul_workflows::session::start_digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// How long an envelope counts: as long as a run may take to hear of it, with clocks that differ.
const COUNTS_FOR: Duration = Duration::from_secs(5 * 60);

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file, which is made if it is not there.
    File(PathBuf),
    /// Here: 64 hexadecimal digits.
    Given(String),
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The file cannot be read or made.
    #[error(
        "the signing key `{path}` cannot be read or made: {source}\nhint: `http.signing_key` or \
         `LONGHAUL_SIGNING_KEY` names another place"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a key. The text is not repeated: it may be most of one.
    #[error(
        "{place} holds no signing key: expected 64 hexadecimal digits\nhint: `openssl rand -hex 32` \
         makes one"
    )]
    Malformed {
        /// Where it was found.
        place: String,
    },
    /// The system gave no random numbers.
    #[error("the system has no random numbers to make a key of")]
    Random,
}

/// What an envelope is to be about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The chain of runs; of a start the workflow id.
    pub chain: &'a str,
    /// Id of the gate.
    pub gate: &'a str,
    /// The gate's digest.
    pub digest: &'a Digest,
}

/// The key pair of a worker. Nothing prints its secret half.
pub struct SigningKey {
    id: String,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key at `source`; in a file it is made on first use, readable by its owner alone.
    ///
    /// # Errors
    ///
    /// What is there is no key, or nothing can be put there.
    pub fn load(source: &KeySource) -> Result<Self, SigningError> {
        match source {
            KeySource::Given(text) => Self::read(text, "`LONGHAUL_SIGNING_KEY`"),
            KeySource::File(path) => {
                let failed = |source| SigningError::File { path: path.clone(), source };
                let text = match std::fs::read_to_string(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        make(path, &random()?).map_err(failed)?;
                        // What another process made meanwhile counts.
                        std::fs::read_to_string(path)
                    }
                    read => read,
                };
                Self::read(&text.map_err(failed)?, &format!("`{}`", path.display()))
            }
        }
    }

    fn read(text: &str, place: &str) -> Result<Self, SigningError> {
        let malformed = || SigningError::Malformed { place: place.to_owned() };
        let seed = from_hex::<32>(text.trim()).ok_or_else(malformed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| malformed())?;
        let public = hex(pair.public_key().as_ref());
        let id = format!("edge-{}", public.get(..12).unwrap_or(&public));
        Ok(Self { id, seed, pair })
    }

    /// The public half, as new runs are told of it.
    pub fn trusted(&self) -> TrustedKey {
        let public = hex(self.pair.public_key().as_ref());
        TrustedKey { id: self.id.clone(), public, person: None }
    }

    /// That `person` decides so. Call it last: whatever is changed afterwards is not signed.
    pub fn sign(
        &self,
        decide: &Decide,
        about: &About<'_>,
        person: &Person,
        channel: Channel,
    ) -> Envelope {
        self.seal(about, decide.content(), person, channel)
    }

    /// That `person` starts a run under the workflow id `id`.
    pub fn sign_start(
        &self,
        id: &str,
        agent: &str,
        message: Option<&str>,
        person: &Person,
    ) -> Envelope {
        let digest = start_digest(agent, message);
        let about = About { chain: id, gate: "start", digest: &digest };
        self.seal(&about, digest.clone(), person, Channel::Http)
    }

    fn seal(
        &self,
        about: &About<'_>,
        decision: Digest,
        person: &Person,
        channel: Channel,
    ) -> Envelope {
        let now = Timestamp::from(SystemTime::now());
        let claims = Claims {
            v: 1,
            person: person.clone(),
            on_behalf_of: None,
            chain: about.chain.to_owned(),
            gate: about.gate.to_owned(),
            digest: about.digest.clone(),
            decision,
            channel,
            issued_at: now,
            expires_at: now.plus(COUNTS_FOR),
        };
        // Strings and instants alone: nothing of it can fail to be JSON.
        let claims = serde_json::to_string(&claims).unwrap_or_default();
        let signature = hex(self.pair.sign(claims.as_bytes()).as_ref());
        Envelope { key: self.id.clone(), claims, signature }
    }

    /// Links in messages, under the address `base_url`.
    pub fn links(&self, base_url: &str) -> Links {
        Links::new(base_url, &self.derive("longhaul links 1"))
    }

    /// A secret for another purpose. It tells nothing of the key.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.seed);
        let code = ring::hmac::sign(&key, purpose.as_bytes());
        let mut secret = [0; 32];
        for (to, from) in secret.iter_mut().zip(code.as_ref()) {
            *to = *from;
        }
        secret
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Given(_) => f.write_str("Given"),
        }
    }
}

/// Writes a new key to `path`, whole or not at all, and leaves one alone that is there.
fn make(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // A temporary file is its owner's alone from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", hex(seed))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// 32 random bytes.
///
/// # Errors
///
/// [`SigningError::Random`].
pub(crate) fn random() -> Result<[u8; 32], SigningError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SigningError::Random)?;
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hexadecimal digits as bytes.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    digits.then_some(bytes)
}

#[cfg(test)]
mod tests;
