//! What is offered over MCP, by way of the runs of a Temporal server and a folder of agents.

use std::path::PathBuf;

use async_trait::async_trait;
use longhaul_activities::agents::AgentStore;
use longhaul_contract::approval::{Decide, DecisionReceipt};
use longhaul_contract::run::StartAgent;
use longhaul_mcp::serve::{AgentCard, OpenApproval, RunReport, Runtime, Start};

use crate::cli::{approvals, send};
use crate::client::{Runs, fresh_id};

/// Who starts runs, as far as the record can say.
const STARTER: &str = "mcp";

pub(super) struct Local {
    runs: Runs,
    agents: PathBuf,
}

impl Local {
    pub(super) fn new(runs: Runs, agents: PathBuf) -> Self {
        Self { runs, agents }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[async_trait]
impl Runtime for Local {
    async fn agents(&self) -> Result<Vec<AgentCard>, String> {
        let checked = AgentStore::new(&self.agents).validate_all().map_err(text)?;
        // A file that is wrong cannot be started; `longhaul agents` says what is wrong.
        let sound = checked.into_iter().filter_map(|(_, checked)| checked.ok());
        Ok(sound
            .map(|agent| AgentCard { name: agent.name, description: agent.description })
            .collect())
    }

    async fn start(&self, start: Start) -> Result<String, String> {
        let id = start.id.unwrap_or_else(|| fresh_id(&start.agent, jiff::Timestamp::now()));
        let input = StartAgent {
            agent: start.agent,
            message: Some(start.message),
            session: start.session,
            starter: Some(STARTER.to_owned()),
            ..StartAgent::default()
        };
        Ok(self.runs.start(&id, input).await.map_err(text)?.id)
    }

    async fn send(&self, run: &str, message: &str) -> Result<(), String> {
        send::send(&self.runs, run, message, None, false).await.map_err(text)?;
        Ok(())
    }

    async fn status(&self, run: &str) -> Result<RunReport, String> {
        let handle = self.runs.run(run);
        let status = handle.status().await.map_err(text)?;
        let answer = match status.answer {
            Some(answer) => {
                Some(handle.whole_answer(&answer).await.map_err(text)?.unwrap_or(answer))
            }
            None => None,
        };
        Ok(RunReport {
            run: run.to_owned(),
            agent: status.agent,
            state: status.state,
            waiting_for: status.waiting_for,
            answer,
            failure: status.failure,
        })
    }

    async fn approvals(&self, run: Option<&str>) -> Result<Vec<OpenApproval>, String> {
        let open = |run: &str, request| OpenApproval { run: run.to_owned(), request };
        match run {
            Some(run) => {
                let waiting = self.runs.run(run).approvals().await.map_err(text)?;
                Ok(waiting.into_iter().map(|request| open(run, request)).collect())
            }
            None => {
                let (waiting, _) = approvals::open_gates(&self.runs).await.map_err(text)?;
                Ok(waiting.into_iter().map(|gate| open(&gate.run, gate.request)).collect())
            }
        }
    }

    async fn decide(&self, run: &str, decision: Decide) -> Result<DecisionReceipt, String> {
        self.runs.run(run).decide(decision).await.map_err(text)
    }
}
