//! Pages of the inbox, by what matters to whoever looks.

use longhaul_contract::identity::Person;
use longhaul_contract::tool::Effect;
use serde::{Deserialize, Serialize};

use super::{EVERYBODY, InboxItem, of_group, person, rank, voted};
use crate::database::{Arg, Query};
use crate::error::StoreError;
use crate::store::Store;

/// Most items of one page.
pub const MOST_INBOX_ITEMS: u32 = 500;

const ITEMS: &str = "SELECT i.workflow_id, i.chain, i.number, i.agent, i.starter, i.request, \
                     i.updated_at FROM inbox i WHERE i.closed_at IS NULL";
const COUNT: &str = "SELECT COUNT(*) FROM inbox i WHERE i.closed_at IS NULL";
/// The limit limits nothing: with it, PostgreSQL looks at the audience once, not for each gate.
const IN_AUDIENCE: &str = " AND (i.chain, i.gate) IN \
                           (SELECT a.chain, a.gate FROM inbox_audience a WHERE a.who IN ";
const SO_FAR: &str = " LIMIT 9223372036854775807)";
const NOT_VOTED: &str = " AND NOT EXISTS (SELECT 1 FROM inbox_audience a \
                         WHERE a.chain = i.chain AND a.gate = i.gate AND a.who = ?)";

/// What to look for; nothing given, everything that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InboxFilter {
    /// What waits for this person: gates that they may decide and have not voted at.
    pub waits_for: Option<Person>,
    /// Gates that one of these groups may decide, or is asked about.
    pub groups: Vec<String>,
    /// One of these effects.
    pub effects: Vec<Effect>,
    /// Of this agent.
    pub agent: Option<String>,
    /// Of this run.
    pub workflow_id: Option<String>,
    /// Of this batch of a run.
    pub batch: Option<String>,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboxOrder {
    /// What has waited longest.
    #[default]
    Age,
    /// What closes by itself soonest.
    Deadline,
    /// What is hardest to undo, and of that the oldest.
    Effect,
}

/// Where a page ends and the next begins. Its text is nobody's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InboxCursor(String);

/// A page of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboxPage {
    /// What waits.
    pub items: Vec<InboxItem>,
    /// Where it goes on, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<InboxCursor>,
}

/// What a cursor holds: the place of the last item in the order.
#[derive(Serialize, Deserialize)]
struct Place {
    order: InboxOrder,
    first: i64,
    asked_at: i64,
    chain: String,
    gate: String,
}

impl Store {
    /// A page of at most `limit` items (1 to [`MOST_INBOX_ITEMS`]), from `cursor` on.
    ///
    /// Items that come or go meanwhile shift nothing: each is on at most one page as long as its
    /// place in the order stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`] for a cursor of something else or of another order.
    pub async fn inbox(
        &self,
        filter: &InboxFilter,
        order: InboxOrder,
        cursor: Option<&InboxCursor>,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        let place = cursor.map(|cursor| Place::read(cursor, order)).transpose()?;
        let limit = limit.clamp(1, MOST_INBOX_ITEMS);
        let audience = Audience::of(filter);
        let mut query = Query::new(ITEMS);
        audience.narrow(filter, &mut query);
        if let Some(Place { first, asked_at, chain, gate, .. }) = &place {
            let (first, asked_at) = (Arg::Int(*first), Arg::Int(*asked_at));
            let (chain, gate) = (Arg::Text(chain), Arg::Text(gate));
            match order {
                InboxOrder::Age => {
                    query.add(
                        " AND (i.asked_at, i.chain, i.gate) > (?, ?, ?)",
                        [asked_at, chain, gate],
                    );
                }
                InboxOrder::Deadline => {
                    query.add(
                        " AND (i.deadline, i.chain, i.gate) > (?, ?, ?)",
                        [first, chain, gate],
                    );
                }
                InboxOrder::Effect => {
                    query.add(
                        " AND (i.effect_rank, i.asked_at, i.chain, i.gate) > (?, ?, ?, ?)",
                        [first, asked_at, chain, gate],
                    );
                }
            }
        }
        query.add(order.sql(), []);
        // One more tells whether there is another page.
        query.add(" LIMIT ?", [Arg::Int(i64::from(limit) + 1)]);
        let rows = query.rows(&self.open().await?.database).await?;
        let mut items = rows.iter().map(InboxItem::read).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|item| Place::of(item, order).written()).transpose()?;
        Ok(InboxPage { items, next })
    }

    /// How many wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn count_inbox(&self, filter: &InboxFilter) -> Result<u64, StoreError> {
        let audience = Audience::of(filter);
        let mut query = Query::new(COUNT);
        audience.narrow(filter, &mut query);
        let rows = query.rows(&self.open().await?.database).await?;
        rows.first().map_or(Ok(0), |row| row.count(0))
    }
}

