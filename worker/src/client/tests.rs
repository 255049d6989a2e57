//! Ids and errors.

use temporalio_client::tonic::{Code, Status};

use super::*;

#[test]
fn fresh_ids_sort_by_time_and_name_the_agent() {
    let at = |millis| jiff::Timestamp::from_millisecond(millis).expect("in range");
    let (first, second) =
        (fresh_id("brief", at(1_790_000_000_000)), fresh_id("brief", at(1_790_000_000_001)));
    assert!(first.starts_with("brief-1"), "{first}");
    assert!(first < second);
    assert_eq!(first.len(), "brief-".len() + 9);
}

fn error(code: Code, message: &str) -> RunError {
    RunError::of_status(&Status::new(code, message), "brief-1", "localhost:7233", "longhaul")
}

#[test]
fn statuses_become_errors_that_say_what_to_do() {
    let cases = [
        (
            Code::NotFound,
            "workflow not found for ID: brief-1",
            "no run `brief-1`\nhint: `longhaul status` lists the runs",
        ),
        (
            Code::NotFound,
            "workflow execution already completed",
            "run `brief-1` is over\nhint: `longhaul send brief-1 \"…\"` starts a new run that carries its conversation",
        ),
        (
            Code::FailedPrecondition,
            "no poller seen for task queue recently, worker may be down",
            "no worker polls task queue `longhaul`, so run `brief-1` cannot answer\nhint: start one with `longhaul worker`, or `longhaul dev` for server and worker",
        ),
        (
            Code::DeadlineExceeded,
            "context deadline exceeded",
            "no worker polls task queue `longhaul`, so run `brief-1` cannot answer\nhint: start one with `longhaul worker`, or `longhaul dev` for server and worker",
        ),
        (
            Code::Unavailable,
            "tcp connect error",
            "Temporal at `localhost:7233` cannot be reached: tcp connect error\nhint: `longhaul dev` starts a server",
        ),
    ];
    for (code, message, expected) in cases {
        assert_eq!(error(code, message).to_string(), expected);
    }
    assert!(error(Code::ResourceExhausted, "limit of in-flight updates").is_busy());
    assert!(!error(Code::NotFound, "x").is_busy());
}
