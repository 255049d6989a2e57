//! Whether a server answers, and the settings of its namespace.

use std::net::Ipv4Addr;
use std::time::Duration;

use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{Client, Connection, ConnectionOptions, Url};
use temporalio_common::protos::temporal::api::namespace::v1::NamespaceConfig;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, GetSystemInfoRequest, UpdateNamespaceRequest,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How often a server that is still starting is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Options for a connection without TLS to `address`, `host:port`.
pub(super) fn plain(address: &str) -> Result<ConnectionOptions, String> {
    let url = Url::parse(&format!("http://{address}")).map_err(|error| error.to_string())?;
    Ok(ConnectionOptions::new(url)
        .identity(format!("longhaul-dev@{}", std::process::id()))
        .connect_timeout(ANSWER_WITHIN)
        .dns_load_balancing(None)
        .build())
}

/// The version of the server.
pub(super) async fn version(client: &Client) -> Result<String, String> {
    let request = GetSystemInfoRequest::default().into_request();
    let answer = client.connection().workflow_service().get_system_info(request).await;
    Ok(answer.map_err(|status| status.message().to_owned())?.into_inner().server_version)
}

/// Waits until the server at `address` answers and knows `namespace`.
///
/// Gives the connection, so that nothing has to connect twice.
pub(super) async fn wait(
    address: &str,
    namespace: &str,
    patience: Duration,
) -> Result<Connection, String> {
    let options = plain(address)?;
    let until = Instant::now() + patience;
    loop {
        let trouble = match timeout(ANSWER_WITHIN, ready(options.clone(), namespace)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(trouble)) => trouble,
            Err(_) => format!("no answer in {} s", ANSWER_WITHIN.as_secs()),
        };
        if Instant::now() >= until {
            return Err(trouble);
        }
        sleep(ASK_EVERY).await;
    }
}

/// Waits until somebody listens on `port` of this machine.
pub(super) async fn listens(port: u16, patience: Duration) -> Result<(), String> {
    let until = Instant::now() + patience;
    while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        if Instant::now() >= until {
            return Err(format!("nobody listens on port {port}: {error}"));
        }
        sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Has closed runs of `namespace` kept for `retention`.
pub(super) async fn set_retention(
    connection: &Connection,
    namespace: &str,
    retention: Duration,
) -> Result<(), String> {
    let Ok(wanted) = retention.try_into() else {
        return Err("the retention is out of range".to_owned());
    };
    let config = describe(connection, namespace).await?;
    if config.workflow_execution_retention_ttl == Some(wanted) {
        return Ok(());
    }
    let request = UpdateNamespaceRequest {
        namespace: namespace.to_owned(),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(wanted),
            ..NamespaceConfig::default()
        }),
        ..UpdateNamespaceRequest::default()
    };
    let answer = connection.workflow_service().update_namespace(request.into_request()).await;
    answer.map(|_| ()).map_err(|status| status.message().to_owned())
}

async fn ready(options: ConnectionOptions, namespace: &str) -> Result<Connection, String> {
    let connection = Connection::connect(options).await.map_err(|error| chain(&error))?;
    describe(&connection, namespace).await?;
    Ok(connection)
}

async fn describe(connection: &Connection, namespace: &str) -> Result<NamespaceConfig, String> {
    let request = DescribeNamespaceRequest {
        namespace: namespace.to_owned(),
        ..DescribeNamespaceRequest::default()
    };
    let answer = connection.workflow_service().describe_namespace(request.into_request()).await;
    let answer = answer.map_err(|status| status.message().to_owned())?;
    Ok(answer.into_inner().config.unwrap_or_default())
}

/// An error and what caused it, on one line; each text once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}
