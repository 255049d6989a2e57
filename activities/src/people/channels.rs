//! Sends notices through the channels of the worker, each once.

use std::time::{Duration, SystemTime};

use futures::future::join_all;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::identity::Person;
use longhaul_contract::notice::{Notice, NotifyRequest};
use longhaul_contract::time::Timestamp;
use longhaul_store::{AuditRecord, Claimed, Delivery, Owner, Store};
use reqwest::Client;
use serde_json::json;

use super::filter::Told;
use super::links::Links;
use super::message::{self, Message};
use super::send::Undelivered;
use super::settings::{ChannelKind, ChannelSettings, EmailSettings, PeopleSettings, Setting};
use super::{email, slack, webhook};
use crate::blobs;
use crate::error::Failure;
use crate::http::{self, ClientSettings};

/// How long a claim holds: longer than an attempt at sending can take.
const CLAIM: Duration = Duration::from_secs(45);

/// The channels of a worker.
#[derive(Debug)]
pub(crate) struct Channels {
    channels: Vec<ChannelSettings>,
    links: Option<Links>,
    client: Client,
}

/// One message on its way to one place.
struct Parcel<'a> {
    owner: &'a Owner,
    request: &'a NotifyRequest,
    notice: &'a Notice,
    told: &'a Told<'a>,
}

/// Why a channel was not done with its notices.
enum Stopped {
    /// The channel is not there, or not yet.
    Channel { problem: String, after: Option<Duration> },
    /// The store is not.
    Store(Failure),
}

impl Channels {
    /// Sets the channels up.
    ///
    /// # Errors
    ///
    /// A variable that a channel needs is not set.
    pub(crate) fn new(settings: PeopleSettings) -> Result<Self, Failure> {
        for channel in &settings.channels {
            channel.check()?;
        }
        let client = http::client(&ClientSettings::default())?;
        Ok(Self { channels: settings.channels, links: settings.links, client })
    }

    /// Sends what goes through each channel and has not been sent. A channel that is down keeps
    /// no other from its turn.
    ///
    /// # Errors
    ///
    /// What is left is to be tried again: [`FailureKind::ChannelUnavailable`], or the store's.
    pub(crate) async fn send(
        &self,
        store: &Store,
        owner: &Owner,
        request: &NotifyRequest,
    ) -> Result<(), Failure> {
        let sent = self.channels.iter().map(|channel| self.through(channel, store, owner, request));
        let mut problems = Vec::new();
        let mut wait: Option<Duration> = None;
        for (channel, sent) in self.channels.iter().zip(join_all(sent).await) {
            match sent {
                Ok(()) => {}
                Err(Stopped::Store(failure)) => return Err(failure),
                Err(Stopped::Channel { problem, after }) => {
                    tracing::warn!(channel = channel.name, problem, "a channel is not available");
                    problems.push(format!("channel `{}`: {problem}", channel.name));
                    // What is there again sooner need not wait for what asks for longer.
                    wait = match (wait, after) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                }
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Failure::new(FailureKind::ChannelUnavailable, problems.join("; ")).retry_after(wait))
    }

    /// Sends through one channel. To each place in order; one that is away stops no other.
    async fn through(
        &self,
        channel: &ChannelSettings,
        store: &Store,
        owner: &Owner,
        request: &NotifyRequest,
    ) -> Result<(), Stopped> {
        let mut stopped = Ok(());
        for target in channel.targets() {
            for notice in &request.notices {
                let Some(told) = Told::of(notice) else { continue };
                if !channel.filter.lets_through(&request.agent, &told) {
                    continue;
                }
                let parcel = Parcel { owner, request, notice, told: &told };
                if let Err(why) = self.deliver(channel, &target, store, &parcel).await {
                    stopped = Err(why);
                    break;
                }
            }
        }
        stopped
    }

    /// Sends one message, unless it was sent.
    async fn deliver(
        &self,
        channel: &ChannelSettings,
        target: &str,
        store: &Store,
        parcel: &Parcel<'_>,
    ) -> Result<(), Stopped> {
        let away = |error| Stopped::Store(blobs::failure(&error));
        let delivery = Delivery {
            owner: parcel.owner.clone(),
            number: parcel.notice.number,
            channel: channel.name.clone(),
            target: target.to_owned(),
        };
        let until = match store.claim_delivery(&delivery, CLAIM).await.map_err(away)? {
            Claimed::Sent { .. } => return Ok(()),
            Claimed::Others { until } => {
                let problem = "another attempt may be at it still".to_owned();
                let after = until.since(Timestamp::from(SystemTime::now()));
                return Err(Stopped::Channel { problem, after: Some(after) });
            }
            Claimed::Yours { until } => until,
        };
        match self.attempt(channel, target, parcel).await {
            Ok(()) => store.delivered(&delivery).await.map_err(away),
            Err(Undelivered::Later { problem, after }) => {
                store.not_delivered(&delivery, until).await.map_err(away)?;
                Err(Stopped::Channel { problem, after })
            }
            Err(Undelivered::Never { problem }) => {
                tracing::warn!(channel = channel.name, problem, "a notice is refused for good");
                let record = refused(channel, parcel, target, &problem);
                store.append_audit(&[record]).await.map_err(away)?;
                // As good as sent: it is not tried again.
                store.delivered(&delivery).await.map_err(away)
            }
        }
    }

    async fn attempt(
        &self,
        channel: &ChannelSettings,
        target: &str,
        parcel: &Parcel<'_>,
    ) -> Result<(), Undelivered> {
        let Parcel { owner, request, notice, told } = parcel;
        let id = owner.workflow_id.as_str();
        let link = self.link(channel, target, parcel);
        let key = webhook::key(request, notice);
        match &channel.kind {
            ChannelKind::Webhook { url, secret_env } => {
                let secret = secret_env.as_deref().map(variable).transpose()?;
                let body = webhook::body(id, request, notice, link.as_deref());
                let (url, secret, event) = (url.value()?, secret.as_deref(), told.kind.as_str());
                webhook::send(&self.client, &url, secret, &key, event, body).await
            }
            ChannelKind::SlackWebhook { url } => {
                let message = Message::of(id, request, notice, told, link);
                slack::to_webhook(&self.client, &url.value()?, &key, &message).await
            }
            ChannelKind::Slack { api, token_env, channel } => {
                let message = Message::of(id, request, notice, told, link);
                let token = variable(token_env)?;
                slack::post(&self.client, api, &token, channel, &key, &message).await
            }
            ChannelKind::Email(settings) => {
                let message = Message::of(id, request, notice, told, link);
                let mail = email::mail(settings, target, request, notice, &message);
                let mail = mail.map_err(Undelivered::never)?;
                let password = settings.password_env.as_deref().map(variable).transpose()?;
                email::send(&email::transport(settings, password)?, mail).await
            }
        }
    }

    /// The link by which whoever reads the message decides; none in a channel that is not one
    /// person's.
    fn link(&self, channel: &ChannelSettings, target: &str, parcel: &Parcel<'_>) -> Option<String> {
        let (links, asked) = (self.links.as_ref()?, parcel.told.request?);
        let person = match &channel.kind {
            ChannelKind::Email(settings) => settings.reader(target)?,
            ChannelKind::Webhook { .. }
            | ChannelKind::SlackWebhook { .. }
            | ChannelKind::Slack { .. } => channel.person.clone()?,
        };
        let chain = &parcel.request.chain;
        Some(message::link(links, &person, &parcel.owner.workflow_id, chain, asked))
    }
}

impl EmailSettings {
    /// Who reads what goes to that address, if they may decide by link.
    fn reader(&self, address: &str) -> Option<Person> {
        let mailbox: lettre::message::Mailbox = address.parse().ok()?;
        let name = mailbox.email.to_string();
        self.links.then(|| Person { name, groups: self.groups.clone() })
    }
}

impl ChannelSettings {
    /// Where its messages go: the store knows each delivery by it.
    fn targets(&self) -> Vec<String> {
        match &self.kind {
            ChannelKind::Webhook { url, .. } | ChannelKind::SlackWebhook { url } => {
                vec![url.name()]
            }
            ChannelKind::Slack { api, channel, .. } => vec![format!("{api} {channel}")],
            ChannelKind::Email(settings) => settings.to.clone(),
        }
    }

