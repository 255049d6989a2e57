//! The keys `context` and `continue_after`: how much a model reads, and when a run goes on anew.

use std::fmt;
use std::ops::RangeInclusive;

use longhaul_contract::definition::{ContextSettings, ContinueAfter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Location, Spanned};

use super::{ModelEntry, Problem, Source, compile};

/// Fewer tokens than this hold no instructions.
const LEAST_WINDOW: u64 = 100;
const PERCENT: RangeInclusive<u64> = 1..=95;
const EVENTS: RangeInclusive<u64> = 50..=40_000;
const BYTES: RangeInclusive<u64> = 64 * 1024..=40 * 1024 * 1024;
const UPDATES: RangeInclusive<u64> = 1..=1_900;
const SIGNALS: RangeInclusive<u64> = 1..=9_000;

/// How much of the conversation the model reads, and when it is summed up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Context")]
pub struct ContextEntry {
    /// Tokens that the model takes in and gives out together, as its provider says.
    #[serde(default)]
    #[schemars(with = "Option<u64>", range(min = LEAST_WINDOW))]
    pub window: Option<Spanned<u64>>,
    /// The share of the window at which the conversation is summed up; `80%` if absent.
    #[serde(default)]
    #[schemars(with = "Option<Percent>")]
    pub compact_at: Option<Spanned<Percent>>,
    /// The last turns, which a summary leaves word for word; 6 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub keep_turns: Option<Spanned<u32>>,
    /// The model that sums up; the agent's own if absent.
    #[serde(default)]
    pub model: Option<ModelEntry>,
    /// What a summary must keep, beyond the goals, decisions, facts and open tasks it always
    /// keeps.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub instructions: Option<Spanned<String>>,
}

/// When a run goes on in a new Temporal execution: at the first of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ContinueAfter")]
pub struct ContinueEntry {
    /// Events of history, 50 to 40000; 4000 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = *EVENTS.start(), max = *EVENTS.end()))]
    pub events: Option<Spanned<u32>>,
    /// Bytes that Longhaul has put into history, 64 KiB to 40 MiB; 4 MiB if absent.
    #[serde(default)]
    #[schemars(with = "Option<u64>", range(min = *BYTES.start(), max = *BYTES.end()))]
    pub bytes: Option<Spanned<u64>>,
    /// Updates that were taken, 1 to 1900; 1500 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = *UPDATES.start(), max = *UPDATES.end()))]
    pub updates: Option<Spanned<u32>>,
    /// Signals that came, 1 to 9000; 8000 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = *SIGNALS.start(), max = *SIGNALS.end()))]
    pub signals: Option<Spanned<u32>>,
}

/// A percentage as people write it: `80%` or `80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PercentVisitor)
    }
}

struct PercentVisitor;

impl de::Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole percentage, such as `80%`")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
        Ok(Percent(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Percent, E> {
        u64::try_from(number).map(Percent).map_err(|_| no_percentage(&number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Percent, E> {
        Err(no_percentage(&number.to_string()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
        let digits = text.trim().trim_end_matches('%').trim_end();
        digits.parse().map(Percent).map_err(|_| no_percentage(text))
    }
}

fn no_percentage<E: de::Error>(text: &str) -> E {
    E::custom(format_args!(
        "`{}` is not a whole percentage; write it such as `80%`",
        text.escape_debug()
    ))
}

impl JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A percentage: `80%` or `80`.",
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,2} ?%?$"},
                {"type": "integer", "minimum": PERCENT.start(), "maximum": PERCENT.end()}
            ],
            "examples": ["80%", 80]
        })
    }
}

/// Checks the key `context`.
pub(super) fn context(
    entry: Option<&ContextEntry>,
    source: &Source<'_>,
) -> Result<Option<ContextSettings>, Problem> {
    let Some(entry) = entry else { return Ok(None) };
    let mut settings = ContextSettings::default();
    if let Some(window) = &entry.window {
        if window.value < LEAST_WINDOW {
            let message = format!("`window` is {}, expected {LEAST_WINDOW} or more", window.value);
            return Err(Problem::new(source, window.referenced, message)
                .hint("it is in tokens; the provider's page on the model says how many"));
        }
        settings.window = Some(window.value);
    }
    if let Some(at) = &entry.compact_at {
        settings.compact_at = within(source, "compact_at", at.value.0, &PERCENT, at.referenced)?;
    }
    if let Some(turns) = &entry.keep_turns {
        compile::positive(source, "keep_turns", turns.value.into(), turns.referenced)?;
        settings.keep_turns = turns.value;
    }
    if let Some(model) = &entry.model {
        settings.model = Some(compile::model(model, source)?);
    }
    if let Some(instructions) = &entry.instructions {
        if instructions.value.trim().is_empty() {
            let message = "`instructions` of `context` is empty";
            return Err(Problem::new(source, instructions.referenced, message)
                .hint("leave the line out, or say what a summary must keep"));
        }
        settings.instructions = Some(instructions.value.trim().to_owned());
    }
    Ok(Some(settings))
}

/// Checks the key `continue_after`.
pub(super) fn continue_after(
    entry: &ContinueEntry,
    source: &Source<'_>,
) -> Result<ContinueAfter, Problem> {
    let mut after = ContinueAfter::default();
    if let Some(events) = &entry.events {
        after.events = within(source, "events", events.value, &EVENTS, events.referenced)?;
    }
    if let Some(bytes) = &entry.bytes {
        after.bytes = within(source, "bytes", bytes.value, &BYTES, bytes.referenced)?;
    }
    if let Some(updates) = &entry.updates {
        after.updates = within(source, "updates", updates.value, &UPDATES, updates.referenced)?;
    }
    if let Some(signals) = &entry.signals {
        after.signals = within(source, "signals", signals.value, &SIGNALS, signals.referenced)?;
    }
    Ok(after)
}

/// `value` as the definition has it, if it is in `range`.
fn within<N: Into<u64>, T: TryFrom<u64>>(
    source: &Source<'_>,
    what: &str,
    value: N,
    range: &RangeInclusive<u64>,
    at: Location,
) -> Result<T, Problem> {
    let value = value.into();
    match T::try_from(value) {
        Ok(fits) if range.contains(&value) => Ok(fits),
        Ok(_) | Err(_) => {
            let message =
                format!("`{what}` is {value}, expected {} to {}", range.start(), range.end());
            Err(Problem::new(source, at, message).hint("leave the line out for the default"))
        }
    }
}
