//! Servers: pid files, versions, ports, arguments.

use temporalio_client::tonic::IntoRequest as _;
use temporalio_common::protos::temporal::api::operatorservice::v1::ListSearchAttributesRequest;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

use super::*;

#[tokio::test]
async fn a_server_in_memory_is_fit_for_use_and_leaves_nothing() {
    let request = ServerRequest { namespace: "other".to_owned(), ..ServerRequest::ephemeral() };
    let server = resolve(&request, &Silent).await.unwrap();
    let identity = Identity::of(server.info().pid.unwrap()).unwrap();
    assert!(server.info().address.starts_with("127.0.0.1:"));
    assert!(!server.is_external());

    let wait = health::wait(server.address(), "other", Duration::from_secs(5));
    let connection = wait.await.unwrap();
    let describe = DescribeNamespaceRequest {
        namespace: "other".to_owned(),
        ..DescribeNamespaceRequest::default()
    };
    let answer = connection.workflow_service().describe_namespace(describe.into_request()).await;
    let retention =
        answer.unwrap().into_inner().config.unwrap().workflow_execution_retention_ttl.unwrap();
    assert_eq!(retention.seconds, 30 * 24 * 60 * 60);

    let list = ListSearchAttributesRequest { namespace: "other".to_owned() };
    let answer = connection.operator_service().list_search_attributes(list.into_request()).await;
    let attributes = answer.unwrap().into_inner().custom_attributes;
    for (name, _) in longhaul_contract::names::SEARCH_ATTRIBUTES {
        assert!(attributes.contains_key(name), "{name} is missing in {attributes:?}");
    }

    assert_eq!(server.stop().await.unwrap(), Ending::Ended);
    assert!(!identity.is_alive());
}

#[tokio::test]
async fn dropping_a_server_ends_it() {
    let server = resolve(&ServerRequest::ephemeral(), &Silent).await.unwrap();
    let identity = Identity::of(server.info().pid.unwrap()).unwrap();
    drop(server);
    tokio::time::timeout(Duration::from_secs(20), identity.ended()).await.unwrap();
}

#[tokio::test]
async fn a_server_left_behind_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let request = ServerRequest {
        port: PortChoice::Any,
        ui_port: PortChoice::Any,
        ..ServerRequest::in_folder(folder.path())
    };
    let server = resolve(&request, &Silent).await.unwrap();
    let info = server.info().clone();
    let db = info.db.clone().unwrap();
    assert!(db.is_file(), "{}", db.display());
    // As if the supervisor had been killed: nothing is dropped.
    std::mem::forget(server);

    let again = resolve(&request, &Silent).await.unwrap();
    assert_eq!(again.info().address, info.address);
    assert_eq!(again.info().ui, info.ui);
    assert_eq!(again.info().pid, info.pid);
    assert!(again.info().why.starts_with("left behind by a supervisor that was killed"));
    assert_eq!(again.stop().await.unwrap(), Ending::Ended);
    assert!(!pid_file::path(folder.path()).exists());

    // Now with another kind of storage, and a file that tells of a process that is gone.
    let stale = pid_file::Record {
        identity: Identity { pid: info.pid.unwrap(), started: "0".to_owned() },
        address: info.address.clone(),
        ui: None,
        version: info.version,
        db: None,
        container: None,
    };
    pid_file::write(folder.path(), &stale).unwrap();
    assert_eq!(pid_file::find(folder.path(), "default").await, None);
    assert!(!pid_file::path(folder.path()).exists());
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    // A folder where the database should be.
    std::fs::create_dir(folder.path().join("temporal-1.29.1.db")).unwrap();
    let request = ServerRequest {
        port: PortChoice::Any,
        ui_port: PortChoice::Any,
        ..ServerRequest::in_folder(folder.path())
    };
    let mut found = search::search(&request.search, &Silent).await.unwrap();
    found.version = version::SERVER;
    let error = launch::launch(&request, found, &Silent).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the Temporal server did not start ("), "{text}");
    assert!(text.contains("it ended at once\n  "), "{text}");
    assert!(!pid_file::path(folder.path()).exists());
}

#[test]
fn what_is_left_behind_is_only_taken_if_it_fits() {
    let server = |db: Option<&str>| Server {
        info: ServerInfo {
            address: String::new(),
            ui: None,
            version: String::new(),
            db: db.map(PathBuf::from),
            why: String::new(),
            pid: None,
        },
        hold: Hold::External,
        state: None,
    };
    let in_folder = ServerRequest::in_folder("/s");
    let in_memory = ServerRequest {
        storage: Storage::MemoryIn(PathBuf::from("/s")),
        ..ServerRequest::in_folder("/s")
    };
    assert!(server(Some("/s/a.db")).fits(&in_folder));
    assert!(!server(None).fits(&in_folder));
    assert!(server(None).fits(&in_memory));
    assert!(!server(Some("/s/a.db")).fits(&in_memory));
}

#[tokio::test]
async fn servers_that_start_at_once_do_not_share_a_port() {
    let request = ServerRequest {
        port: PortChoice::From(23_000),
        ui_port: PortChoice::From(24_000),
        ..ServerRequest::ephemeral()
    };
    let start = || resolve(&request, &Silent);
    let (a, b, c) = tokio::join!(start(), start(), start());
    let servers = [a.unwrap(), b.unwrap(), c.unwrap()];
    let addresses: std::collections::BTreeSet<&str> =
        servers.iter().map(|server| server.info().address.as_str()).collect();
    assert_eq!(addresses.len(), servers.len(), "{addresses:?}");
    for server in &servers {
        let pid = server.info().pid.unwrap();
        assert!(Identity::of(pid).is_some(), "the server of {} lives", server.info().address);
    }
}