    /// Whether the variables are set that it needs.
    fn check(&self) -> Result<(), Failure> {
        let names = match &self.kind {
            ChannelKind::Webhook { url, secret_env } => [url.variable(), secret_env.as_deref()],
            ChannelKind::SlackWebhook { url } => [url.variable(), None],
            ChannelKind::Slack { token_env, .. } => [Some(token_env.as_str()), None],
            ChannelKind::Email(settings) => [settings.password_env.as_deref(), None],
        };
        for name in names.into_iter().flatten() {
            variable(name).map_err(|_| {
                let name_of = &self.name;
                Failure::new(
                    FailureKind::Internal,
                    format!("the channel `{name_of}` needs the environment variable `{name}`, which is not set"),
                )
            })?;
        }
        Ok(())
    }
}

impl Setting {
    fn value(&self) -> Result<String, Undelivered> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Env(name) => variable(name),
        }
    }

    fn variable(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Env(name) => Some(name),
        }
    }

    /// What tells it from others, which of a secret is the variable's name.
    fn name(&self) -> String {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Env(name) => format!("${{{name}}}"),
        }
    }
}

/// The value of an environment variable.
fn variable(name: &str) -> Result<String, Undelivered> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Undelivered::later(format!("the variable `{name}` is not set")))
}

/// The entry that says that a notice will not arrive.
fn refused(
    channel: &ChannelSettings,
    parcel: &Parcel<'_>,
    target: &str,
    problem: &str,
) -> AuditRecord {
    let Parcel { owner, request, notice, told } = parcel;
    let to = longhaul_contract::digest::Digest::of_bytes(target.as_bytes());
    AuditRecord {
        key: format!(
            "{}/{}/not_delivered/{}/{}",
            owner.chain,
            notice.number,
            channel.name,
            to.short()
        ),
        at: Timestamp::from(SystemTime::now()),
        kind: "not_delivered".to_owned(),
        owner: Some((*owner).clone()),
        body: json!({
            "agent": request.agent,
            "channel": channel.name,
            "event": told.kind.as_str(),
            "number": notice.number,
            "problem": problem,
        }),
    }
}
