//! A Restate server of our own, which keeps its state in the measurement's folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use longhaul_activities::http::{ClientSettings, client};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::guest::spawn;
use super::kit::{Kit, last_lines};
use crate::bench::BenchError;
use crate::process::Process;
use crate::server::{PortChoice, free_port};

const READY: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const TOLD_LINES: usize = 8;

/// A Restate server.
#[derive(Debug)]
pub(super) struct Restate {
    process: Process,
    http: Client,
    ingress: u16,
    admin: u16,
    service: u16,
    log: PathBuf,
}

impl Restate {
    /// Starts one that is in the packages of `kit`, with its state below `folder`.
    pub(super) async fn start(kit: &Kit, folder: &Path) -> Result<Self, BenchError> {
        let port = || free_port(PortChoice::Any);
        let (node, ingress, admin, service) = (port()?, port()?, port()?, port()?);
        let log = folder.join("restate-server.log");
        let mut command = kit.package_command("restate-server");
        command
            .args(["--no-logo", "--node-name", "bench", "--listen-mode", "tcp"])
            .args(["--bind-ip", "127.0.0.1", "--bind-port", &node.to_string()])
            .arg("--base-dir")
            .arg(folder.join("restate"))
            .env("RESTATE_INGRESS__BIND_PORT", ingress.to_string())
            .env("RESTATE_ADMIN__BIND_PORT", admin.to_string())
            .env("RESTATE_DISABLE_TELEMETRY", "true")
            .env("RESTATE_LOG_FILTER", "warn");
        let process = spawn(command, &log)?;
        let http = client(&ClientSettings::default());
        let http = http.map_err(|error| BenchError::Restate(error.to_string()))?;
        let mut server = Self { process, http, ingress, admin, service, log };
        server.healthy().await?;
        Ok(server)
    }

    /// Where it expects our service to listen.
    pub(super) fn service_port(&self) -> u16 {
        self.service
    }

    /// Tells it of the service, which must listen by now.
    pub(super) async fn register(&self) -> Result<(), BenchError> {
        let url = format!("http://127.0.0.1:{}/deployments", self.admin);
        let uri = format!("http://127.0.0.1:{}", self.service);
        self.post(&url, &json!({ "uri": uri })).await.map_err(BenchError::Restate)
    }

    /// Calls the handler `run` of a service, and waits for its answer.
    pub(super) async fn call(&self, service: &str, text: &str) -> Result<(), String> {
        let url = format!("http://127.0.0.1:{}/{service}/run", self.ingress);
        self.post(&url, &json!(text)).await
    }

    /// Kills it.
    pub(super) async fn end(mut self) -> Result<(), BenchError> {
        self.process.kill9().await?;
        Ok(())
    }

    async fn post(&self, url: &str, body: &Value) -> Result<(), String> {
        let sent = self.http.post(url).json(body).send().await;
        let answer = sent.map_err(|error| format!("no answer from {url}: {error}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(()) } else { Err(format!("{url} answered {status}: {text}")) }
    }

    /// Waits until both of its ports answer.
    async fn healthy(&mut self) -> Result<(), BenchError> {
        let begun = Instant::now();
        let urls = [
            format!("http://127.0.0.1:{}/health", self.admin),
            format!("http://127.0.0.1:{}/restate/health", self.ingress),
        ];
        for url in urls {
            loop {
                let answer = self.http.get(&url).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                let ended = self.process.try_wait()?.is_some();
                if ended || begun.elapsed() > READY {
                    let text = std::fs::read_to_string(&self.log).unwrap_or_default();
                    let (name, log) = ("restate-server", last_lines(&text, TOLD_LINES));
                    return Err(match ended {
                        true => BenchError::PeerEnded { name: name.to_owned(), log },
                        false => {
                            let what = format!("{name} ready");
                            BenchError::TooLate { what, within: READY, log }
                        }
                    });
                }
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }
}
