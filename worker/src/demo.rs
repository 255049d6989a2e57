//! The demo: an agent does a real job on a real folder, on a real Temporal server.
//!
//! | module | holds |
//! | --- | --- |
//! | `model` | which model runs, and the agent file made for it |
//! | `crash` | killing the worker in the middle of a call, and what history says afterwards |

mod crash;
mod model;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use longhaul_contract::run::StartAgent;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use crate::cli::{Follow, Gates, Stop, Watch, connect, print_blocked, print_gates};
use crate::client::{Ending, Run, fresh_id};
use crate::config::Config;
use crate::dev::{self, Dev, DevOptions, ServerChoice, Signals};
use crate::env_vars;
use crate::output::{self, Stream};
use crate::server::Terminal;
use crate::view::run::answer_text;
use crate::view::steps::ANSWER_SHOWN;
use crate::view::tree::{self, Look};
use crate::view::words::harmless;
use model::Model;

/// What the agent is asked to do.
const MESSAGE: &str = "Survey this project and draft a PROJECT-BRIEF.md that helps a newcomer.";
const OUT: Stream = Stream::Out;

/// What `longhaul demo` was asked for.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The folder to survey.
    pub dir: PathBuf,
    /// Whether gates are approved without asking.
    pub approve: bool,
    /// Whether the worker is killed in the middle of a tool call.
    pub crash: bool,
    /// Whether the scripted model is used although there is a key.
    pub scripted: bool,
}

/// Plays the demo, and stops what it started.
///
/// # Errors
///
/// Fails if the folder cannot be surveyed, or there is no server.
pub async fn run(config: Config, options: DemoOptions) -> Result<ExitCode> {
    let dir = std::fs::canonicalize(&options.dir)
        .with_context(|| format!("cannot survey `{}`", options.dir.display()))?;
    if !dir.is_dir() {
        bail!("cannot survey `{}`: it is no folder", options.dir.display());
    }
    let model = if options.scripted { Model::Scripted } else { Model::of(&config.env) };
    introduce(&dir, &model);

    let folder = config.state.join("demo");
    let agents = folder.join("agents");
    std::fs::create_dir_all(&agents)
        .with_context(|| format!("cannot create `{}`", agents.display()))?;
    let file = agents.join("brief.yaml");
    std::fs::write(&file, model::agent_file(&model))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    let requests = folder.join("model-requests.jsonl");
    // What an earlier demo left there is no evidence.
    let _ = std::fs::remove_file(&requests);

    let mut signals = Signals::listen()?;
    let mut dev = tokio::select! {
        dev = start(&config, &options, &model, &agents, &dir, &requests) => dev?,
        // Dropping what starts kills what it has started.
        () = signals.next() => return Ok(interrupted()),
    };
    let outcome = tokio::select! {
        outcome = play(&mut dev, &config, &options, &model, &requests, &dir) => outcome,
        () = signals.next() => Ok(interrupted()),
    };
    let ours = dev.server().is_some_and(|server| !server.is_external());
    tokio::select! {
        stopped = dev.stop() => stopped?,
        () = signals.next() => return Ok(interrupted()),
    }
    if ours {
        OUT.line("");
        OUT.line(OUT.paint().faint(format_args!(
            "Server and worker are stopped; the run is kept in {}.",
            shown(&config.state)
        )));
    }
    outcome
}

fn interrupted() -> ExitCode {
    OUT.line("");
    ExitCode::from(130)
}

fn introduce(dir: &Path, model: &Model) {
    let paint = OUT.paint();
    OUT.line(paint.strong("Longhaul demo"));
    OUT.line("  An agent surveys a folder and drafts a PROJECT-BRIEF.md in it. It asks before it writes.");
    OUT.line("");
    OUT.line(format_args!("  folder   {}", paint.accent(dir.display())));
    for (name, line) in ["model", "", ""].into_iter().zip(model.words()) {
        OUT.line(format_args!("  {name:<8} {line}"));
    }
}

async fn start(
    config: &Config,
    options: &DemoOptions,
    model: &Model,
    agents: &Path,
    dir: &Path,
    requests: &Path,
) -> Result<Dev> {
    let mut settings = DevOptions::from_config(config)?;
    agents.clone_into(&mut settings.agents);
    dir.clone_into(&mut settings.root);
    settings.quiet = true;
    // Another worker on the same queue would not have the demo's agent.
    let apart = format!("{}-demo", config.task_queue);
    if let Some(running) = dev::running(&config.state) {
        settings.server = ServerChoice::Guest(running);
        settings.task_queue = apart;
    } else if matches!(settings.server, ServerChoice::External(_)) {
        settings.task_queue = apart;
    }
    let requests = std::path::absolute(requests)?;
    settings
        .worker_env
        .push((env_vars::LONGHAUL_SCRIPT_LOG.to_owned(), requests.display().to_string()));
    if options.crash {
        settings.worker_env.push((env_vars::LONGHAUL_PAUSE.to_owned(), crash::pause(model)));
    }
    let mut dev = Dev::start(settings, Arc::new(Terminal::default())).await?;
    dev.wait_ready().await?;
    let paint = OUT.paint();
    let info = dev.info();
    match dev.server().map(|server| server.info()) {
        Some(server) => OUT.line(format_args!(
            "  server   {}, Temporal {}: {}",
            info.address, server.version, server.why
        )),
        None => {
            OUT.line(format_args!("  server   {}, of the running `longhaul dev`", info.address))
        }
    }
    if let Some(ui) = &info.ui {
        OUT.line(format_args!("  web ui   {}", paint.accent(ui)));
    }
    let pid = dev.worker_pid().map_or(String::new(), |pid| format!("process {pid}, "));
    OUT.line(format_args!("  worker   {pid}task queue {}", info.task_queue));
    Ok(dev)
}

