//! Keeps a worker polling: connects, runs the SDK's worker, builds it anew when it fails.

use std::sync::Arc;
use std::time::Duration;

use longhaul_activities::activities::{AgentActivities, AgentActivitiesSettings};
use longhaul_activities::people::PeopleSettings;
use longhaul_activities::people::links::Links;
use longhaul_activities::tool::{Integrations, McpHost};
use longhaul_activities::worker_policy::WorkerPolicy;
use longhaul_contract::identity::Trust;
use longhaul_store::Store;
use temporalio_client::Client;
use temporalio_common::telemetry::metrics::TemporalMeter;
use temporalio_sdk::{Runtime, Worker};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Health, Metrics, Phase, Stop, WorkerError};
use crate::client::Runs;
use crate::config::{Config, ConnectError, Target};
use crate::journal::take_over::take_over;
use crate::journal::{self, Header, Journal};
use crate::telemetry::Spans;
use crate::{accounts, attributes, compose, config, interceptors, policy};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that starts together with its worker is looked for more often at first.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// A worker that ran this long starts with the first pause again.
const LONG_RUN: Duration = Duration::from_secs(60);
/// What activities that were told to end have left, before the worker ends without them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Keeps a worker polling until it is asked to end.
pub(super) struct Supervisor<'a> {
    pub(super) config: &'a Config,
    pub(super) runtime: &'a Runtime,
    pub(super) spans: &'a Spans,
    pub(super) metrics: Metrics,
    pub(super) meter: Option<TemporalMeter>,
    pub(super) health: Health,
    pub(super) stop: &'a Stop,
    pub(super) store: Store,
    /// The worker's own rules, as they are now.
    pub(super) rules: WorkerPolicy,
    /// Whom new runs believe.
    pub(super) trust: Trust,
    /// Makes the links in messages, where people reach workers over HTTP.
    pub(super) links: Option<Links>,
    /// The integrations, and the vault.
    pub(super) integrations: Arc<Integrations>,
}

