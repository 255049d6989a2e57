//! The loopback address that a browser comes back to after a consent (RFC 8252).

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use longhaul_vault::Callback;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Most bytes of a request's head.
const MOST: usize = 16 * 1024;
/// How long a browser may take to send one.
const SLOW: Duration = Duration::from_secs(10);

/// A listener for one callback.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// A callback that came.
pub(super) struct Came {
    /// What it says.
    pub(super) query: Callback,
    /// The browser, which waits for an answer.
    pub(super) page: Page,
}

/// A browser that waits.
pub(super) struct Page(TcpStream);

impl Loopback {
    /// Listens on that port, or on a free one.
    pub(super) async fn open(port: Option<u16>) -> Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, port.unwrap_or(0));
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("port {} cannot be used for the browser to come back to", address.1)
        })?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The first request for `/callback`; whatever else comes is told that there is nothing.
    pub(super) async fn callback(&self, wait: Duration) -> Result<Came> {
        match tokio::time::timeout(wait, self.next()).await {
            Ok(came) => came,
            Err(_) => bail!("nobody consented in time\nhint: `--wait` takes longer"),
        }
    }

    async fn next(&self) -> Result<Came> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            let Ok(Some(head)) = tokio::time::timeout(SLOW, head(&mut stream)).await else {
                continue;
            };
            match query(&head) {
                Some(query) => return Ok(Came { query, page: Page(stream) }),
                None => Page(stream).send("404 Not Found", "There is nothing here.").await,
            }
        }
    }
}

impl Page {
    /// Tells the person what came of it.
    pub(super) async fn answer(self, words: &str) {
        self.send("200 OK", words).await;
    }

    async fn send(mut self, status: &str, words: &str) {
        let body =
            format!("<!doctype html><meta charset=utf-8><title>Longhaul</title><p>{words}\n");
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: {}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        // The browser may be gone; what counts is done.
        let _ = self.0.write_all(response.as_bytes()).await;
        let _ = self.0.shutdown().await;
    }
}

/// The head of a request; `None` if it is none or too long.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).await.ok()?;
        bytes.extend_from_slice(part.get(..read)?);
        if read == 0 || bytes.len() > MOST {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

/// What `GET /callback?…` says.
fn query(head: &str) -> Option<Callback> {
    let mut words = head.lines().next()?.split(' ');
    if words.next()? != "GET" {
        return None;
    }
    let url = url::Url::parse("http://127.0.0.1").ok()?.join(words.next()?).ok()?;
    if url.path() != "/callback" {
        return None;
    }
    Some(super::super::connections::callback(url.query_pairs()))
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn only_the_callback_counts() {
        let said = |head: &str| query(head).map(|callback| callback.state);
        assert_eq!(said("GET /callback?state=a%20b&code=c HTTP/1.1\r\n\r\n").unwrap(), "a b");
        assert_eq!(said("POST /callback?state=a HTTP/1.1\r\n\r\n"), None);
        assert_eq!(said("GET /favicon.ico HTTP/1.1\r\n\r\n"), None);
        assert_eq!(said(""), None);
    }
}
