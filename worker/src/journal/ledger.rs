//! The lines of a journal, one JSON document each, and what they add up to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The format that is written, and the only one that is read: a journal outlives no upgrade that
/// changes it, which costs one recovery by time-outs.
const VERSION: u32 = 1;

/// Whose journal it is: only a worker of the same queue, namespace, server and host takes it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub(super) version: u32,
    /// The running kernel. A folder may be shared between hosts, whose locks are not: there, a
    /// free lock says nothing.
    pub(super) host: String,
    /// Address of the server, as the worker was given it.
    pub(super) address: String,
    /// Namespace on it.
    pub(super) namespace: String,
    /// The task queue.
    pub(super) task_queue: String,
}

/// An attempt of an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What the server knows the attempt by.
    #[serde(with = "hexadecimal")]
    pub token: Vec<u8>,
    /// `CallModel` and the like.
    pub activity_type: String,
    /// Its id within the run.
    pub activity_id: String,
    /// The run.
    #[serde(flatten)]
    pub run: Run,
}

/// One run of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// Its workflow id.
    pub workflow_id: String,
    /// Its run id.
    pub run_id: String,
}

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first.
    Journal(Header),
    /// An attempt has begun.
    Begin {
        /// Its number in this journal.
        n: u64,
        /// What it is.
        #[serde(flatten)]
        call: Call,
    },
    /// It has ended.
    End {
        /// Its number.
        n: u64,
    },
    /// A run came into memory.
    Held(Run),
    /// It left memory.
    LetGo(Run),
}

/// What the lines of a journal add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    calls: BTreeMap<u64, Call>,
    /// How often each run is in memory: one that is rebuilt may be there twice for a moment.
    held: BTreeMap<Run, u32>,
}

impl Header {
    /// Of a worker on this host that polls `task_queue` in `namespace` of the server at `address`.
    pub fn new(address: &str, namespace: &str, task_queue: &str) -> Self {
        Self {
            version: VERSION,
            host: host(),
            address: address.to_owned(),
            namespace: namespace.to_owned(),
            task_queue: task_queue.to_owned(),
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl Line {
    /// The line as it stands in the file, with its end.
    pub(super) fn text(&self) -> String {
        // Strings and numbers under string keys always can be written.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Ledger {
    /// Reads a journal; `None` if it has no header that says whose it is.
    ///
    /// A line that cannot be read was torn by the end of its writer, or is of a newer version:
    /// either way the others stand.
    pub(super) fn read(text: &str) -> Option<(Header, Self)> {
        let mut lines = text.lines();
        let Ok(Line::Journal(header)) = serde_json::from_str(lines.next()?) else { return None };
        let mut ledger = Self::default();
        lines.filter_map(|line| serde_json::from_str(line).ok()).for_each(|it| ledger.apply(it));
        Some((header, ledger))
    }

    /// Adds a line.
    pub(super) fn apply(&mut self, line: Line) {
        match line {
            Line::Journal(_) => {}
            Line::Begin { n, call } => {
                self.calls.insert(n, call);
            }
            Line::End { n } => {
                self.calls.remove(&n);
            }
            Line::Held(run) => *self.held.entry(run).or_default() += 1,
            Line::LetGo(run) => match self.held.get_mut(&run) {
                Some(times) if *times > 1 => *times -= 1,
                Some(_) | None => {
                    self.held.remove(&run);
                }
            },
        }
    }

    /// The attempts in flight, in the order in which they began.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values()
    }

    /// The runs in memory.
    pub(super) fn held(&self) -> impl Iterator<Item = &Run> {
        self.held.keys()
    }

    /// The fewest lines that add up to the same.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        let calls = self.calls.iter().map(|(n, call)| Line::Begin { n: *n, call: call.clone() });
        let held = self.held.iter().flat_map(|(run, times)| {
            std::iter::repeat_n(run, usize::try_from(*times).unwrap_or_default())
        });
        calls.chain(held.cloned().map(Line::Held))
    }
}

/// What tells this host from any other, and is the same in each of its containers.
fn host() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => id.trim().to_owned(),
        // Another system than Linux: no containers of its own, so the name will do.
        Err(_) => {
            let name = nix::unistd::gethostname().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }
    }
}

/// Bytes as text.
mod hexadecimal {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| {
            let pair = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            u8::from_str_radix(pair, 16).map_err(D::Error::custom)
        };
        match rest {
            [] => pairs.iter().map(byte).collect(),
            [..] => Err(D::Error::custom("half a byte")),
        }
    }
}
