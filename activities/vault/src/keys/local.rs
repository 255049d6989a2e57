//! Keys in a file or in a variable: the first seals, all open.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{DataKey, KEY, KeyProvider, Wrapped, bound};
use crate::error::VaultError;
use crate::random;

/// Keys that this process knows: 32 random bytes each, in base64, the newest first.
///
/// A key's id is derived from it, so there is nothing to name.
pub struct LocalKeys {
    pub(super) keys: Vec<(String, DataKey)>,
}

impl LocalKeys {
    /// Keys of a text, such as an environment variable's: separated by spaces, commas or lines;
    /// what follows a `#` on a line is a comment.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if there is none or one cannot be read; the text is not quoted.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        Self::words(text).map_err(VaultError::Key)
    }

    fn words(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words = lines.flat_map(|line| line.split([' ', '\t', ',', '\r']));
        let mut keys = Vec::new();
        for word in words.filter(|word| !word.is_empty()) {
            let bytes = STANDARD.decode(word).map(Zeroizing::new).ok();
            let key = bytes.and_then(|bytes| DataKey::of(&bytes)).ok_or_else(|| {
                format!(
                    "key {} is not {KEY} bytes in base64\nhint: `openssl rand -base64 {KEY}` makes \
                     one",
                    keys.len() + 1
                )
            })?;
            keys.push((key_id(&key), key));
        }
        if keys.is_empty() {
            return Err("there is no key in it".to_owned());
        }
        Ok(Self { keys })
    }

    /// Keys of a file that only its owner can read.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if it is not there, others may read it, or a key of it cannot be read.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        let trouble = |problem: String| VaultError::Key(format!("`{}`: {problem}", path.display()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(path).map_err(|error| trouble(error.to_string()))?;
            let mode = metadata.permissions().mode();
            if mode & 0o077 != 0 {
                let problem = format!(
                    "others than its owner may use it (mode {:o})\nhint: `chmod 600`",
                    mode & 0o777
                );
                return Err(trouble(problem));
            }
        }
        let text = fs::read_to_string(path).map_err(|error| trouble(error.to_string()))?;
        Self::words(&Zeroizing::new(text)).map_err(trouble)
    }

    /// Makes a file with a new key, for its owner alone.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if it cannot be written or is there already.
    pub fn create(path: &Path) -> Result<Self, VaultError> {
        let key = DataKey::random()?;
        let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.0.as_ref())));
        write_private(path, &text)?;
        Self::read(path)
    }

    /// Puts a new key in front of those of a file. What older ones sealed can still be opened;
    /// they may go from the file once all is wrapped anew.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if the file cannot be read or written.
    pub fn rotate(path: &Path) -> Result<Self, VaultError> {
        Self::read(path)?;
        let trouble =
            |error: std::io::Error| VaultError::Key(format!("`{}`: {error}", path.display()));
        let old = Zeroizing::new(fs::read_to_string(path).map_err(trouble)?);
        let key = DataKey::random()?;
        let text = Zeroizing::new(format!("{}\n{}", STANDARD.encode(key.0.as_ref()), *old));
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", random::hex::<4>()?));
        let beside = path.with_file_name(name);
        write_private(&beside, &text)?;
        fs::rename(&beside, path).map_err(trouble)?;
        Self::read(path)
    }

    /// A new key as text, for a variable or another store of secrets.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if the system gives no random numbers.
    pub fn generate() -> Result<crate::Secret, VaultError> {
        Ok(crate::Secret::new(STANDARD.encode(DataKey::random()?.0.as_ref())))
    }
}

/// Writes a new file that its owner alone can read, and waits until it is on the disk.
fn write_private(path: &Path, text: &str) -> Result<(), VaultError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| VaultError::Key(format!("`{}`: {error}", path.display())))
}

fn key_id(key: &DataKey) -> String {
    let mut text = Zeroizing::new(b"longhaul vault key id".to_vec());
    text.extend_from_slice(key.0.as_ref());
    let digest = random::sha256_hex(&text);
    format!("local:{}", digest.get(..16).unwrap_or(&digest))
}

fn associated(key_id: &str, about: &str) -> Vec<u8> {
    bound(&["longhaul data key 1", key_id, about])
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

#[async_trait]
impl KeyProvider for LocalKeys {
    async fn current(&self) -> Result<String, VaultError> {
        Ok(self.keys.first().map(|(id, _)| id.clone()).unwrap_or_default())
    }

    async fn seal(&self, key: &DataKey, about: &str) -> Result<Wrapped, VaultError> {
        let (id, own) =
            self.keys.first().ok_or_else(|| VaultError::Key("there is no key".to_owned()))?;
        let sealed = own.encrypt(key.0.as_ref(), &associated(id, about))?;
        Ok(Wrapped { key_id: id.clone(), text: STANDARD.encode(sealed) })
    }

    async fn open(&self, wrapped: &Wrapped, about: &str) -> Result<DataKey, VaultError> {
        let known = self.keys.iter().find(|(id, _)| *id == wrapped.key_id);
        let (id, own) = known.ok_or_else(|| {
            VaultError::Key(format!(
                "`{about}` is sealed by key `{}`, which is not here\nhint: put that key after the \
                 newest one until all is wrapped anew",
                wrapped.key_id
            ))
        })?;
        STANDARD
            .decode(&wrapped.text)
            .ok()
            .and_then(|sealed| own.decrypt(&sealed, &associated(id, about)))
            .and_then(|bytes| DataKey::of(&bytes))
            .ok_or_else(|| VaultError::Corrupt(about.to_owned()))
    }
}
