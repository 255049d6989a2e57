//! The settings with which a development server is started.
//!
//! `docs/TUNING.md` says what each is for and which of them matter in production.

/// Dynamic configuration of the server.
pub const DYNAMIC_CONFIG: [(&str, &str); 11] = [
    // The dev server has one shard, whose queues are read at most 20 times a second by default:
    // every step of a run would wait for the next 50 ms.
    ("history.transferProcessorMaxPollRPS", "10000"),
    ("history.timerProcessorMaxPollRPS", "10000"),
    ("history.visibilityProcessorMaxPollRPS", "10000"),
    // Timers may fire this much late. The default of a second is for clocks that differ, and here
    // is one clock. Retries, timeouts after a crash and deadlines all wait for it.
    ("history.timerProcessorMaxTimeShift", "\"10ms\""),
    // An activity starts with the answer to the workflow task that asked for it, without a detour
    // through the transfer queue and a poll.
    ("system.enableActivityEagerExecution", "true"),
    // With several partitions and few pollers a task can lie where nobody polls.
    ("matching.numTaskqueueReadPartitions", "1"),
    ("matching.numTaskqueueWritePartitions", "1"),
    // One process serves all: its own limit must not be what refuses a burst.
    ("frontend.namespaceRPS", "100000"),
    // A run that is deleted right after its end is gone once these queues have noted how far they
    // are, by default after half a minute.
    ("history.transferProcessorUpdateAckInterval", "\"1s\""),
    ("history.visibilityProcessorUpdateAckInterval", "\"1s\""),
    // Nothing leaves the machine unasked.
    ("frontend.enableServerVersionCheck", "false"),
];

/// SQLite pragmas of a server with a file: without them each step waits for the disk.
pub const SQLITE_PRAGMAS: [(&str, &str); 2] = [("journal_mode", "WAL"), ("synchronous", "1")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_each_setting() {
        let page = include_str!("../../../docs/TUNING.md");
        let settings = DYNAMIC_CONFIG.iter().chain(&SQLITE_PRAGMAS);
        for (key, value) in settings {
            let row = format!("| `{key}` | `{value}` |");
            assert!(page.contains(&row), "docs/TUNING.md lacks a row that starts with {row}");
        }
    }
}
