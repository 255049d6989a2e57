//! Steering one run: holding it, breaking in, telling it that the policy has changed; and what it
//! asks, with what a signed answer to it needs.

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::run::{Hold, Message, SendReceipt, SteerReceipt};

use super::protocol;
use super::{Run, RunError};

impl Run {
    /// The chain of runs, by the run id of its first, and the gates that wait.
    ///
    /// # Errors
    ///
    /// See [`Run::status`].
    pub async fn asking(&self) -> Result<(String, Vec<ApprovalRequest>), RunError> {
        // One after the other: the server holds one query for a run, and refuses the next.
        let status = self.again(|run| async move { run.status().await }).await?;
        let open = self.again(|run| async move { run.approvals().await }).await?;
        Ok((status.chain, open))
    }

    /// Holds the run before its next step, or lets it go on.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn hold(&self, hold: Hold) -> Result<SteerReceipt, RunError> {
        self.again(|run| {
            let hold = hold.clone();
            async move { run.tell(protocol::HOLD, hold, None, "the receipt").await }
        })
        .await
    }

    /// Adds a message, which may interrupt the step that is under way. One with the same key is
    /// taken once, however often it is sent.
    ///
    /// # Errors
    ///
    /// As [`Run::send`].
    pub async fn say(&self, message: Message) -> Result<SendReceipt, RunError> {
        self.again(|run| {
            // The server knows the update id within one execution, the run the key beyond it.
            let (message, id) = (message.clone(), message.key.clone());
            async move { run.tell(protocol::SEND, message, id, "the receipt").await }
        })
        .await
    }

    /// Adds a message that breaks into the step that is under way. The same `update_id` is taken
    /// once.
    ///
    /// # Errors
    ///
    /// As [`Run::send`].
    pub async fn interrupt(&self, text: &str, update_id: &str) -> Result<SendReceipt, RunError> {
        let key = Some(update_id.to_owned());
        self.say(Message { text: text.to_owned(), key, interrupt: true }).await
    }

    /// Tells the run that the policy has changed: what waits is judged again.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn policy_changed(&self) -> Result<(), RunError> {
        self.signal(protocol::POLICY).await
    }
}
