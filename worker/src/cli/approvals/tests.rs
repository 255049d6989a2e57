//! How a gate is named.

use super::*;

fn which(gate: &str, run: Option<&str>) -> Which {
    Which { gate: gate.to_owned(), run: run.map(str::to_owned), json: false }
}

#[test]
fn a_gate_is_named_with_its_run() {
    assert_eq!(which("brief-1/apr_4_1", None).parts().expect("valid"), ("brief-1", "apr_4_1"));
    assert_eq!(
        which("team/brief-1/apr_4_1", None).parts().expect("valid"),
        ("team/brief-1", "apr_4_1")
    );
    assert_eq!(which("apr_4_1", Some("a/b")).parts().expect("valid"), ("a/b", "apr_4_1"));
    for wrong in ["apr_4_1", "/apr_4_1", "brief-1/"] {
        let error = which(wrong, None).parts().expect_err("names no run").to_string();
        assert!(error.starts_with(&format!("`{wrong}` names no run\nhint:")), "{error}");
    }
}

#[test]
fn runs_that_cannot_have_a_gate_are_not_asked() {
    let run = |state| RunSummary {
        id: "a".to_owned(),
        run_id: "b".to_owned(),
        agent: None,
        status: "running".to_owned(),
        state,
        waiting_for: Vec::new(),
        started_at: None,
        closed_at: None,
    };
    assert!(may_wait(&run(None)));
    assert!(may_wait(&run(Some(RunState::Running))));
    assert!(!may_wait(&run(Some(RunState::WaitingForMessage))));
}