impl Supervisor<'_> {
    pub(super) async fn run(&self) -> Result<(), WorkerError> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.enter(Phase::Connecting);
            let Some((target, client)) = self.connect().await? else { return Ok(()) };
            let journal = self.succeed(&target, &client);
            let mut worker = self.build(client.clone(), journal).await?;
            tracing::info!(
                address = target.address,
                namespace = target.namespace,
                task_queue = self.config.task_queue,
                agents = %self.config.agents.display(),
                "polling"
            );
            self.health.polling(client.clone());
            self.metrics.phase(Phase::Polling);
            let started = Instant::now();
            let following = self.follow_policy(&target, &client);
            let ended = self.poll(&mut worker).await;
            drop(following);
            match ended? {
                Ended::Drained => return Ok(()),
                Ended::Broken(problem) => {
                    if started.elapsed() > LONG_RUN {
                        pause = FIRST_PAUSE;
                    }
                    self.metrics.rebuilt();
                    tracing::error!(problem, again_in = ?pause, "the worker failed, building it anew");
                }
            }
            drop(worker);
            self.enter(Phase::Connecting);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.asked() => return Ok(()),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A client of the server, once there is one; `None` if the worker is to end before.
    async fn connect(&self) -> Result<Option<(Target, Client)>, WorkerError> {
        let mut pause = FIRST_LOOK;
        let mut told = None;
        loop {
            // Found anew each time: a dev server may come up meanwhile, at an address of its own.
            let target = config::target(self.config)?.measured_by(self.meter.clone());
            // A connection of its own for each worker: the SDK lets a connection serve a task
            // queue once, and forgets about it only if the worker ended in order.
            let connected = tokio::select! {
                connected = config::connect_to(&target, interceptors::client()) => connected,
                () = self.stop.asked() => return Ok(None),
            };
            let error: ConnectError = match connected {
                Ok(client) => {
                    if told.is_some() {
                        tracing::info!(address = target.address, "the server is there");
                    }
                    return Ok(Some((target, client)));
                }
                Err(error) => error,
            };
            // Credentials that a running worker holds may be refused while a server comes up.
            if !error.is_passing() {
                return Err(error.into());
            }
            if told.as_ref() != Some(&error) {
                tracing::warn!("{error}");
                tracing::info!("waiting for the server");
                told = Some(error);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.asked() => return Ok(None),
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// Takes over from workers that died on this host, beside everything else, and opens the
    /// journal of the worker that is to be built.
    ///
    /// Each worker has a journal of its own, also within one process: the lock on it is held by
    /// what still runs of that worker, and by nothing else.
    fn succeed(&self, target: &Target, client: &Client) -> Option<Journal> {
        let folder = journal::folder(&self.config.state);
        let header = Header::new(&target.address, &target.namespace, &self.config.task_queue);
        let journal = Journal::open(&folder, header.clone());
        let (client, metrics) = (client.clone(), self.metrics.clone());
        tokio::spawn(async move {
            let taken = take_over(&client, folder, &header).await;
            metrics.taken_over(taken.calls);
        });
        journal
    }

    /// Has the worker's own rules follow their file, until what is returned is dropped.
    fn follow_policy(&self, target: &Target, client: &Client) -> Option<JoinSet<()>> {
        let path = self.config.policy.clone()?;
        let (rules, store) = (self.rules.clone(), self.store.clone());
        let queue = &self.config.task_queue;
        let runs = Runs::new(client.clone(), &target.address, queue).with_store(store.clone());
        let mut following = JoinSet::new();
        following.spawn(async move { policy::watch(&path, &rules, &store, &runs).await });
        Some(following)
    }

    async fn build(&self, client: Client, journal: Option<Journal>) -> Result<Worker, WorkerError> {
        let search_attributes = attributes::prepare(&client).await;
        let activities = AgentActivities::new(AgentActivitiesSettings {
            sources: accounts::sources(&self.integrations.catalog),
            integrations: self.integrations.clone(),
            mcp: McpHost::new(longhaul_mcp::Servers::new(longhaul_mcp::Options::default())),
            agents: self.config.agents.clone(),
            root: self.config.root.clone(),
            script_log: self.config.script_log.clone(),
            search_attributes,
            store: self.store.clone(),
            policy: self.rules.clone(),
            people: PeopleSettings {
                channels: self.config.notify.clone(),
                links: self.links.clone(),
            },
            trust: self.trust.clone(),
        })?;
        let (spans, metrics) = (self.spans.clone(), self.metrics.clone());
        let activities = Arc::new(activities);
        let config = self.config;
        Ok(compose::worker(self.runtime, client, config, activities, spans, metrics, journal)?)
    }

    /// Polls until the worker fails or has drained.
    async fn poll(&self, worker: &mut Worker) -> Result<Ended, WorkerError> {
        let shut_down = worker.shutdown_handle();
        let mut run = std::pin::pin!(worker.run());
        tokio::select! {
            result = &mut run => return Ok(Ended::of(result)),
            () = self.stop.asked() => {}
        }
        self.enter(Phase::Draining);
        let grace = self.config.tuning.graceful_period;
        tracing::info!(?grace, "draining");
        shut_down();
        tokio::select! {
            result = &mut run => {
                if let Ended::Broken(problem) = Ended::of(result) {
                    tracing::warn!(problem, "the worker failed while draining");
                }
                tracing::info!("drained");
                Ok(Ended::Drained)
            }
            () = tokio::time::sleep(grace + LAST_WORDS) => {
                tracing::warn!("activities in flight did not end in time and will be retried");
                Ok(Ended::Drained)
            }
            () = self.stop.insisted() => Err(WorkerError::Interrupted),
        }
    }

    fn enter(&self, phase: Phase) {
        self.metrics.phase(phase);
        match phase {
            Phase::Connecting => self.health.connecting(),
            Phase::Draining => self.health.draining(),
            Phase::Polling => {}
        }
    }
}

/// How polling ended.
enum Ended {
    Drained,
    Broken(String),
}

impl Ended {
    fn of(result: Result<(), temporalio_sdk::WorkerRunError>) -> Self {
        match result {
            Ok(()) => Self::Drained,
            Err(error) => Self::Broken(describe(&error)),
        }
    }
}

/// An error with its causes, on one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
