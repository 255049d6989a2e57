//! A run as it happens: prints each step once, whatever happens to the worker meanwhile.

use std::time::{Duration, Instant};

use longhaul_contract::run::{RunState, StatusView, TracePage};
use longhaul_contract::trace::TraceEvent;

use crate::client::{Run, RunError};
use crate::output::{Stream, Voice};
use crate::view::pulse::Pulse;
use crate::view::steps::Steps;

/// Between two looks at the run.
const POLL: Duration = Duration::from_millis(150);
/// Between two looks at what the server knows, in case the worker cannot tell.
const VITALS: Duration = Duration::from_secs(2);
/// What takes longer gets a line that says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where following came to a halt.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// The run is over.
    Ended,
    /// It waits for a person's decision, a message, or for somebody to mend something.
    Waits(Box<StatusView>),
}

/// Follows one run.
pub(crate) struct Follow {
    run: Run,
    voice: Voice,
    steps: Steps,
    pulse: Pulse,
    from: u64,
    // Something happened since the state was asked for.
    stale: bool,
    away: bool,
    failing: bool,
    quiet: bool,
    vitals_at: Instant,
    moved_at: Instant,
}

impl Follow {
    /// Follows `run` from its first step, onto `stream`.
    pub(crate) fn new(run: Run, stream: Stream) -> Self {
        let now = Instant::now();
        Self {
            run,
            voice: Voice::new(stream),
            steps: Steps::new(stream.paint(), stream.width()),
            pulse: Pulse::default(),
            from: 0,
            stale: true,
            away: false,
            failing: false,
            quiet: false,
            vitals_at: now,
            moved_at: now,
        }
    }

    /// The same, printing nothing.
    pub(crate) fn quiet(run: Run) -> Self {
        Self { quiet: true, ..Self::new(run, Stream::Err) }
    }

    /// Starts after what has happened already.
    pub(crate) fn after(mut self, seen: u64) -> Self {
        self.from = seen;
        self
    }

    /// The run.
    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// What speaks for it; others who print while it follows use the same.
    pub(crate) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Lets the next [`Follow::next`] look at the state anew, after it was acted upon.
    pub(crate) fn refresh(&mut self) {
        self.stale = true;
    }

    /// Prints what happens until the run is over or waits for somebody.
    pub(crate) async fn next(&mut self) -> Result<Halt, RunError> {
        let halt = self.until_halt().await;
        self.voice.idle();
        halt
    }

    async fn until_halt(&mut self) -> Result<Halt, RunError> {
        loop {
            match self.look().await {
                Ok(Some(halt)) => return Ok(halt),
                Ok(None) => self.back(),
                Err(error) if error.is_passing() => {
                    self.missing(&error);
                    if !self.run.vitals().await.is_ok_and(|vitals| vitals.open)
                        && self.closed().await
                    {
                        return Ok(Halt::Ended);
                    }
                }
                Err(error) => return Err(error),
            }
            if self.vitals_at.elapsed() > VITALS && self.closed().await {
                // The last steps may not have been seen yet.
                while let Ok(page) = self.run.trace_from(self.from).await {
                    if page.entries.is_empty() {
                        break;
                    }
                    self.show(page);
                }
                return Ok(Halt::Ended);
            }
            self.wait_a_moment().await;
        }
    }

    /// One look; `None` while the run goes on.
    async fn look(&mut self) -> Result<Option<Halt>, RunError> {
        let page = self.run.trace_from(self.from).await?;
        if !page.entries.is_empty() {
            let ended =
                page.entries.iter().any(|entry| matches!(entry.event, TraceEvent::RunEnded { .. }));
            self.show(page);
            self.stale = true;
            return Ok(ended.then_some(Halt::Ended));
        }
        if !self.stale {
            return Ok(None);
        }
        let status = self.run.status().await?;
        self.stale = false;
        Ok(match status.state {
            RunState::Starting | RunState::Running => None,
            RunState::WaitingForApproval
            | RunState::WaitingForMessage
            | RunState::Paused
            | RunState::Blocked => Some(Halt::Waits(Box::new(status))),
            RunState::Completed | RunState::Failed | RunState::Cancelled => Some(Halt::Ended),
        })
    }

    fn show(&mut self, page: TracePage) {
        let entries = page.entries;
        // What comes before the page cannot be read here, if it is not where this follower is.
        self.from = page.from + entries.len() as u64;
        self.pulse.take(&entries);
        self.moved_at = Instant::now();
        if self.quiet {
            return;
        }
        self.voice.idle();
        for line in self.steps.lines(&entries) {
            self.voice.line(line);
        }
    }

    fn missing(&mut self, error: &RunError) {
        let failing = matches!(error, RunError::TaskFails { .. });
        if !self.away || failing != self.failing {
            let words = if failing {
                "the workflow task fails and is tried again; the Web UI shows why"
            } else {
                "the worker is away; the run is kept by Temporal and goes on when one comes back"
            };
            self.say(words);
        }
        self.away = true;
        self.failing = failing;
    }

    fn back(&mut self) {
        if std::mem::take(&mut self.away) {
            self.say("the worker is back");
        }
    }

    fn say(&self, words: &str) {
        if !self.quiet {
            let paint = self.voice.stream().paint();
            self.voice.line(paint.attention(format_args!("{:>7}  {words}", "")));
        }
    }

    /// Whether the server says that the run is over.
    async fn closed(&mut self) -> bool {
        self.vitals_at = Instant::now();
        match self.run.vitals().await {
            Ok(vitals) => {
                if vitals.open && vitals.task_attempt > 2 && !self.failing {
                    self.missing(&RunError::TaskFails { id: self.run.id().to_owned() });
                }
                !vitals.open
            }
            Err(_) => false,
        }
    }

    async fn wait_a_moment(&self) {
        let waited = self.moved_at.elapsed();
        if !self.quiet && waited > PATIENCE {
            self.voice.busy(&format!("{}, {} s", self.pulse.words(), waited.as_secs()));
        }
        tokio::time::sleep(POLL).await;
    }
}
