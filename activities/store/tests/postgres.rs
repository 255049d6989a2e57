//! The store with PostgreSQL: the server that `LONGHAUL_TEST_POSTGRES` (a URL) names.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use cases::{World, all_cases, run_cases};

mod cases;

/// A store in a schema of its own, which a run before may have left.
async fn world(case: &str) -> World {
    let url = std::env::var("LONGHAUL_TEST_POSTGRES").expect("`LONGHAUL_TEST_POSTGRES` is a URL");
    let schema = format!("test_{case}");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    connection.execute(AssertSqlSafe(fresh)).await.unwrap();
    let join = if url.contains('?') { '&' } else { '?' };
    World::new(Some(format!("{url}{join}options[search_path]={schema}")))
}

all_cases!(world);
