//! Numbers that nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::VaultError;

/// Fills a buffer.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), VaultError> {
    SystemRandom::new()
        .fill(buffer)
        .map_err(|_| VaultError::Key("the system gives no random numbers".to_owned()))
}

/// A word of `N` random bytes, in letters that need no quoting in URLs.
pub(crate) fn word<const N: usize>() -> Result<String, VaultError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// `N` random bytes in hexadecimal digits.
pub(crate) fn hex<const N: usize>() -> Result<String, VaultError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(to_hex(&bytes))
}

/// Bytes in hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    to_hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}
