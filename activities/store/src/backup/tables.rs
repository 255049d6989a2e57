//! Tables whose rows a backup takes as they are.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Rows;
use crate::database::{Arg, Query, Row};
use crate::error::StoreError;
use crate::store::Open;

/// A table, as a backup reads and writes it.
pub(super) struct Table {
    /// The file of a backup.
    pub(super) file: &'static str,
    columns: &'static [Column],
    /// How many columns, from the first on, tell its rows apart.
    key: usize,
    /// `SELECT` of the columns in their order, ending in a condition.
    read: &'static str,
    /// `INSERT` of the same; what is there stays.
    put: &'static str,
}

enum Column {
    Text(&'static str),
    MaybeText(&'static str),
    Int(&'static str),
    MaybeInt(&'static str),
}

use Column::{Int, MaybeInt, MaybeText, Text};

/// Chains of which nothing may come back.
pub(super) const FORGOTTEN: Table = Table {
    file: "forgotten.jsonl",
    columns: &[Text("chain"), Int("forgotten_at")],
    key: 1,
    read: "SELECT chain, forgotten_at FROM forgotten WHERE 1 = 1",
    put: "INSERT INTO forgotten (chain, forgotten_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
};
/// Read here, but put as a notice would, which knows what is newer.
pub(super) const INBOX: Table = Table {
    file: "inbox.jsonl",
    columns: &[
        Text("chain"),
        Text("gate"),
        Text("workflow_id"),
        Int("number"),
        Text("agent"),
        MaybeText("starter"),
        Text("request"),
        Int("closed"),
    ],
    key: 2,
    read: "SELECT chain, gate, workflow_id, number, agent, starter, request, \
           CAST(CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM inbox WHERE 1 = 1",
    put: "",
};
pub(super) const REMEMBERED: Table = Table {
    file: "remembered.jsonl",
    columns: &[
        Text("id"),
        Text("agent"),
        Text("tool"),
        Text("decision"),
        Int("at"),
        MaybeInt("revoked_at"),
        MaybeText("revoked_by"),
    ],
    key: 1,
    read: "SELECT id, agent, tool, decision, at, revoked_at, revoked_by FROM remembered \
           WHERE 1 = 1",
    // What was revoked on either side is revoked.
    put: "INSERT INTO remembered (id, agent, tool, decision, at, revoked_at, revoked_by) \
          VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
          revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by \
          WHERE remembered.revoked_at IS NULL AND excluded.revoked_at IS NOT NULL",
};
/// Those alone that were sent: claims are of processes.
pub(super) const DELIVERIES: Table = Table {
    file: "deliveries.jsonl",
    columns: &[
        Text("chain"),
        Int("number"),
        Text("channel"),
        Text("target"),
        Text("workflow_id"),
        Int("claimed_at"),
        Int("claimed_until"),
        MaybeInt("sent_at"),
    ],
    key: 4,
    read: "SELECT chain, number, channel, target, workflow_id, claimed_at, claimed_until, sent_at \
           FROM deliveries WHERE sent_at IS NOT NULL",
    put: "INSERT INTO deliveries (chain, number, channel, target, workflow_id, claimed_at, \
          claimed_until, sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
};
pub(super) const TOKENS: Table = Table {
    file: "tokens.jsonl",
    columns: &[Text("id"), Int("expires_at"), Int("spent_at")],
    key: 1,
    read: "SELECT id, expires_at, spent_at FROM spent_tokens WHERE 1 = 1",
    put: "INSERT INTO spent_tokens (id, expires_at, spent_at) VALUES ($1, $2, $3) \
          ON CONFLICT DO NOTHING",
};
pub(super) const KEYS: Table = Table {
    file: "keys.jsonl",
    columns: &[
        Text("id"),
        Text("hash"),
        Text("principal"),
        Text("groups"),
        Int("created_at"),
        MaybeInt("revoked_at"),
    ],
    key: 1,
    read: "SELECT id, hash, principal, groups, created_at, revoked_at FROM api_keys WHERE 1 = 1",
    put: "INSERT INTO api_keys (id, hash, principal, groups, created_at, revoked_at) \
          SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS \
          (SELECT 1 FROM api_keys WHERE hash = $2 AND id <> $1) ON CONFLICT (id) DO UPDATE SET \
          revoked_at = excluded.revoked_at WHERE api_keys.hash = excluded.hash \
          AND api_keys.revoked_at IS NULL AND excluded.revoked_at IS NOT NULL",
};
/// Sealed as they are: without the vault's key they say nothing. Of two with the same id the one
/// with the newer secrets wins, as the older may have been taken back by the service.
pub(super) const CONNECTIONS: Table = Table {
    file: "connections.jsonl",
    columns: &[
        Text("id"),
        Text("principal"),
        Text("integration"),
        Text("name"),
        Text("method"),
        Text("state"),
        Text("facts"),
        Text("key_id"),
        Text("wrapped"),
        Text("sealed"),
        MaybeInt("expires_at"),
        Int("version"),
        Int("created_at"),
        Int("updated_at"),
    ],
    key: 1,
    read: "SELECT id, principal, integration, name, method, state, facts, key_id, wrapped, sealed, \
           expires_at, version, created_at, updated_at FROM connections WHERE 1 = 1",
    put: "INSERT INTO connections (id, principal, integration, name, method, state, facts, key_id, \
          wrapped, sealed, expires_at, version, created_at, updated_at) \
          SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE NOT EXISTS \
          (SELECT 1 FROM connections WHERE principal = $2 AND integration = $3 AND name = $4 \
          AND id <> $1) ON CONFLICT (id) DO UPDATE SET method = excluded.method, \
          state = excluded.state, facts = excluded.facts, key_id = excluded.key_id, \
          wrapped = excluded.wrapped, sealed = excluded.sealed, expires_at = excluded.expires_at, \
          version = excluded.version, updated_at = excluded.updated_at \
          WHERE connections.version < excluded.version",
};
pub(super) const APPS: Table = Table {
    file: "apps.jsonl",
    columns: &[
        Text("integration"),
        Text("name"),
        Text("facts"),
        Text("key_id"),
        Text("wrapped"),
        Text("sealed"),
        Int("version"),
        Int("updated_at"),
    ],
    key: 2,
    read: "SELECT integration, name, facts, key_id, wrapped, sealed, version, updated_at \
           FROM oauth_apps WHERE 1 = 1",
    put: "INSERT INTO oauth_apps (integration, name, facts, key_id, wrapped, sealed, version, \
          updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
          ON CONFLICT (integration, name) DO UPDATE SET facts = excluded.facts, \
          key_id = excluded.key_id, wrapped = excluded.wrapped, sealed = excluded.sealed, \
          version = excluded.version, updated_at = excluded.updated_at \
          WHERE oauth_apps.version < excluded.version",
};
/// The tables of which a backup has had rows since a version of its shape. Consents that somebody
/// was asked for and leases are of the moment, and in none.
pub(super) const TABLES: [(u32, &Table); 8] = [
    (2, &FORGOTTEN),
    (2, &INBOX),
    (2, &REMEMBERED),
    (2, &DELIVERIES),
    (2, &TOKENS),
    (2, &KEYS),
    (3, &CONNECTIONS),
    (3, &APPS),
];

/// A row, by the names of its columns.
pub(super) type Fields = Map<String, Value>;

impl Table {
    /// Writes all rows to the backup; how many.
    pub(super) async fn back_up(&self, open: &Open, to: &mut Rows) -> Result<u64, StoreError> {
        let mut written = 0;
        let mut last: Option<Fields> = None;
        loop {
            let mut query = Query::new(self.read);
            if let Some(last) = &last {
                query.add(" AND (", []);
                self.names(&mut query);
                query.add(") > (", []);
                for (at, column) in self.columns.iter().take(self.key).enumerate() {
                    query.add(if at == 0 { "?" } else { ", ?" }, [column.argument(last)?]);
                }
                query.add(")", []);
            }
            query.add(" ORDER BY ", []);
            self.names(&mut query);
            query.add(" LIMIT 500", []);
            let page = query.rows(&open.database).await?;
            if page.is_empty() {
                return Ok(written);
            }
            for row in page {
                let fields = self.fields(&row)?;
                to.add(&fields)?;
                written += 1;
                last = Some(fields);
            }
        }
    }

    /// Writes rows to the store, except those of the `forgotten` chains; how many were news.
    pub(super) async fn restore(
        &self,
        open: &Open,
        rows: &[Fields],
        forgotten: &BTreeSet<String>,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for page in rows.chunks(500) {
            let mut statements = Vec::with_capacity(page.len());
            for fields in page.iter().filter(|fields| !is_of(fields, forgotten)) {
                let arguments = self.columns.iter().map(|column| column.argument(fields));
                statements.push((self.put, arguments.collect::<Result<Vec<_>, _>>()?));
            }
            changed += open.database.run_all(&statements).await?.iter().sum::<u64>();
        }
        Ok(changed)
    }

    /// Whether each row has all columns.
    pub(super) fn check(&self, rows: &[Fields]) -> Result<(), StoreError> {
        let mut columns = rows.iter().flat_map(|row| self.columns.iter().map(move |it| (it, row)));
        columns
            .try_for_each(|(column, row)| column.argument(row).map(|_| ()))
            .map_err(|error| StoreError::Damaged(format!("`{}`: {error}", self.file)))
    }

    fn names(&self, query: &mut Query<'_>) {
        for (at, column) in self.columns.iter().take(self.key).enumerate() {
            if at > 0 {
                query.add(", ", []);
            }
            query.add(column.name(), []);
        }
    }

    fn fields(&self, row: &Row) -> Result<Fields, StoreError> {
        let mut fields = Fields::new();
        for (at, column) in self.columns.iter().enumerate() {
            let value = match column {
                Text(_) => Value::from(row.text(at)?),
                MaybeText(_) => Value::from(row.maybe_text(at)?),
                Int(_) => Value::from(row.int(at)?),
                MaybeInt(_) => Value::from(row.maybe_int(at)?),
            };
            fields.insert(column.name().to_owned(), value);
        }
        Ok(fields)
    }
}

/// Whether the row is of one of these chains.
pub(super) fn is_of(fields: &Fields, chains: &BTreeSet<String>) -> bool {
    let chain = fields.get("chain").and_then(Value::as_str);
    chain.is_some_and(|chain| chains.contains(chain))
}

impl Column {
    fn name(&self) -> &'static str {
        match self {
            Text(name) | MaybeText(name) | Int(name) | MaybeInt(name) => name,
        }
    }

    fn argument<'a>(&self, fields: &'a Fields) -> Result<Arg<'a>, StoreError> {
        let value = fields.get(self.name()).unwrap_or(&Value::Null);
        let argument = match self {
            Text(_) => value.as_str().map(Arg::Text),
            Int(_) => value.as_i64().map(Arg::Int),
            MaybeText(_) if value.is_null() => Some(Arg::MaybeText(None)),
            MaybeText(_) => value.as_str().map(|text| Arg::MaybeText(Some(text))),
            MaybeInt(_) if value.is_null() => Some(Arg::MaybeInt(None)),
            MaybeInt(_) => value.as_i64().map(|number| Arg::MaybeInt(Some(number))),
        };
        argument.ok_or_else(|| {
            StoreError::Damaged(format!("a row has no `{}` that can be read", self.name()))
        })
    }
}
