//! A user's project in a temporary folder: agent files, and the folder they work on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::model::MockModel;
use crate::service::MockService;

/// A temporary folder with `agents/`, `files/` (the worker's root) and `logs/`.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

impl Project {
    /// An empty project.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("longhaul-test-").tempdir();
        let project = Self { folder: folder.expect("a temporary folder") };
        for folder in [project.agents(), project.files(), project.logs()] {
            std::fs::create_dir(folder).expect("create a folder");
        }
        // Keeps the profile of whoever runs the tests out of them.
        project.write("temporal.toml", "");
        project
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of agent files.
    pub fn agents(&self) -> PathBuf {
        self.path().join("agents")
    }

    /// The folder that file tools start from.
    pub fn files(&self) -> PathBuf {
        self.path().join("files")
    }

    /// The folder of logs.
    pub fn logs(&self) -> PathBuf {
        self.path().join("logs")
    }

    /// Writes a file of the project, with its folders.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("create folders");
        std::fs::write(&path, text).expect("write a file");
        path
    }

    /// The text of a file of the project; `None` if it is not there.
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join(path)).ok()
    }

    /// Writes the agent file `agents/NAME.yaml`.
    pub fn agent(&self, name: &str, draft: AgentDraft) -> PathBuf {
        let AgentDraft(mut file) = draft;
        file["name"] = json!(name);
        // JSON is YAML, too.
        self.write(&format!("agents/{name}.yaml"), &format!("{file:#}\n"))
    }

    /// Writes an agent file as it stands.
    pub fn agent_text(&self, name: &str, text: &str) -> PathBuf {
        self.write(&format!("agents/{name}.yaml"), text)
    }
}

/// An agent file in the making; its name comes when it is written.
#[derive(Clone, Debug)]
pub struct AgentDraft(Value);

impl AgentDraft {
    /// An agent without tools on a mock model that wants no key.
    pub fn on(model: &MockModel) -> Self {
        Self(json!({
            "name": "",
            "description": "An agent of the tests.",
            "model": {"provider": "openai", "name": "mock-1", "base_url": model.base_url()},
            "instructions": "You are tested.\n",
            "tools": [],
        }))
    }

    /// An agent without tools on the scripted model.
    pub fn scripted(scenario: &str) -> Self {
        Self(json!({
            "name": "",
            "description": "An agent of the tests.",
            "model": {"provider": "script", "name": scenario},
            "instructions": "You are tested.\n",
            "tools": [],
        }))
    }

    /// The same with file tools on the project's `files/`.
    #[must_use]
    pub fn files(self, write: bool) -> Self {
        self.tool(json!({"files": {"root": ".", "write": write}}))
    }

    /// The same with the tool `echo` of [`MockService::echo`].
    #[must_use]
    pub fn echo(self, service: &MockService) -> Self {
        let url = service.url("/tool/echo?n={n}&bytes={bytes}");
        self.http(
            service,
            json!({
                "name": "echo",
                "description": "Returns text of the asked length.",
                "effect": "read",
                "method": "GET",
                "url": url,
                "parameters": {
                    "type": "object",
                    "required": ["n"],
                    "properties": {
                        "n": {"type": "integer"},
                        "bytes": {"type": "integer", "default": 64},
                    },
                },
            }),
        )
    }

    /// The same with an HTTP tool, and the service's address allowed.
    #[must_use]
    pub fn http(self, service: &MockService, tool: Value) -> Self {
        self.tool(json!({"http": tool})).allow(&service.address().to_string())
    }

    /// The same with one more entry under `tools`.
    #[must_use]
    pub fn tool(mut self, entry: Value) -> Self {
        push(&mut self.0["tools"], entry);
        self
    }

    /// The same with a host that HTTP tools may reach.
    #[must_use]
    pub fn allow(mut self, host: &str) -> Self {
        push(&mut self.0["network"]["allow"], json!(host));
        self
    }

    /// The same with a rule for those tools, such as `{"action": "run"}`.
    #[must_use]
    pub fn rule(mut self, tools: &[&str], mut rule: Value) -> Self {
        rule["tools"] = json!(tools);
        push(&mut self.0["approvals"], rule);
        self
    }

    /// The same with a limit, such as `turns`.
    #[must_use]
    pub fn limit(mut self, name: &str, value: Value) -> Self {
        self.0["limits"][name] = value;
        self
    }

    /// The same with a setting of the model, such as `api_key_env`.
    #[must_use]
    pub fn model(mut self, name: &str, value: Value) -> Self {
        self.0["model"][name] = value;
        self
    }

    /// The same with another field, such as `output`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0[name] = value;
        self
    }
}

/// Adds to a list that may not be there yet.
fn push(list: &mut Value, entry: Value) {
    match list {
        Value::Array(list) => list.push(entry),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            *list = json!([entry]);
        }
    }
}
