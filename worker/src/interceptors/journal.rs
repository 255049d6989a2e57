//! Writes into the crash journal what a worker has in hand: attempts of activities, and runs.

use temporalio_sdk::interceptors::{
    ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next,
};
use temporalio_workflow::WorkflowContextView;
use temporalio_workflow::workflow_interceptors::{
    WorkflowInterceptor, WorkflowInterceptorConstructor,
};

use crate::journal::{Call, Journal, Run};

/// Notes each attempt of an activity for as long as it is in flight.
#[derive(Debug)]
pub struct NoteActivity(Journal);

impl NoteActivity {
    /// Notes go to `journal`.
    pub fn new(journal: Journal) -> Self {
        Self(journal)
    }
}

impl ActivityInboundInterceptor for NoteActivity {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let info = input.activity_info();
        // The server knows nothing of local ones; they end with their workflow task.
        if info.is_local {
            return next.run(input);
        }
        let call = Call {
            token: info.task_token.clone(),
            activity_type: info.activity_type.clone(),
            activity_id: info.activity_id.clone(),
            run: Run {
                workflow_id: info.workflow_id.clone().unwrap_or_default(),
                run_id: info.workflow_run_id.clone().unwrap_or_default(),
            },
        };
        Box::pin(async move {
            let number = self.0.begin(call);
            let result = next.run(input).await;
            // An attempt that is dropped before its end stays noted: nobody tells the server.
            self.0.end(number);
            result
        })
    }
}

/// Notes each run for as long as it is in memory.
#[derive(Debug)]
pub struct NoteWorkflow {
    journal: Journal,
    run: Run,
}

impl NoteWorkflow {
    /// One for each run that a worker holds in memory. The run itself sees nothing of it.
    pub fn constructor(journal: Journal) -> WorkflowInterceptorConstructor {
        WorkflowInterceptorConstructor::new(move |run: &WorkflowContextView| {
            let run =
                Run { workflow_id: run.workflow_id().to_owned(), run_id: run.run_id().to_owned() };
            journal.hold(run.clone());
            Self { journal: journal.clone(), run }
        })
    }
}

impl WorkflowInterceptor for NoteWorkflow {}

impl Drop for NoteWorkflow {
    fn drop(&mut self) {
        self.journal.let_go(self.run.clone());
    }
}
