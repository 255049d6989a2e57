//! Several statements that depend on one another's answers, all or none.

use sqlx::{Postgres, Sqlite};

use super::{Arg, Database, Row, bound};
use crate::error::StoreError;

/// A transaction; dropped without [`Transaction::commit`], nothing of it happened.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Database {
    /// Begins to write. SQLite lets one in at a time; with PostgreSQL, lock a row first.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            // Takes the write lock at once: one that is taken later cannot wait for another's.
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }
}

impl Transaction {
    /// Carries out one statement; how many rows it touched.
    pub(crate) async fn run(
        &mut self,
        sql: &'static str,
        arguments: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(it) => bound!(sql, arguments).execute(&mut **it).await?.rows_affected(),
            Self::Postgres(it) => bound!(sql, arguments).execute(&mut **it).await?.rows_affected(),
        })
    }

    /// The rows that a query answers.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static str,
        arguments: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(it) => {
                let rows = bound!(sql, arguments).fetch_all(&mut **it).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(it) => {
                let rows = bound!(sql, arguments).fetch_all(&mut **it).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row that a query answers.
    pub(crate) async fn row(
        &mut self,
        sql: &'static str,
        arguments: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, arguments).await?.into_iter().next())
    }

    /// Makes it all happen.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}
