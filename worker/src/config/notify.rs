//! The channels by which people are told: the tables `[[notify]]`.

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use longhaul_activities::people::{
    self, ChannelKind, ChannelSettings, EmailSettings, EventKind, Filter, MailTls, Setting,
};
use longhaul_contract::identity::Person;
use longhaul_contract::tool::Effect;
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, Place};

/// Slack's API.
const SLACK_API: &str = "https://slack.com/api";
/// Longest name of a channel.
const MOST_NAME: usize = 40;

type Text = Option<Spanned<String>>;
type Texts = Option<Spanned<Vec<String>>>;

/// A table `[[notify]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyTable {
    name: Spanned<String>,
    kind: Kind,
    events: Option<Vec<EventKind>>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    agents: Vec<String>,
    #[serde(default)]
    effects: Vec<Effect>,
    person: Text,
    person_groups: Texts,
    url: Text,
    url_env: Text,
    secret_env: Text,
    api: Text,
    token_env: Text,
    channel: Text,
    host: Text,
    port: Option<Spanned<u16>>,
    tls: Option<Spanned<Protection>>,
    user: Text,
    password_env: Text,
    from: Text,
    to: Texts,
    links: Option<Spanned<bool>>,
}

/// Where a channel leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Webhook,
    Slack,
    Email,
}

/// What protects the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Protection {
    Tls,
    Starttls,
    Plain,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }

    /// Its keys besides those of every channel.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Webhook => &["url", "url_env", "secret_env", "person", "person_groups"],
            Self::Slack => &["url_env", "api", "token_env", "channel", "person", "person_groups"],
            Self::Email => &[
                "host",
                "port",
                "tls",
                "user",
                "password_env",
                "from",
                "to",
                "links",
                "person_groups",
            ],
        }
    }
}

/// A problem, and where in the file.
type Trouble = (Range<usize>, String);

/// The channels of the tables.
///
/// # Errors
///
/// The first table that describes no channel, with the place.
pub(super) fn channels(
    path: &Path,
    text: &str,
    tables: Vec<Spanned<NotifyTable>>,
) -> Result<Vec<ChannelSettings>, ConfigError> {
    let mut channels: Vec<ChannelSettings> = Vec::new();
    for table in tables {
        let at = table.span();
        let table = table.into_inner();
        let name = table.name.clone();
        let invalid = |(at, problem): Trouble| ConfigError::Invalid {
            place: Place::at(path, text, at.start),
            problem,
        };
        let channel = table.channel(at).map_err(invalid)?;
        if channels.iter().any(|other| other.name == channel.name) {
            let problem = format!("there are two channels `{}`", channel.name);
            return Err(invalid((name.span(), problem)));
        }
        channels.push(channel);
    }
    Ok(channels)
}

impl NotifyTable {
    /// The channel; `at` is where the table is.
    fn channel(mut self, at: Range<usize>) -> Result<ChannelSettings, Trouble> {
        self.is_well_named()?;
        self.has_no_others_keys()?;
        let kind = match self.kind {
            Kind::Webhook => self.webhook(&at)?,
            Kind::Slack => self.slack(&at)?,
            Kind::Email => self.email(&at)?,
        };
        let groups = self.person_groups.take();
        let person = match (self.person, self.kind, groups) {
            (Some(name), _, groups) => Some(Person {
                name: name.into_inner(),
                groups: groups.map(Spanned::into_inner).unwrap_or_default(),
            }),
            (None, Kind::Webhook | Kind::Slack, Some(groups)) => {
                let problem = "`person_groups` without `person`: whose are they?".to_owned();
                return Err((groups.span(), problem));
            }
            (None, _, _) => None,
        };
        let filter = Filter {
            events: self.events.unwrap_or_else(|| EventKind::ASKING.to_vec()),
            groups: self.groups,
            agents: self.agents,
            effects: self.effects,
        };
        Ok(ChannelSettings { name: self.name.into_inner(), filter, person, kind })
    }

    fn is_well_named(&self) -> Result<(), Trouble> {
        let name = self.name.get_ref();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || name.len() > MOST_NAME || !name.chars().all(good) {
            let problem = format!(
                "`name` is 1 to {MOST_NAME} of a-z, 0-9, `-` and `_`; the store knows by it what \
                 was sent"
            );
            return Err((self.name.span(), problem));
        }
        Ok(())
    }

