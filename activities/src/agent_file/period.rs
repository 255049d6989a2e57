//! A length of time as people write it: `90s`, `24h`, `30d`, `1h 30m`.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A length of time, written as a number with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            de::Error::custom(format_args!(
                "`{}` is not a length of time; write a number with a unit, such as `90s`, `24h` \
                 or `30d`",
                text.escape_debug()
            ))
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A number with a unit: `90s`, `10m`, `24h`, `30d`.",
            "pattern": r"^([0-9]+ ?[a-zA-Z]+ ?)+$",
            "examples": ["90s", "10m", "24h", "30d"]
        })
    }
}
