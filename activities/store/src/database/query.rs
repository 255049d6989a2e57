//! A query whose conditions are known only when it is asked.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::{Arg, Database, Row};
use crate::error::StoreError;

/// A query that is being put together: fixed text, and arguments beside it.
pub(crate) struct Query<'a> {
    sql: String,
    arguments: Vec<Arg<'a>>,
}

impl<'a> Query<'a> {
    /// Begins with a text that ends in a condition.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), arguments: Vec::new() }
    }

    /// Adds text, in which each `?` stands for the next of the arguments.
    pub(crate) fn add(&mut self, text: &'static str, arguments: impl IntoIterator<Item = Arg<'a>>) {
        let mut arguments = arguments.into_iter();
        let mut parts = text.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        for part in parts {
            self.arguments.extend(arguments.next());
            // Writing to a String cannot fail.
            let _ = write!(self.sql, "${}{part}", self.arguments.len());
        }
    }

    /// Adds `(?, ?, …)`, as many as there are arguments, after the text.
    pub(crate) fn add_list(&mut self, text: &'static str, arguments: Vec<Arg<'a>>) {
        self.sql.push_str(text);
        for (at, argument) in arguments.into_iter().enumerate() {
            self.add(if at == 0 { "(?" } else { ", ?" }, [argument]);
        }
        self.sql.push(')');
    }

    /// The rows that it answers.
    pub(crate) async fn rows(self, database: &Database) -> Result<Vec<Row>, StoreError> {
        // All text of it is fixed in this crate.
        database.rows(AssertSqlSafe(self.sql), &self.arguments).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Arg, Query};

    #[test]
    fn arguments_are_numbered_in_order() {
        let mut query = Query::new("SELECT 1 WHERE 1 = 1");
        query.add(" AND (a, b) > (?, ?)", [Arg::Int(1), Arg::Int(2)]);
        query.add_list(" AND c IN ", vec![Arg::Text("x"), Arg::Text("y")]);
        query.add(" LIMIT ?", [Arg::Int(3)]);
        assert_eq!(
            query.sql,
            "SELECT 1 WHERE 1 = 1 AND (a, b) > ($1, $2) AND c IN ($3, $4) LIMIT $5"
        );
        assert_eq!(query.arguments.len(), 5);
    }
}