    fn has_no_others_keys(&self) -> Result<(), Trouble> {
        let span = |text: &Text| text.as_ref().map(Spanned::span);
        let given = [
            ("person", span(&self.person)),
            ("person_groups", self.person_groups.as_ref().map(Spanned::span)),
            ("url", span(&self.url)),
            ("url_env", span(&self.url_env)),
            ("secret_env", span(&self.secret_env)),
            ("api", span(&self.api)),
            ("token_env", span(&self.token_env)),
            ("channel", span(&self.channel)),
            ("host", span(&self.host)),
            ("port", self.port.as_ref().map(Spanned::span)),
            ("tls", self.tls.as_ref().map(Spanned::span)),
            ("user", span(&self.user)),
            ("password_env", span(&self.password_env)),
            ("from", span(&self.from)),
            ("to", self.to.as_ref().map(Spanned::span)),
            ("links", self.links.as_ref().map(Spanned::span)),
        ];
        for (key, at) in given {
            let Some(at) = at else { continue };
            if !self.kind.keys().contains(&key) {
                let (kind, keys) = (self.kind.as_str(), self.kind.keys().join("`, `"));
                let secret = (self.kind, key) == (Kind::Slack, "url");
                let problem = if secret {
                    "who knows this address may post: put it into a variable and name that in \
                     `url_env`"
                        .to_owned()
                } else {
                    format!("a channel of kind `{kind}` has no `{key}`; it takes `{keys}`")
                };
                return Err((at, problem));
            }
        }
        Ok(())
    }

    fn webhook(&mut self, at: &Range<usize>) -> Result<ChannelKind, Trouble> {
        let secret_env = self.secret_env.take().map(Spanned::into_inner);
        let url = match (self.url.take(), self.url_env.take()) {
            (Some(url), None) => {
                address(&url)?;
                Setting::Plain(url.into_inner())
            }
            (None, Some(name)) => Setting::Env(name.into_inner()),
            (Some(_), Some(_)) | (None, None) => {
                let problem = "a webhook needs `url`, or `url_env` with the name of a variable";
                return Err((at.clone(), problem.to_owned()));
            }
        };
        Ok(ChannelKind::Webhook { url, secret_env })
    }

    fn slack(&mut self, at: &Range<usize>) -> Result<ChannelKind, Trouble> {
        let api = match self.api.take() {
            Some(api) => {
                address(&api)?;
                api.into_inner().trim_end_matches('/').to_owned()
            }
            None => SLACK_API.to_owned(),
        };
        match (self.url_env.take(), self.token_env.take(), self.channel.take()) {
            (Some(url), None, None) => {
                Ok(ChannelKind::SlackWebhook { url: Setting::Env(url.into_inner()) })
            }
            (None, Some(token), Some(channel)) => Ok(ChannelKind::Slack {
                api,
                token_env: token.into_inner(),
                channel: channel.into_inner(),
            }),
            _ => {
                let problem = "Slack needs `url_env` (an incoming webhook), or `token_env` and \
                               `channel` (a bot)";
                Err((at.clone(), problem.to_owned()))
            }
        }
    }

    fn email(&mut self, at: &Range<usize>) -> Result<ChannelKind, Trouble> {
        let missing = |key: &str| (at.clone(), format!("mail needs `{key}`"));
        let host = self.host.take().ok_or_else(|| missing("host"))?;
        let from = self.from.take().ok_or_else(|| missing("from"))?;
        let to = self.to.take().ok_or_else(|| missing("to"))?;
        let tls = self.tls.take();
        let tls = match tls.as_ref().map(|tls| (*tls.get_ref(), tls.span())) {
            Some((Protection::Tls, _)) => MailTls::Tls,
            Some((Protection::Starttls, _)) | None => MailTls::StartTls,
            Some((Protection::Plain, at)) => {
                if !is_here(host.get_ref()) {
                    let problem = "without TLS mail goes to this machine alone, such as \
                                   `127.0.0.1`";
                    return Err((at, problem.to_owned()));
                }
                MailTls::Plain
            }
        };
        let port = self.port.take().map(Spanned::into_inner).unwrap_or(match tls {
            MailTls::Tls => 465,
            MailTls::StartTls => 587,
            MailTls::Plain => 25,
        });
        let (user, password) = (self.user.take(), self.password_env.take());
        if let (Some(alone), None) | (None, Some(alone)) = (&user, &password) {
            let problem = "`user` and `password_env` go together".to_owned();
            return Err((alone.span(), problem));
        }
        if to.get_ref().is_empty() {
            return Err((to.span(), "mail to nobody".to_owned()));
        }
        let all = std::iter::once((from.get_ref(), from.span()));
        for (address, at) in all.chain(to.get_ref().iter().map(|one| (one, to.span()))) {
            if !people::is_mail_address(address) {
                return Err((at, format!("`{address}` is no mail address")));
            }
        }
        let links = self.links.take().is_some_and(Spanned::into_inner);
        let groups = self.person_groups.take().map(Spanned::into_inner).unwrap_or_default();
        Ok(ChannelKind::Email(EmailSettings {
            host: host.into_inner(),
            port,
            tls,
            user: user.map(Spanned::into_inner),
            password_env: password.map(Spanned::into_inner),
            from: from.into_inner(),
            to: to.into_inner(),
            groups,
            links,
        }))
    }
}

/// Whether that is the address of an HTTP server.
fn address(text: &Spanned<String>) -> Result<(), Trouble> {
    match url::Url::parse(text.get_ref()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        // Without the address, which may hold a key.
        Ok(_) | Err(_) => {
            Err((text.span(), "expected an address such as `https://example.com/hook`".to_owned()))
        }
    }
}

/// Whether the host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
