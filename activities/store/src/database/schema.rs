//! Brings the tables up to date.
//!
//! Not sqlx's migrator: it takes no lock on SQLite, where two processes may start at once, and
//! its embedding needs the macros.

use std::time::{Duration, Instant};

use longhaul_contract::digest::Digest;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, Row as _};

use crate::error::StoreError;

/// The steps, never changed once released: version, statements for SQLite, for PostgreSQL.
const STEPS: [(i64, &str, &str); 4] = [
    (
        1,
        include_str!("../../migrations/sqlite/0001_store.sql"),
        include_str!("../../migrations/postgres/0001_store.sql"),
    ),
    (
        2,
        include_str!("../../migrations/sqlite/0002_people.sql"),
        include_str!("../../migrations/postgres/0002_people.sql"),
    ),
    (
        3,
        include_str!("../../migrations/sqlite/0003_connections.sql"),
        include_str!("../../migrations/postgres/0003_connections.sql"),
    ),
    (
        4,
        include_str!("../../migrations/sqlite/0004_limits.sql"),
        include_str!("../../migrations/postgres/0004_limits.sql"),
    ),
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS longhaul_store (version BIGINT PRIMARY KEY, \
                     digest TEXT NOT NULL)";
const APPLIED: &str = "SELECT version, digest FROM longhaul_store ORDER BY version";
const APPLY: &str = "INSERT INTO longhaul_store (version, digest) VALUES ($1, $2)";

/// Any number, the same in each process: whoever holds the lock migrates.
const LOCK: &str = "SELECT pg_advisory_xact_lock(5495820871)";

/// How long to try while other processes turn the same file into a database.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

macro_rules! migrated {
    ($transaction:expr, $statements:expr) => {{
        let mut transaction = $transaction;
        transaction.execute(TABLE).await?;
        let mut applied = Vec::new();
        for row in transaction.fetch_all(APPLIED).await? {
            applied.push((row.try_get::<i64, _>(0)?, row.try_get::<String, _>(1)?));
        }
        for (version, sql) in to_apply(&applied, $statements)? {
            transaction.execute(sqlx::raw_sql(sql)).await?;
            let digest = Digest::of_bytes(sql.as_bytes());
            let query = sqlx::query(APPLY).bind(version).bind(digest.as_str());
            transaction.execute(query).await?;
        }
        transaction.commit().await?;
        Ok(())
    }};
}

pub(crate) async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    let start = Instant::now();
    loop {
        let result = try_sqlite(pool).await;
        match result {
            // Turning the log on does not wait for others, whatever the busy timeout.
            Err(error) if error.is_passing() && start.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

async fn try_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    migrated!(pool.begin_with("BEGIN IMMEDIATE").await?, STEPS.map(|(v, sql, _)| (v, sql)))
}

pub(crate) async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    transaction.execute(LOCK).await?;
    migrated!(transaction, STEPS.map(|(v, _, sql)| (v, sql)))
}

/// The steps that are left, if those that were made are ours.
fn to_apply<const N: usize>(
    applied: &[(i64, String)],
    steps: [(i64, &'static str); N],
) -> Result<Vec<(i64, &'static str)>, StoreError> {
    let mut left = steps.to_vec();
    for (version, digest) in applied {
        let known = left.iter().position(|(step, _)| step == version);
        let step = known.map(|at| left.remove(at)).ok_or_else(|| {
            StoreError::Settings(format!(
                "the database has tables of version {version}, which a newer Longhaul made"
            ))
        })?;
        if Digest::of_bytes(step.1.as_bytes()).as_str() != digest {
            return Err(StoreError::Settings(format!(
                "the database has other tables of version {version} than this Longhaul makes"
            )));
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::{STEPS, to_apply};
    use longhaul_contract::digest::Digest;

    #[test]
    fn a_database_of_a_newer_or_another_longhaul_is_refused() {
        let steps = STEPS.map(|(version, sql, _)| (version, sql));
        let ours = steps
            .map(|(version, sql)| (version, Digest::of_bytes(sql.as_bytes()).as_str().to_owned()));
        assert_eq!(to_apply(&[], steps).unwrap().len(), steps.len());
        assert_eq!(to_apply(&ours[..1], steps).unwrap(), steps[1..]);
        assert!(to_apply(&ours, steps).unwrap().is_empty());
        let newer = (steps.len() as i64 + 1, ours[0].1.clone());
        assert!(to_apply(&[&ours[..], &[newer]].concat(), steps).is_err());
        assert!(to_apply(&[(1, "sha256:0".to_owned())], steps).is_err());
    }
}
