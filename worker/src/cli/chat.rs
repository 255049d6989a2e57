//! `longhaul chat`: a conversation on the terminal; approvals are asked for in between.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::StartAgent;

use super::context::now;
use super::run::left;
use super::send::{Sent, send};
use super::{Follow, Gates, Globals, Keyboard, Stop, Watch, ending};
use crate::client::{RunError, Runs, fresh_id};
use crate::output::{self, Stream};
use crate::view::gate;
use crate::view::run as views;

const HELP: &str = "\
/status      where the run stands
/approvals   calls that wait for you
/retry       try again what a blocked run waits for
/close       complete the session
/quit        leave; the run goes on";

const EXAMPLES: &str = "\
Examples:
  longhaul chat helper
  longhaul chat helper --id talk-1       comes back to a conversation, open or closed

Lines that start with `/` are commands; `/help` lists them.";

/// Talk with an agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Chat {
    /// The agent's name
    agent: String,
    /// Workflow id of a conversation to begin or to come back to
    #[arg(long)]
    id: Option<String>,
}

impl Chat {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let id = self.id.unwrap_or_else(|| fresh_id(&self.agent, jiff::Timestamp::now()));
        let input = StartAgent { agent: self.agent, session: true, ..StartAgent::default() };
        let seen = open(&runs, &id, input).await?;
        let paint = Stream::Out.paint();
        Stream::Out.line(format_args!(
            "run {}  {}",
            paint.strong(&id),
            paint.faint("/help lists commands, /quit leaves")
        ));
        let mut chat = Conversation::new(runs, id, seen);
        tokio::select! {
            code = chat.talk() => code,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
        }
        .inspect(|_| left(&chat.id))
    }
}

/// Makes sure that there is a conversation; returns how many steps of it are old.
async fn open(runs: &Runs, id: &str, input: StartAgent) -> Result<u64> {
    let run = runs.run(id);
    match run.vitals().await {
        Ok(vitals) if vitals.open => Ok(run.trace_from(0).await?.total),
        // The first message starts a run that carries the conversation.
        Ok(_closed) => Ok(0),
        Err(RunError::NotFound { .. }) => {
            runs.start(id, input).await?;
            Ok(0)
        }
        Err(error) => Err(error.into()),
    }
}

struct Conversation {
    runs: Runs,
    id: String,
    watch: Watch,
    keyboard: Option<Keyboard>,
}

impl Conversation {
    fn new(runs: Runs, id: String, seen: u64) -> Self {
        let gates = if output::can_ask() { Gates::Ask } else { Gates::Leave };
        let follow = Follow::new(runs.run(&id), Stream::Out).after(seen);
        let watch = Watch::new(follow, gates);
        Self { runs, id, watch, keyboard: Some(Keyboard::open()) }
    }

    async fn talk(&mut self) -> Result<ExitCode> {
        if self.runs.run(&self.id).vitals().await?.open {
            // A session that was just started, or that was left in the middle of something.
            self.listen().await?;
        }
        loop {
            Stream::Out.ask(Stream::Out.paint().strong("you> "));
            let Some(line) = self.line().await else { return Ok(ExitCode::SUCCESS) };
            match line.as_str() {
                "" => {}
                "/quit" | "/exit" => return Ok(ExitCode::SUCCESS),
                command if command.starts_with('/') => {
                    if let Err(error) = self.command(command).await {
                        output::error(error);
                    }
                }
                message => self.say(message).await?,
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        self.keyboard.get_or_insert_with(Keyboard::open).line().await
    }

    async fn say(&mut self, message: &str) -> Result<()> {
        match send(&self.runs, &self.id, message, None, false).await {
            Ok(Sent::Taken { .. }) => self.watch.refresh(),
            Ok(Sent::Continued { .. }) => {
                *self = Self { keyboard: self.keyboard.take(), ..Self::rebuilt(self) };
            }
            Err(error) => {
                output::error(error);
                return Ok(());
            }
        }
        self.listen().await
    }

    fn rebuilt(old: &Self) -> Self {
        let gates = if output::can_ask() { Gates::Ask } else { Gates::Leave };
        let follow = Follow::new(old.runs.run(&old.id), Stream::Out);
        Self {
            runs: old.runs.clone(),
            id: old.id.clone(),
            watch: Watch::new(follow, gates),
            keyboard: None,
        }
    }

    /// Shows steps until the agent has answered or waits.
    async fn listen(&mut self) -> Result<()> {
        match self.watch.until_stop(&mut self.keyboard).await? {
            Stop::Parked(status) => {
                if let Some(answer) = status.answer.as_ref().filter(|_| status.turn > 0) {
                    Stream::Out.line("");
                    Stream::Out.line(ending::answer(self.watch.run(), answer).await);
                    Stream::Out.line("");
                }
            }
            Stop::Ended(end) => {
                ending::print(self.watch.run(), &end).await;
                let paint = Stream::Out.paint();
                Stream::Out.line(paint.faint(
                    "the run is over; a message starts a new one that carries the conversation",
                ));
            }
            Stop::Gates(open) => {
                ending::print_gates(&self.id, &open, Stream::Out);
            }
            Stop::Blocked(blocked) => {
                ending::print_blocked(&self.id, &blocked, Stream::Out);
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: &str) -> Result<()> {
        let paint = Stream::Out.paint();
        let run = self.runs.run(&self.id);
        match command {
            "/help" => Stream::Out.line(HELP),
            "/status" => {
                for line in views::status(&self.id, &run.status().await?, now(), paint) {
                    Stream::Out.line(line);
                }
            }
            "/approvals" => {
                let open = run.approvals().await?;
                if open.is_empty() {
                    Stream::Out.line("nothing waits for approval");
                    return Ok(());
                }
                for request in open {
                    Stream::Out.line(gate::one_line(&request, now(), paint));
                }
                self.watch.refresh();
                self.listen().await?;
            }
            "/retry" => {
                run.retry().await?;
                self.watch.refresh();
                self.listen().await?;
            }
            "/close" => {
                run.close().await?;
                self.listen().await?;
            }
            other => Stream::Out.line(format_args!("no command {other}; /help lists them")),
        }
        Ok(())
    }
}
