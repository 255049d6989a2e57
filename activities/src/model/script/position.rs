//! Where a conversation stands in a scenario.
//!
//! A *task* begins with a message and ends with a reply that calls no tool. The scenario starts
//! from its first turn with each task, so a session plays it once for each message. A message
//! that arrives within a task, or a notice after an answer (which asks for another answer),
//! goes on with the next turn. So: the turns played are the assistant's items since the first
//! message after the last answer.

use longhaul_contract::message::Item;

/// The current task of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// The message that began it.
    pub message: String,
    /// The latest message.
    pub last_message: String,
    /// Turns of the scenario that are played.
    pub played: usize,
    /// Results so far: after how many turns each came, and its index in the conversation.
    pub results: Vec<(usize, usize)>,
}

/// The task that the next reply belongs to.
pub fn task(items: &[Item]) -> Task {
    let mut task = Task::default();
    let mut ended = true;
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::User { text } => {
                if ended {
                    task = Task { message: text.clone(), ..Task::default() };
                }
                ended = false;
                task.last_message.clone_from(text);
            }
            Item::Assistant { calls, .. } => {
                task.played += 1;
                ended = calls.is_empty();
            }
            Item::ToolResult { .. } => task.results.push((task.played, index)),
            Item::Notice { .. } => ended = false,
            Item::Summary { .. } => {}
        }
    }
    task
}
