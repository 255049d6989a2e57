//! Values that a file and a variable write alike, and are checked alike.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::ConfigError;
use crate::env_vars::Env;

/// A whole number of at least `N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AtLeast<const N: usize>(usize);

impl<const N: usize> AtLeast<N> {
    pub(super) fn get(self) -> usize {
        self.0
    }

    fn new(value: usize) -> Result<Self, String> {
        if value < N {
            return Err(format!("must be at least {N}"));
        }
        Ok(Self(value))
    }
}

impl<const N: usize> FromStr for AtLeast<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.parse().map_err(|_| format!("expected a whole number of at least {N}"))?;
        Self::new(value)
    }
}

impl<'de, const N: usize> Deserialize<'de> for AtLeast<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(usize::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// A duration as people write it: `500ms`, `10s`, `1m 30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HumanDuration(Duration);

impl HumanDuration {
    pub(super) fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| "expected a duration such as `500ms` or `10s`".to_owned())
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// An address that paths are put behind, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl(String);

impl BaseUrl {
    pub(super) fn get(self) -> String {
        self.0
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected an address such as `https://longhaul.example.com`".to_owned();
        let url = url::Url::parse(text).map_err(|_| expected())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !plain || url.path() != "/" {
            return Err(expected());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The value of a variable, if it is set.
pub(super) fn variable<T>(env: &Env, name: &'static str) -> Result<Option<T>, ConfigError>
where
    T: FromStr<Err: Display>,
{
    env.get(name)
        .map(|value| {
            value.parse().map_err(|problem: T::Err| ConfigError::Variable {
                name,
                value: value.to_owned(),
                problem: problem.to_string(),
            })
        })
        .transpose()
}