async fn play(
    dev: &mut Dev,
    config: &Config,
    options: &DemoOptions,
    model: &Model,
    requests: &Path,
    dir: &Path,
) -> Result<ExitCode> {
    let runs = connect(config).await?;
    let runs = runs.on_queue(&dev.info().task_queue);
    let input = StartAgent {
        agent: "brief".to_owned(),
        message: Some(MESSAGE.to_owned()),
        ..StartAgent::default()
    };
    let started = runs.start(&fresh_id("demo", jiff::Timestamp::now()), input).await?;
    let run = runs.exactly(&started.id, &started.run_id);
    OUT.line(format_args!("  run      {}", OUT.paint().strong(&started.id)));
    OUT.line("");

    let gates = match options.approve {
        true => Gates::Approve,
        false if output::can_ask() => Gates::Ask,
        false => Gates::Leave,
    };
    let follow = Follow::new(run.clone(), OUT);
    let voice = follow.voice().clone();
    let mut watch = Watch::new(follow, gates);
    let mut keyboard = None;
    let mut killed = None;
    let mischief = async {
        if options.crash {
            killed = Some(crash::in_the_middle(dev, &run, model, &voice).await?);
        }
        dev.supervise().await?;
        Ok::<(), anyhow::Error>(())
    };
    let stop = tokio::select! {
        stop = watch.until_stop(&mut keyboard) => stop?,
        failed = mischief => {
            failed?;
            bail!("the worker is no longer supervised");
        }
    };
    let entries = run.trace().await?;
    let mut code = conclude(&stop, &run, options);
    draw(&entries);
    if options.crash {
        let held = crash::evidence(&run, killed.as_ref(), model, requests).await?;
        if !held {
            code = ExitCode::FAILURE;
        }
    }
    farewell(&stop, dev, &run, &started.run_id, &entries, dir);
    Ok(code)
}

/// Says how it ended, and gives the exit code for it.
fn conclude(stop: &Stop, run: &Run, options: &DemoOptions) -> ExitCode {
    let paint = OUT.paint();
    OUT.line("");
    match stop {
        Stop::Ended(Ending::Completed(answer)) => {
            let answer = answer_text(answer);
            // A short one was shown as the last step.
            if answer.lines().count() > 1 || answer.chars().count() > ANSWER_SHOWN {
                OUT.line(paint.good("Answer"));
                OUT.line(answer);
            }
            ExitCode::SUCCESS
        }
        Stop::Ended(Ending::Failed { kind, message }) => {
            OUT.line(format_args!(
                "{} ({kind}) {}",
                paint.bad("The run failed:"),
                harmless(message)
            ));
            ExitCode::FAILURE
        }
        Stop::Ended(Ending::Cancelled | Ending::Terminated | Ending::TimedOut) => {
            OUT.line(paint.bad("The run was ended from outside."));
            ExitCode::FAILURE
        }
        Stop::Parked(_) => ExitCode::SUCCESS,
        Stop::Gates(open) => {
            let code = print_gates(run.id(), open, OUT);
            let root = if options.dir == Path::new(".") {
                String::new()
            } else {
                format!(" --root {}", options.dir.display())
            };
            OUT.line(format_args!(
                "  nobody can be asked here, so the run is left waiting; `longhaul dev{root}` takes it up again, and `--yes` approves at once"
            ));
            code
        }
        Stop::Blocked(blocked) => print_blocked(run.id(), blocked, OUT),
    }
}

fn draw(entries: &[TraceEntry]) {
    OUT.line("");
    let now = Timestamp::from(std::time::SystemTime::now());
    OUT.line(tree::render(entries, Look { paint: OUT.paint(), width: OUT.width(), now }));
}

fn farewell(stop: &Stop, dev: &Dev, run: &Run, run_id: &str, entries: &[TraceEntry], dir: &Path) {
    let paint = OUT.paint();
    let info = dev.info();
    OUT.line("");
    let brief = dir.join("PROJECT-BRIEF.md");
    if wrote(entries) && brief.is_file() {
        OUT.line(format_args!("  brief    {}", paint.accent(shown(&brief))));
    }
    if let Some(ui) = &info.ui {
        let link = format!(
            "{}/namespaces/{}/workflows/{}/{run_id}/history",
            ui.trim_end_matches('/'),
            info.namespace,
            run.id()
        );
        OUT.line(format_args!("  web ui   {}", paint.accent(link)));
        if dev.server().is_some_and(|server| !server.is_external()) {
            let dev = paint.accent("longhaul dev");
            OUT.line(format_args!("           {dev} starts the server again, with this run in it"));
        }
    }
    if matches!(stop, Stop::Ended(_)) {
        OUT.line(format_args!(
            "  next     {} starts a project of your own",
            paint.accent("longhaul init my-agents")
        ));
    }
}

/// Whether a write came through.
fn wrote(entries: &[TraceEntry]) -> bool {
    entries.iter().any(|entry| {
        matches!(&entry.event, TraceEvent::ToolRan { summary, outcome, .. }
            if outcome == "done" && summary.starts_with("files.write"))
    })
}

/// A path as seen from the working folder.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
