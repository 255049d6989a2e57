//! What `longhaul dev` says when everything runs.

use std::fmt::Write as _;
use std::path::Path;

use longhaul_contract::names::WORKFLOW;

use super::DevInfo;
use super::watch::Agent;
use crate::server::ServerInfo;

#[cfg(test)]
mod tests;

/// The address that `temporal` uses unless it is told another.
const USUAL_ADDRESSES: [&str; 2] = ["127.0.0.1:7233", "localhost:7233"];

/// The banner, with paths shown as seen from the folder `here`.
pub(super) fn banner(
    info: &DevInfo,
    server: Option<&ServerInfo>,
    worker: Option<i32>,
    agents: &[Agent],
    here: &Path,
) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    match server {
        Some(server) => {
            row("server", &format!("{}, Temporal {}", info.address, server.version));
            row("", &server.why);
        }
        None => row("server", &info.address),
    }
    if let Some(ui) = &info.ui {
        row("web ui", ui);
    }
    if let Some(server) = server
        && server.pid.is_some()
    {
        match &server.db {
            Some(db) => row("state", &seen_from(here, db)),
            None => row("state", "in memory, gone when this ends"),
        }
    }
    let worker = worker.map_or(String::new(), |pid| format!(", process {pid}"));
    row("worker", &format!("task queue {}{worker}, http://{}", info.task_queue, info.http));
    row("root", &seen_from(here, &info.root));
    let good: Vec<&str> = agents
        .iter()
        .filter_map(|agent| agent.result.as_ref().ok())
        .map(|definition| definition.name.as_str())
        .collect();
    let folder = seen_from(here, &info.agents);
    if agents.is_empty() {
        row("agents", &format!("none in {folder} yet; `longhaul agents new NAME` makes one"));
    } else {
        let names = if good.is_empty() { "none in order".to_owned() } else { good.join(", ") };
        row("agents", &format!("{names} (in {folder}, reloaded when they change)"));
    }
    for problem in agents.iter().filter_map(|agent| agent.result.as_ref().err()) {
        let _ = write!(text, "\n{problem}\n");
    }
    if let Some(first) = good.first() {
        let _ = write!(
            text,
            "\nStart a run with either of\n  {}\n  {}\n",
            ours(first),
            stock(first, info)
        );
    }
    text
}

fn ours(agent: &str) -> String {
    format!("longhaul run {agent} \"Hello\"")
}

/// The same with the stock command line.
fn stock(agent: &str, info: &DevInfo) -> String {
    let mut line = "temporal workflow start".to_owned();
    if !USUAL_ADDRESSES.contains(&info.address.as_str()) {
        line.push_str(&format!(" --address {}", info.address));
    }
    if info.namespace != "default" {
        line.push_str(&format!(" --namespace {}", info.namespace));
    }
    line.push_str(&format!(
        " --type {WORKFLOW} --task-queue {} --input '{{\"agent\":\"{agent}\",\"message\":\"Hello\"}}'",
        info.task_queue
    ));
    line
}

/// `path` as one would write it in the folder `here`.
fn seen_from(here: &Path, path: &Path) -> String {
    match path.strip_prefix(here) {
        Ok(rest) if rest.as_os_str().is_empty() => path.display().to_string(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
