//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// Where the store is. Printing it leaves passwords out.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// A folder, or a URL: `s3://bucket/prefix`, `gs://…`, `az://…`.
    pub blobs: String,
    /// Most bytes of a body that are in the database; a longer one goes to the object store.
    pub in_database: usize,
}

impl StoreSettings {
    /// Bytes that are in the database if nothing else is said.
    pub const IN_DATABASE: usize = 64 * 1024;

    /// A store in one folder: SQLite and files.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            database: format!("sqlite:{}", folder.join("store.db").display()),
            blobs: folder.join("blobs").display().to_string(),
            in_database: Self::IN_DATABASE,
        }
    }

    /// The database, without what may be secret.
    pub fn database_shown(&self) -> String {
        redacted(&self.database)
    }

    /// Where blobs are, without what may be secret.
    pub fn blobs_shown(&self) -> String {
        redacted(&self.blobs)
    }

    pub(crate) fn kind(&self) -> Result<Kind, StoreError> {
        if let Some(path) = self.database.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(":memory:") {
                return Err(StoreError::Settings(
                    "`sqlite:` needs the path of a file, which other processes can open".to_owned(),
                ));
            }
            return Ok(Kind::Sqlite(PathBuf::from(path)));
        }
        if self.database.starts_with("postgres://") || self.database.starts_with("postgresql://") {
            // The parser's own text might quote the URL.
            let options = PgConnectOptions::from_str(&self.database).map_err(|_| {
                StoreError::Settings(format!("`{}` cannot be read", redacted(&self.database)))
            })?;
            return Ok(Kind::Postgres(Box::new(options)));
        }
        Err(StoreError::Settings(format!(
            "`{}` is neither `sqlite:PATH` nor `postgres://…`",
            redacted(&self.database)
        )))
    }
}

/// The database, as far as it is told by its URL.
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("database", &redacted(&self.database))
            .field("blobs", &redacted(&self.blobs))
            .field("in_database", &self.in_database)
            .finish()
    }
}

/// `place` without what may be secret: a path as it is, a URL as scheme, host and path.
pub(crate) fn redacted(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else {
        // `postgres:user:password@host`, a slip, must not be shown either.
        return match place.rsplit_once('@') {
            Some((_, host)) if !place.starts_with("sqlite:") && !place.starts_with('/') => {
                format!("…@{host}")
            }
            _ => place.to_owned(),
        };
    };
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::{StoreSettings, redacted};

    #[test]
    fn secrets_are_not_printed() {
        let mut settings = StoreSettings::in_folder("/tmp/x".as_ref());
        settings.database = "postgres://me:hunter2@db:5432/longhaul?password=hunter3".to_owned();
        settings.blobs = "s3://key:hunter4@bucket/prefix?token=hunter5".to_owned();
        let text = format!("{settings:?}");
        assert!(!text.contains("hunter") && text.contains("db:5432/longhaul"), "{text}");
        for slip in
            ["postgres:me:hunter2@db", "mysql://me:hun@ter2@db/x", "postgres://me:hunter2@db:x"]
        {
            settings.database = slip.to_owned();
            if let Err(error) = settings.kind() {
                let text = format!("{error} {error:?}");
                assert!(!text.contains("hun"), "{text}");
            }
            assert!(!redacted(slip).contains("hun"));
        }
    }
}
