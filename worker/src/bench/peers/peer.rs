//! The other runtimes: what each is called, what it needs, and the program that we wrote for it.

use clap::ValueEnum;
use serde::Serialize;

/// Another runtime for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// OpenAI Agents SDK with Temporal's plugin, in Python.
    OpenaiAgents,
    /// Pydantic AI with its Temporal capability, in Python.
    PydanticAi,
    /// Vercel's AI SDK with Temporal's plugin, in Node.
    AiSdk,
    /// The agent written by hand on Restate, in Node.
    Restate,
}

/// What a peer's program is run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, 3.10 or newer.
    Python,
    /// Node, 20 or newer, with npm.
    Node,
}

impl Peer {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 4] = [Self::OpenaiAgents, Self::PydanticAi, Self::AiSdk, Self::Restate];

    /// Its name in commands, folders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiAgents => "openai-agents",
            Self::PydanticAi => "pydantic-ai",
            Self::AiSdk => "ai-sdk",
            Self::Restate => "restate",
        }
    }

    /// Whether it runs on Temporal, and so on the server that we measure on.
    pub fn on_temporal(self) -> bool {
        match self {
            Self::OpenaiAgents | Self::PydanticAi | Self::AiSdk => true,
            Self::Restate => false,
        }
    }

    /// What runs its program.
    pub fn language(self) -> Language {
        match self {
            Self::OpenaiAgents | Self::PydanticAi => Language::Python,
            Self::AiSdk | Self::Restate => Language::Node,
        }
    }

    /// The files of its program, and the pinned packages: names and contents.
    pub fn files(self) -> &'static [(&'static str, &'static str)] {
        macro_rules! files {
            ($folder:literal: $($name:literal),+) => {
                &[$(($name, include_str!(
                    concat!("../../../benches/peers/", $folder, "/", $name)
                ))),+]
            };
        }
        match self {
            Self::OpenaiAgents => files!("openai-agents": "agent.py", "requirements.txt"),
            Self::PydanticAi => {
                files!("pydantic-ai": "agent.py", "definition.py", "requirements.txt")
            }
            Self::AiSdk => {
                files!("ai-sdk": "agent.mjs", "workflow.mjs", "package.json", "package-lock.json")
            }
            Self::Restate => files!("restate": "agent.mjs", "package.json", "package-lock.json"),
        }
    }

    /// The content of the file that pins its packages: what is installed belongs to exactly this.
    pub fn pins(self) -> &'static str {
        let pins = match self.language() {
            Language::Python => "requirements.txt",
            Language::Node => "package-lock.json",
        };
        self.files().iter().find(|(name, _)| *name == pins).map_or("", |(_, text)| text)
    }
}
