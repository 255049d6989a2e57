//! A run's history, counted: what was scheduled, attempted, completed.

use std::path::Path;

use longhaul_contract::failure::FailureKind;
use prost::Message as _;
use serde_json::Value;
use temporalio_client::{
    Client, WorkflowExecutionInfo, WorkflowFetchHistoryOptions, WorkflowHandle, WorkflowHistory,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_common::protos::temporal::api::enums::v1::{EventType, WorkflowTaskFailedCause};
use temporalio_common::protos::temporal::api::failure::v1::{Failure, failure::FailureInfo};
use temporalio_common::protos::temporal::api::history::v1::{
    History as ProtoHistory, HistoryEvent, history_event::Attributes,
};

/// All events of one run.
#[derive(Clone, Debug)]
pub struct History {
    /// The events, oldest first.
    pub events: Vec<HistoryEvent>,
}

/// One activity, from being scheduled to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Id of the activity.
    pub id: String,
    /// `LoadAgent`, `CallModel` or `CallTool`.
    pub kind: String,
    /// The tool of a `CallTool`, else empty.
    pub tool: String,
    /// Its input.
    pub input: Value,
    /// The summary that the Web UI shows.
    pub summary: String,
    /// Attempts that history knows of: 0 until the activity ends, since only the attempt that
    /// ends it is recorded.
    pub attempts: i32,
    /// How often it completed.
    pub completed: usize,
    /// How often it failed, timed out or was cancelled for good.
    pub broken: usize,
    /// The result, if it completed.
    pub result: Option<Value>,
}

impl History {
    /// Fetches the events so far of a run; of the newest with that workflow id if `run` is `None`.
    ///
    /// # Panics
    /// If the server does not answer or knows no such run.
    pub async fn fetch(client: &Client, workflow: &str, run: Option<&str>) -> Self {
        let events = remote(client, workflow, run).into_events().await.expect("fetch a history");
        Self { events }
    }

    /// The history in the JSON that a replay reads.
    pub async fn json(client: &Client, workflow: &str, run: Option<&str>) -> Vec<u8> {
        remote(client, workflow, run).to_json().await.expect("fetch a history")
    }

    /// How many events have that type.
    pub fn count(&self, kind: EventType) -> usize {
        self.events.iter().filter(|event| event.event_type() == kind).count()
    }

    /// The activities, in the order in which they were scheduled.
    pub fn activities(&self) -> Vec<Activity> {
        let mut activities: Vec<(i64, Activity)> = Vec::new();
        let find = |activities: &mut Vec<(i64, Activity)>, id: i64, change: &dyn Fn(&mut _)| {
            let found = activities.iter_mut().find(|(scheduled, _)| *scheduled == id);
            change(&mut found.expect("an activity that was scheduled").1);
        };
        for event in &self.events {
            let end = |activity: &mut Activity| activity.broken += 1;
            match &event.attributes {
                Some(Attributes::ActivityTaskScheduledEventAttributes(it)) => {
                    let input = payload(it.input.as_ref());
                    let metadata = event.user_metadata.as_ref();
                    let activity = Activity {
                        id: it.activity_id.clone(),
                        kind: it.activity_type.clone().unwrap_or_default().name,
                        tool: input["tool"].as_str().unwrap_or_default().to_owned(),
                        summary: metadata
                            .and_then(|metadata| metadata.summary.as_ref())
                            .map(|summary| decode(summary).as_str().unwrap_or_default().to_owned())
                            .unwrap_or_default(),
                        input,
                        attempts: 0,
                        completed: 0,
                        broken: 0,
                        result: None,
                    };
                    activities.push((event.event_id, activity));
                }
                Some(Attributes::ActivityTaskStartedEventAttributes(it)) => {
                    find(&mut activities, it.scheduled_event_id, &|activity: &mut Activity| {
                        activity.attempts = it.attempt;
                    });
                }
                Some(Attributes::ActivityTaskCompletedEventAttributes(it)) => {
                    find(&mut activities, it.scheduled_event_id, &|activity: &mut Activity| {
                        activity.completed += 1;
                        activity.result = Some(payload(it.result.as_ref()));
                    });
                }
                Some(Attributes::ActivityTaskFailedEventAttributes(it)) => {
                    find(&mut activities, it.scheduled_event_id, &end);
                }
                Some(Attributes::ActivityTaskTimedOutEventAttributes(it)) => {
                    find(&mut activities, it.scheduled_event_id, &end);
                }
                Some(Attributes::ActivityTaskCanceledEventAttributes(it)) => {
                    find(&mut activities, it.scheduled_event_id, &end);
                }
                Some(_) | None => {}
            }
        }
        activities.into_iter().map(|(_, activity)| activity).collect()
    }