/// The names of a filter as the table writes them.
struct Audience {
    mine: Vec<String>,
    voted: String,
    groups: Vec<String>,
}

impl Audience {
    fn of(filter: &InboxFilter) -> Self {
        let mut audience = Self {
            mine: Vec::new(),
            voted: String::new(),
            groups: filter.groups.iter().map(|group| of_group(group)).collect(),
        };
        if let Some(me) = &filter.waits_for {
            audience.mine.extend([EVERYBODY.to_owned(), person(&me.name)]);
            audience.mine.extend(me.groups.iter().map(|group| of_group(group)));
            audience.voted = voted(&me.name);
        }
        audience
    }

    fn narrow<'a>(&'a self, filter: &'a InboxFilter, query: &mut Query<'a>) {
        let texts = |names: &'a [String]| names.iter().map(|name| Arg::Text(name)).collect();
        if let Some(me) = &filter.waits_for {
            query.add_list(IN_AUDIENCE, texts(&self.mine));
            query.add(SO_FAR, []);
            query.add(NOT_VOTED, [Arg::Text(&self.voted)]);
            let not_own = " AND (i.no_self = 0 OR i.starter IS NULL OR i.starter <> ?)";
            query.add(not_own, [Arg::Text(&me.name)]);
        }
        if !self.groups.is_empty() {
            query.add_list(IN_AUDIENCE, texts(&self.groups));
            query.add(SO_FAR, []);
        }
        if !filter.effects.is_empty() {
            let ranks = filter.effects.iter().map(|effect| Arg::Int(rank(*effect))).collect();
            query.add_list(" AND i.effect_rank IN ", ranks);
        }
        if let Some(agent) = &filter.agent {
            query.add(" AND i.agent = ?", [Arg::Text(agent)]);
        }
        if let Some(workflow_id) = &filter.workflow_id {
            query.add(" AND i.workflow_id = ?", [Arg::Text(workflow_id)]);
        }
        if let Some(batch) = &filter.batch {
            query.add(" AND i.batch = ?", [Arg::Text(batch)]);
        }
    }
}

impl InboxOrder {
    fn sql(self) -> &'static str {
        match self {
            Self::Age => " ORDER BY i.asked_at, i.chain, i.gate",
            Self::Deadline => " ORDER BY i.deadline, i.chain, i.gate",
            Self::Effect => " ORDER BY i.effect_rank, i.asked_at, i.chain, i.gate",
        }
    }
}

impl InboxCursor {
    /// The text that [`InboxCursor::as_str`] gave, checked when it is used.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, of letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Place {
    fn of(item: &InboxItem, order: InboxOrder) -> Self {
        let request = &item.waiting.request;
        Self {
            order,
            first: match order {
                InboxOrder::Age => request.asked_at.as_millis(),
                InboxOrder::Deadline => request.deadline.as_millis(),
                InboxOrder::Effect => rank(request.effect),
            },
            asked_at: request.asked_at.as_millis(),
            chain: item.waiting.chain.clone(),
            gate: request.id.clone(),
        }
    }

    fn written(&self) -> Result<InboxCursor, StoreError> {
        use std::fmt::Write as _;
        let json = serde_json::to_vec(self)
            .map_err(|error| StoreError::Request(format!("the cursor: {error}")))?;
        let mut text = String::with_capacity(json.len().saturating_mul(2));
        for byte in json {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(InboxCursor(text))
    }

    fn read(cursor: &InboxCursor, order: InboxOrder) -> Result<Self, StoreError> {
        let refused =
            || StoreError::Request("the cursor is of another list; begin anew".to_owned());
        let bytes = cursor.0.as_bytes().chunks(2).map(|pair| {
            let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2)?;
            u8::from_str_radix(digits, 16).ok()
        });
        let json: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(refused)?;
        let place: Self = serde_json::from_slice(&json).map_err(|_| refused())?;
        if place.order == order { Ok(place) } else { Err(refused()) }
    }
}
