//! The database: the same statements for SQLite and PostgreSQL.
//!
//! sqlx's own `Any` driver cannot set SQLite's options, so this is two pools behind one door.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Executor, Row as _, SqlSafeStr};

use crate::error::StoreError;
use crate::private;
use crate::settings::Kind;

mod query;
mod schema;
mod transaction;

pub(crate) use query::Query;
pub(crate) use transaction::Transaction;

/// How long a writer waits for another process, and a caller for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections of one process; SQLite has one writer at a time anyway.
const CONNECTIONS: u32 = 8;

/// A database that is up to date.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// An argument of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Int(i64),
    MaybeInt(Option<i64>),
    MaybeBytes(Option<&'a [u8]>),
}

/// A statement with its arguments.
pub(crate) type Statement<'a> = (&'static str, Vec<Arg<'a>>);

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! bound {
    ($sql:expr, $arguments:expr) => {{
        let mut query = sqlx::query($sql);
        for argument in $arguments {
            query = match *argument {
                Arg::Text(text) => query.bind(text),
                Arg::MaybeText(text) => query.bind(text),
                Arg::Int(number) => query.bind(number),
                Arg::MaybeInt(number) => query.bind(number),
                Arg::MaybeBytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

pub(crate) use bound;

macro_rules! all_in {
    ($transaction:expr, $statements:expr) => {{
        let mut transaction = $transaction;
        let mut affected = Vec::with_capacity($statements.len());
        for (sql, arguments) in $statements {
            let done = transaction.execute(bound!(*sql, arguments)).await?;
            affected.push(done.rows_affected());
        }
        transaction.commit().await?;
        Ok(affected)
    }};
}

impl Database {
    /// Connects, and brings the tables up to date.
    pub(crate) async fn open(kind: Kind) -> Result<Self, StoreError> {
        match kind {
            Kind::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    private::folder(folder).map_err(|error| {
                        StoreError::Settings(format!("`{}`: {error}", folder.display()))
                    })?;
                }
                private::file(&path).map_err(|error| {
                    StoreError::Settings(format!("`{}`: {error}", path.display()))
                })?;
                // FULL syncs the log at each commit: what `put` returned survives a power cut. On
                // the machine of the tests it makes 4 ms of 0.4 ms for a short blob. History then
                // refers to it, so NORMAL, which may lose the last commits, would not do.
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    // What is deleted is overwritten, not only given free.
                    .pragma("secure_delete", "ON")
                    .busy_timeout(PATIENCE);
                let pool = SqlitePoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(PATIENCE)
                    .connect_lazy_with(options);
                schema::migrate_sqlite(&pool).await?;
                Ok(Self::Sqlite(pool))
            }
            Kind::Postgres(options) => {
                let pool = PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(PATIENCE)
                    .connect_lazy_with(*options);
                schema::migrate_postgres(&pool).await?;
                Ok(Self::Postgres(pool))
            }
        }
    }

    /// Carries out one statement; how many rows it touched.
    pub(crate) async fn run(
        &self,
        sql: &'static str,
        arguments: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => bound!(sql, arguments).execute(pool).await?.rows_affected(),
            Self::Postgres(pool) => bound!(sql, arguments).execute(pool).await?.rows_affected(),
        })
    }

    /// Carries out all statements or none; how many rows each touched.
    pub(crate) async fn run_all(
        &self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<u64>, StoreError> {
        match self {
            // Takes the write lock at once: one that is taken later cannot wait for another's.
            Self::Sqlite(pool) => all_in!(pool.begin_with("BEGIN IMMEDIATE").await?, statements),
            Self::Postgres(pool) => all_in!(pool.begin().await?, statements),
        }
    }

    /// Makes sure that what was deleted stands in no file any more. PostgreSQL does that by itself,
    /// when it vacuums.
    pub(crate) async fn scrub(&self) -> Result<(), StoreError> {
        let Self::Sqlite(pool) = self else { return Ok(()) };
        // The log has the pages as they were until it is emptied, which waits for whoever reads.
        let row = pool.fetch_one("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        let busy: i64 = row.try_get(0)?;
        if busy == 0 {
            return Ok(());
        }
        Err(StoreError::Unavailable(
            "it is erased, but others read the database, whose log has it still\nhint: \
             `longhaul store gc` empties the log"
                .to_owned(),
        ))
    }

    /// The rows that a query answers.
    pub(crate) async fn rows(
        &self,
        sql: impl SqlSafeStr,
        arguments: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => {
                let rows = bound!(sql, arguments).fetch_all(pool).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                let rows = bound!(sql, arguments).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row that a query answers.
    pub(crate) async fn row(
        &self,
        sql: &'static str,
        arguments: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, arguments).await?.into_iter().next())
    }
}

impl Row {
    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn maybe_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number that was never negative.
    pub(crate) fn count(&self, column: usize) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }
}

/// A count as the database takes it.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
