//! What the mock servers share: a listener on loopback, and replies that may misbehave.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on a free port of 127.0.0.1, stopped when dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Serves `router`.
    pub async fn serve(router: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bind loopback");
        let address = listener.local_addr().expect("local address");
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serve on loopback");
        });
        Self { address, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What happens after the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answer,
    Hang,
    Drop,
}

/// An HTTP reply that may be late, never come, or break off.
#[derive(Clone, Debug)]
pub struct HttpReply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    delay: Duration,
    fate: Fate,
}

impl HttpReply {
    /// A reply with that status and an empty body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
            delay: Duration::ZERO,
            fate: Fate::Answer,
        }
    }

    /// 200 with a JSON body.
    pub fn json(body: &Value) -> Self {
        Self::status(200).with_json(body)
    }

    /// 200 with a text body.
    pub fn text(body: impl Into<String>) -> Self {
        Self::status(200).header("content-type", "text/plain; charset=utf-8").body(body)
    }

    /// No reply, ever; the connection stays open.
    pub fn hang() -> Self {
        Self { fate: Fate::Hang, ..Self::status(200) }
    }

    /// The connection breaks in the middle of the body.
    pub fn dropped() -> Self {
        Self { fate: Fate::Drop, ..Self::status(200) }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with_json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// The same with that body.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, `delay` later.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Carries it out.
    pub async fn respond(self) -> Response {
        tokio::time::sleep(self.delay).await;
        let body = match self.fate {
            Fate::Answer => Body::from(self.body),
            Fate::Hang => std::future::pending().await,
            Fate::Drop => {
                let broken = io::Error::new(io::ErrorKind::ConnectionReset, "dropped by the mock");
                Body::from_stream(stream::iter([Ok::<_, io::Error>("{".to_owned()), Err(broken)]))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).expect("status code");
        for (name, value) in self.headers {
            response.headers_mut().insert(
                HeaderName::from_bytes(name.as_bytes()).expect("header name"),
                HeaderValue::from_str(&value).expect("header value"),
            );
        }
        response
    }
}

/// Headers with lower-case names; values that are not text are shown as their bytes.
pub(crate) fn header_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}
