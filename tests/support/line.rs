//! A line to a server that a test can cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A TCP proxy on a free port of 127.0.0.1, stopped when dropped.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line to the server at `to`, as `host:port`.
    pub async fn to(to: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bind loopback");
        let address = listener.local_addr().expect("local address");
        let (whole, seen) = watch::channel(true);
        let to = to.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                if *seen.borrow() {
                    tokio::spawn(carry(here, to.clone(), seen.clone()));
                }
            }
        });
        Self { address, whole, task }
    }

    /// Where it begins, as `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Breaks all connections and takes no new ones.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

/// Carries bytes both ways until either end or the line is gone.
async fn carry(mut here: TcpStream, to: String, mut whole: watch::Receiver<bool>) {
    let Ok(mut there) = TcpStream::connect(to).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}
