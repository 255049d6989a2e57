//! The supervisor: its lock, its folder, its children.

use std::path::Path;

use super::*;
use crate::process::Identity;
use crate::server::Silent;

/// A supervisor of `folder` whose worker is `sleep`, and whose server is in memory.
async fn start(folder: &Path) -> Result<Dev, DevError> {
    let program = folder.join("worker.sh");
    let script = "#!/bin/sh\nprintf '%s ' \"$@\" > \"$0.args\"\nexec sleep 600\n";
    let written = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", script])
        .arg(&program)
        .status()
        .unwrap();
    assert!(written.success());
    let options = DevOptions {
        ephemeral: true,
        port: 21_000,
        ui_port: 22_000,
        program: Some(program),
        quiet: true,
        ..DevOptions::in_folder(folder.join("state"))
    };
    Dev::start(options, Arc::new(Silent)).await
}

#[tokio::test]
async fn one_supervisor_a_folder_found_by_others_until_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    assert_eq!(running(&state), None);
    let mut dev = start(folder.path()).await.unwrap();
    assert_eq!(running(&state).as_ref(), Some(dev.info()));
    let server = Identity::of(dev.server().unwrap().info().pid.unwrap()).unwrap();

    let Err(error) = start(folder.path()).await else { panic!("a second supervisor started") };
    let own = std::process::id();
    assert_eq!(
        error.to_string(),
        format!(
            "`longhaul dev` runs for this folder already, as process {own}: server `{}`, Web UI \
             {}\nhint: use that one, or stop it with `kill {own}`",
            dev.info().address,
            dev.info().ui.as_deref().unwrap()
        )
    );

    let first = Identity::of(dev.worker_pid().unwrap()).unwrap();
    assert_eq!(dev.kill_worker().await.unwrap(), Some(first.pid));
    assert!(!first.is_alive());
    let second = dev.start_worker(&[]).unwrap();
    let second = Identity::of(second).unwrap();

    dev.stop().await.unwrap();
    assert!(!second.is_alive());
    assert!(!server.is_alive());
    assert_eq!(running(&state), None);
    assert!(!state.join("worker.json").exists());
}

#[tokio::test]
async fn a_worker_that_dies_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = start(folder.path()).await.unwrap();
    let first = Identity::of(dev.worker_pid().unwrap()).unwrap();
    let record = folder.path().join("state/worker.json");
    let recorded = || -> Option<Identity> {
        serde_json::from_str(&std::fs::read_to_string(&record).ok()?).ok()
    };
    assert_eq!(recorded().as_ref(), Some(&first));
    let other = first.clone();
    let killed_and_replaced = async {
        other.kill9();
        while recorded().is_none_or(|now| now == other) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        outcome = dev.supervise() => panic!("{outcome:?}"),
        () = killed_and_replaced => {}
    }
    assert_ne!(dev.worker_pid(), Some(first.pid));
    dev.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_in_memory_that_dies_takes_all_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = start(folder.path()).await.unwrap();
    Identity::of(dev.server().unwrap().info().pid.unwrap()).unwrap().kill9();
    let error = dev.supervise().await.unwrap_err();
    assert!(matches!(error, DevError::StateLost), "{error}");
    dev.stop().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_ends_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = start(folder.path()).await.unwrap();
    Identity::of(dev.worker_pid().unwrap()).unwrap().kill9();
    let error = dev.wait_ready().await.unwrap_err();
    assert_eq!(error.to_string(), "the worker ended before it was ready (signal: 9 (SIGKILL))");
    dev.stop().await.unwrap();
}
