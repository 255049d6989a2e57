//! Whether any worker polls a task queue, so that a question need not wait for one in vain.

use std::time::{Duration, SystemTime};

use longhaul_contract::time::Timestamp;
use temporalio_client::NamespacedClient as _;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_common::protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_common::protos::temporal::api::taskqueue::v1::{PollerInfo, TaskQueue};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeTaskQueueRequest;

use super::Runs;

/// A poll lasts a minute at most, so a worker that lives was seen within this time.
const SEEN_WITHIN: Duration = Duration::from_secs(75);

impl Runs {
    /// Whether a worker polls `queue` for workflow tasks; `None` if the server does not tell.
    ///
    /// A worker that was killed counts for a little more than a minute.
    pub(super) async fn polled(&self, queue: &str) -> Option<bool> {
        let request = DescribeTaskQueueRequest {
            namespace: self.client.namespace(),
            task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::Workflow as i32,
            ..DescribeTaskQueueRequest::default()
        };
        let mut service = self.client.connection().workflow_service();
        let answer = service.describe_task_queue(request.into_request()).await.ok()?;
        let now = Timestamp::from(SystemTime::now());
        Some(answer.into_inner().pollers.iter().any(|poller| is_recent(poller, now)))
    }
}

fn is_recent(poller: &PollerInfo, now: Timestamp) -> bool {
    poller.last_access_time.as_ref().is_some_and(|seen| {
        let seen = Timestamp::from_millis(seen.seconds.saturating_mul(1000));
        now.since(seen) < SEEN_WITHIN
    })
}
