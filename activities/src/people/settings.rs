//! How people are told: the channels of a worker, as its configuration names them.

use std::fmt;

use longhaul_contract::identity::Person;
use longhaul_contract::tool::Effect;

use super::links::Links;

/// How people are told.
#[derive(Clone, Debug, Default)]
pub struct PeopleSettings {
    /// The channels.
    pub channels: Vec<ChannelSettings>,
    /// Makes the links in messages; without, messages have none.
    pub links: Option<Links>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its name, unique, by which the store knows what was sent through it.
    pub name: String,
    /// What goes through it.
    pub filter: Filter,
    /// Who reads it, if it is one person: their messages carry links that decide in their name.
    pub person: Option<Person>,
    /// Where it leads.
    pub kind: ChannelKind,
}

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// A program of one's own, by HTTP.
    Webhook {
        /// Where to.
        url: Setting,
        /// The variable that holds the secret of its signatures.
        secret_env: Option<String>,
    },
    /// An incoming webhook of Slack.
    SlackWebhook {
        /// Where to: who knows it may post.
        url: Setting,
    },
    /// A channel or person in Slack.
    Slack {
        /// Slack's API, without a slash at its end.
        api: String,
        /// The variable that holds the token of the bot.
        token_env: String,
        /// Id or name of the channel, or a user's id.
        channel: String,
    },
    /// Mail, to each address a message of its own.
    Email(EmailSettings),
}

/// Where mail goes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailSettings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What protects the connection.
    pub tls: MailTls,
    /// The user, if the server wants one.
    pub user: Option<String>,
    /// The variable that holds the user's password.
    pub password_env: Option<String>,
    /// Who the mail is from.
    pub from: String,
    /// Whom it goes to.
    pub to: Vec<String>,
    /// The groups that those who get it belong to, for the links in it.
    pub groups: Vec<String>,
    /// Whether each address is the name of a person that may decide by link.
    pub links: bool,
}

/// What protects the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said that matters, or nothing is.
    StartTls,
    /// Nothing: within this machine alone.
    Plain,
}

/// A value that stands in the configuration, or in a variable because it is secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// The value.
    Plain(String),
    /// The variable that holds it.
    Env(String),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Addresses may hold keys.
            Self::Plain(_) => f.write_str("Plain(…)"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
        }
    }
}

/// What goes through a channel: what is in all of the lists. An empty list holds everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What happened.
    pub events: Vec<EventKind>,
    /// Gates that one of these groups may decide or is asked about.
    pub groups: Vec<String>,
    /// Agents by name, with `*` for any run of characters.
    pub agents: Vec<String>,
    /// What the call does.
    pub effects: Vec<Effect>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            events: EventKind::ASKING.to_vec(),
            groups: Vec::new(),
            agents: Vec::new(),
            effects: Vec::new(),
        }
    }
}

/// What channels can tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Somebody is asked.
    Asked,
    /// They are asked again.
    Reminded,
    /// Nobody answered in time, and others are asked.
    Escalated,
    /// Somebody was named to decide.
    Delegated,
    /// It is over.
    Closed,
}

impl EventKind {
    /// Those that ask somebody for something: what a channel tells of if nothing else is said.
    pub const ASKING: [Self; 4] = [Self::Asked, Self::Reminded, Self::Escalated, Self::Delegated];

    /// The word in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Reminded => "reminded",
            Self::Escalated => "escalated",
            Self::Delegated => "delegated",
            Self::Closed => "closed",
        }
    }
}
