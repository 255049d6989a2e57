//! What can go wrong with the store, and who may retry.

use longhaul_contract::digest::Digest;

/// A failure of the store. Its text is shown to people: never a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database or the object store cannot be used right now.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It is not there, or not for this chain of runs.
    #[error("`{hash}` is missing: looked in {place}")]
    Missing {
        /// What was looked for.
        hash: String,
        /// Where.
        place: String,
    },
    /// What is stored under a hash does not have it.
    #[error("`{hash}` is corrupt in {place}: {problem}")]
    Corrupt {
        /// What was looked for.
        hash: String,
        /// Where it is.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It was erased on purpose.
    #[error("`{hash}` was forgotten")]
    Forgotten {
        /// What was looked for.
        hash: String,
    },
    /// The settings do not work: a URL, a password, a folder, the version of the database.
    #[error("the store's settings do not work: {0}")]
    Settings(String),
    /// The database refused a statement, which a retry will not change.
    #[error("the database refused: {0}")]
    Refused(String),
    /// What the caller asks for makes no sense, which a retry will not change.
    #[error("the request to the store does not work: {0}")]
    Request(String),
    /// A backup is incomplete or altered; nothing of it was restored.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// Writing a file or a stream of the caller's.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The caller's answer to which chains are retained.
    #[error("cannot find out which chains are retained: {0}")]
    Retained(String),
}

impl StoreError {
    /// Whether the same call may work later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn missing(hash: &Digest, place: impl Into<String>) -> Self {
        Self::Missing { hash: hash.as_str().to_owned(), place: place.into() }
    }

    pub(crate) fn corrupt(hash: &Digest, place: &str, problem: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            hash: hash.as_str().to_owned(),
            place: place.to_owned(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn forgotten(hash: &Digest) -> Self {
        Self::Forgotten { hash: hash.as_str().to_owned() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = scrub(&error.to_string());
        let sqlx::Error::Database(refusal) = &error else {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "connection and pool, and what is new"
            )]
            return match &error {
                sqlx::Error::Configuration(_) => Self::Settings(text),
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_) => Self::Refused(text),
                _ => Self::Unavailable(text),
            };
        };
        let code = refusal.code().unwrap_or_default();
        // SQLite's codes are numbers, of which the low byte is the kind: busy, locked, out of
        // memory, interrupted, disk error, full, protocol.
        if let (true, Ok(number)) = (code.len() < 5, code.parse::<u32>()) {
            return match number & 0xff {
                5 | 6 | 7 | 9 | 10 | 13 | 15 => Self::Unavailable(text),
                3 | 8 | 14 | 26 => Self::Settings(text),
                _ => Self::Refused(text),
            };
        }
        // PostgreSQL's are five characters, of which two are the class.
        match code.get(..2) {
            Some("08" | "40" | "53" | "55" | "57" | "58") => Self::Unavailable(text),
            Some("28" | "3D" | "3F") => Self::Settings(text),
            _ => Self::Refused(text),
        }
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        let text = scrub(&error.to_string());
        #[expect(clippy::wildcard_enum_match_arm, reason = "the network, and what is new")]
        match error {
            object_store::Error::InvalidPath { .. }
            | object_store::Error::NotSupported { .. }
            | object_store::Error::NotImplemented { .. }
            | object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::UnknownConfigurationKey { .. } => Self::Settings(text),
            _ => Self::Unavailable(text),
        }
    }
}

/// `text` with what may be secret in its URLs cut out: user information and query strings.
pub(crate) fn scrub(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
            let (rest, cut) = match rest.split_once('?') {
                Some((rest, query)) => (rest, query.chars().last().filter(|c| c.is_whitespace())),
                None => (rest, None),
            };
            let host = rest.split_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{host}{}", cut.map(String::from).unwrap_or_default())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::scrub;

    #[test]
    fn texts_lose_user_information_and_queries() {
        assert_eq!(
            scrub("cannot get https://a:b@host/x?sig=secret now, see http://host/y"),
            "cannot get https://host/x now, see http://host/y",
        );
    }
}