    /// The activities of that type; of a `CallTool` only those of `tool`, unless it is empty.
    pub fn activities_of(&self, kind: &str, tool: &str) -> Vec<Activity> {
        let mut activities = self.activities();
        activities.retain(|it| it.kind == kind && (tool.is_empty() || it.tool == tool));
        activities
    }

    /// The event of the workflow task that scheduled the activity with that id, to reset to.
    pub fn task_that_scheduled(&self, activity: &str) -> Option<i64> {
        self.events.iter().find_map(|event| match &event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(it))
                if it.activity_id == activity =>
            {
                Some(it.workflow_task_completed_event_id)
            }
            Some(_) | None => None,
        })
    }

    /// Asserts that each activity completed exactly once and none was given up.
    ///
    /// # Panics
    /// Naming each that did not.
    pub fn assert_each_completed_once(&self) {
        let others: Vec<String> = self
            .activities()
            .into_iter()
            .filter(|activity| (activity.completed, activity.broken) != (1, 0))
            .map(|it| {
                format!("{} {}: {} times, {} broken", it.kind, it.summary, it.completed, it.broken)
            })
            .collect();
        assert!(others.is_empty(), "not completed exactly once:\n{}", others.join("\n"));
    }

    /// Asserts that no workflow task failed: the workflow met nothing that it cannot take.
    ///
    /// # Panics
    /// Naming why the first did.
    pub fn assert_no_task_failed(&self) {
        let failed = self.events.iter().find_map(|event| match &event.attributes {
            // Not a failure of the workflow: something came in while it was about to end, or a
            // person reset it to this task.
            Some(Attributes::WorkflowTaskFailedEventAttributes(it))
                if matches!(
                    it.cause(),
                    WorkflowTaskFailedCause::UnhandledCommand
                        | WorkflowTaskFailedCause::ResetWorkflow
                ) =>
            {
                None
            }
            Some(Attributes::WorkflowTaskFailedEventAttributes(it)) => Some(it.failure.clone()),
            Some(_) | None => None,
        });
        assert_eq!(failed, None, "a workflow task failed");
    }

    /// Whether a worker has a workflow task in hand that it has not completed.
    pub fn has_started_task(&self) -> bool {
        self.events.last().is_some_and(|it| it.event_type() == EventType::WorkflowTaskStarted)
    }

    /// The event that ends the run, such as `WorkflowExecutionCompleted`.
    pub fn end(&self) -> Option<EventType> {
        self.events.last().map(HistoryEvent::event_type)
    }

    /// Activities that took more than one attempt, as `CallTool files.search`.
    pub fn repeated(&self) -> Vec<String> {
        let repeated = self.activities().into_iter().filter(|activity| activity.attempts > 1);
        repeated.map(|it| format!("{} {}", it.kind, it.tool).trim_end().to_owned()).collect()
    }

    /// What attempts failed of, as far as history tells: of each activity the last attempt before
    /// the one that ended it, and the one that failed it for good. `timeout`, or the failure's type.
    pub fn setbacks(&self) -> Vec<(String, String)> {
        let activities = self.activities();
        let scheduled: Vec<i64> = self
            .events
            .iter()
            .filter(|event| event.event_type() == EventType::ActivityTaskScheduled)
            .map(|event| event.event_id)
            .collect();
        let setback = |id: i64, failure: &Failure| {
            let index = scheduled.iter().position(|it| *it == id).expect("a scheduled activity");
            let Activity { kind, tool, .. } = &activities[index];
            let why = match &failure.failure_info {
                Some(FailureInfo::TimeoutFailureInfo(_)) => "timeout".to_owned(),
                Some(FailureInfo::ApplicationFailureInfo(info)) => info.r#type.clone(),
                Some(_) | None => failure.message.clone(),
            };
            (format!("{kind} {tool}").trim_end().to_owned(), why)
        };
        let of = |event: &HistoryEvent| match event.attributes.as_ref() {
            Some(Attributes::ActivityTaskStartedEventAttributes(it)) => {
                Some(setback(it.scheduled_event_id, it.last_failure.as_ref()?))
            }
            Some(Attributes::ActivityTaskFailedEventAttributes(it)) => {
                Some(setback(it.scheduled_event_id, it.failure.as_ref()?))
            }
            Some(Attributes::ActivityTaskTimedOutEventAttributes(it)) => {
                Some(setback(it.scheduled_event_id, it.failure.as_ref()?))
            }
            Some(_) | None => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    /// The input of the run.
    pub fn input(&self) -> Value {
        match self.events.first().and_then(|event| event.attributes.as_ref()) {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(it)) => {
                payload(it.input.as_ref())
            }
            Some(_) | None => Value::Null,
        }
    }

    /// The result of a run that completed.
    pub fn result(&self) -> Option<Value> {
        let last = self.events.last()?.attributes.as_ref()?;
        if let Attributes::WorkflowExecutionCompletedEventAttributes(it) = last {
            return Some(payload(it.result.as_ref()));
        }
        None
    }

    /// Kind and message of the failure of a run that failed.
    pub fn failure(&self) -> Option<(FailureKind, String)> {
        let last = self.events.last()?.attributes.as_ref()?;
        if let Attributes::WorkflowExecutionFailedEventAttributes(it) = last {
            return kind_of(it.failure.as_ref()?);
        }
        None
    }

    /// Whether `text` stands anywhere in the history, for secrets that must not.
    pub fn mentions(&self, text: &str) -> bool {
        let bytes = ProtoHistory { events: self.events.clone() }.encode_to_vec();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// How often `text` stands in the history.
    pub fn times(&self, text: &str) -> usize {
        let bytes = ProtoHistory { events: self.events.clone() }.encode_to_vec();
        bytes.windows(text.len()).filter(|part| *part == text.as_bytes()).count()
    }

    /// The size of the events on the wire, in bytes.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(prost::Message::encoded_len).sum()
    }
}

/// Writes a run's history as a recording that `tests/replay` replays.
pub async fn record(client: &Client, workflow: &str, run: Option<&str>, path: &Path) {
    let json = History::json(client, workflow, run).await;
    std::fs::write(path, json).expect("write a recording");
}

fn remote(client: &Client, workflow: &str, run: Option<&str>) -> WorkflowHistory {
    let info = WorkflowExecutionInfo::builder()
        .namespace(client.options().namespace.clone())
        .workflow_id(workflow)
        .maybe_run_id(run.map(str::to_owned))
        .build();
    let handle = WorkflowHandle::<_, UntypedWorkflow>::new(client.clone(), info);
    handle.fetch_history(WorkflowFetchHistoryOptions::default())
}

fn kind_of(failure: &Failure) -> Option<(FailureKind, String)> {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            Some((FailureKind::from_name(&info.r#type)?, failure.message.clone()))
        }
        Some(_) | None => None,
    }
}

fn payload(payloads: Option<&Payloads>) -> Value {
    payloads.and_then(|payloads| payloads.payloads.first()).map(decode).unwrap_or_default()
}

fn decode(payload: &Payload) -> Value {
    serde_json::from_slice(&payload.data).unwrap_or_default()
}
