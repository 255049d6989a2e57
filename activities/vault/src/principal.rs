//! Whose a connection is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A person, a team, an organisation or an agent: `user:ID`, `team:ID`, `org:ID`, `agent:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// A person.
    User(String),
    /// A team.
    Team(String),
    /// An organisation.
    Org(String),
    /// An agent, whoever starts it.
    Agent(String),
}

/// A text that names no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no principal\nhint: write `user:ID`, `team:ID`, `org:ID` or `agent:NAME`")]
pub struct PrincipalError(String);

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Team(id) => write!(f, "team:{id}"),
            Self::Org(id) => write!(f, "org:{id}"),
            Self::Agent(name) => write!(f, "agent:{name}"),
        }
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || PrincipalError(text.to_owned());
        let (kind, id) = text.split_once(':').ok_or_else(error)?;
        if id.is_empty()
            || id.len() > 200
            || id.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(error());
        }
        let id = id.to_owned();
        Ok(match kind {
            "user" => Self::User(id),
            "team" => Self::Team(id),
            "org" => Self::Org(id),
            "agent" => Self::Agent(id),
            _ => return Err(error()),
        })
    }
}

impl TryFrom<String> for Principal {
    type Error = PrincipalError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Principal;

    #[test]
    fn principals_are_written_as_they_are_read() {
        for text in ["user:ada@example.com", "team:ops", "org:acme", "agent:brief", "user:a:b"] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        for text in ["ada", "user:", "group:x", "user:a b", "user:a\nb", ":x"] {
            assert!(text.parse::<Principal>().is_err(), "{text}");
        }
    }
}
