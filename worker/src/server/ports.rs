//! Free ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};

use super::error::ServerError;

/// How many ports in a row are tried.
const MOST_TRIED: u16 = 200;

/// The ports of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    /// gRPC.
    pub(super) grpc: u16,
    /// Web UI.
    pub(super) ui: u16,
    /// HTTP API.
    pub(super) http: u16,
    /// Prometheus metrics of the server.
    pub(super) metrics: u16,
}

/// Which ports a server is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// This one, or the next free one after it.
    From(u16),
    /// Whichever the system gives.
    Any,
}

impl Ports {
    /// Four different free ports.
    pub(super) fn choose(grpc: PortChoice, ui: PortChoice) -> Result<Self, ServerError> {
        // Listeners stay open until all are found, so that none is given twice.
        let mut held = Vec::new();
        let mut hold = |choice| -> Result<u16, ServerError> {
            let listener = listen(choice)?;
            let port = listener.local_addr().map_err(|_| ServerError::NoFreePort)?.port();
            held.push(listener);
            Ok(port)
        };
        Ok(Self {
            grpc: hold(grpc)?,
            ui: hold(ui)?,
            http: hold(PortChoice::Any)?,
            metrics: hold(PortChoice::Any)?,
        })
    }
}

/// A free port; it is free until somebody takes it.
pub fn free(choice: PortChoice) -> Result<u16, ServerError> {
    let listener = listen(choice)?;
    Ok(listener.local_addr().map_err(|_| ServerError::NoFreePort)?.port())
}

fn listen(choice: PortChoice) -> Result<TcpListener, ServerError> {
    let candidates = match choice {
        PortChoice::From(first) => first..=first.saturating_add(MOST_TRIED),
        PortChoice::Any => 0..=0,
    };
    candidates
        .into_iter()
        .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .ok_or(ServerError::NoFreePort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_gives_way_to_a_later_one() {
        let taken = listen(PortChoice::Any).unwrap();
        let port = taken.local_addr().unwrap().port();
        let next = free(PortChoice::From(port)).unwrap();
        assert!(next > port, "{next} follows {port}");
    }

    #[test]
    fn the_ports_of_a_server_differ() {
        let ports = Ports::choose(PortChoice::From(20_000), PortChoice::From(20_000)).unwrap();
        let all =
            std::collections::BTreeSet::from([ports.grpc, ports.ui, ports.http, ports.metrics]);
        assert_eq!(all.len(), 4);
    }
}
