//! Children in process groups of their own.

use std::process::Stdio;

use super::*;

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    Process::start(command).unwrap()
}

/// Waits until the script has printed a line.
async fn ready(process: &mut Process) -> String {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let stdout = process.child().stdout.take().unwrap();
    BufReader::new(stdout).lines().next_line().await.unwrap().unwrap()
}

#[tokio::test]
async fn a_process_is_told_from_another_of_the_same_id() {
    let mut process = shell("exec sleep 600");
    let identity = process.identity().clone();
    assert!(identity.is_alive());
    let later = Identity { started: "1".to_owned(), ..identity.clone() };
    assert!(!later.is_alive());
    process.kill9().await.unwrap();
    assert!(!identity.is_alive());
}

#[tokio::test]
async fn a_polite_child_ends_by_itself() {
    let mut process = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    ready(&mut process).await;
    let ending = process.stop(Signal::SIGTERM, Duration::from_secs(20)).await.unwrap();
    assert_eq!(ending, Ending::Ended);
    assert_eq!(process.wait().await.unwrap().code(), Some(7));
}

#[tokio::test]
async fn a_deaf_child_is_killed_with_its_group() {
    let mut process = shell("trap '' TERM; sleep 600 & echo $!; wait; wait; sleep 600");
    let grandchild = Identity::of(ready(&mut process).await.parse().unwrap()).unwrap();
    let ending = process.stop(Signal::SIGTERM, Duration::from_millis(50)).await.unwrap();
    assert_eq!(ending, Ending::Killed);
    timeout(Duration::from_secs(20), grandchild.ended()).await.unwrap();
}

#[tokio::test]
async fn dropping_kills() {
    let process = shell("exec sleep 600");
    let identity = process.identity().clone();
    drop(process);
    timeout(Duration::from_secs(20), identity.ended()).await.unwrap();
}

#[tokio::test]
async fn a_process_that_is_not_our_child_is_stopped() {
    let mut process = shell("exec sleep 600");
    let identity = process.identity().clone();
    let stop = identity.stop(Signal::SIGTERM, Duration::from_secs(20));
    let (ending, _) = tokio::join!(stop, process.wait());
    assert_eq!(ending, Ending::Ended);
    assert!(!identity.is_alive());
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Process::start(Command::new("/nowhere/temporal")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot start `/nowhere/temporal`: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up() {
    let mut command = Command::new("sleep");
    command.arg("600");
    let error = run(command, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error, "no answer in 0 s");
}

#[test]
fn both_ways_of_telling_the_start_work_here() {
    let own = Pid::this().as_raw();
    if cfg!(target_os = "linux") {
        assert!(from_proc(own).is_some());
    }
    assert_eq!(from_ps(own), from_ps(own));
    assert!(Identity::current().unwrap().is_alive());
}
