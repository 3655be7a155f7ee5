//! The server: its name resolves, and something takes connections there. Where the environment names a
//! proxy, that is what is connected to, since then it is what telempostd connects to.
//!
//! Nothing is sent: neither TLS nor the server's answer is checked here.

mod certificates;
mod endpoint;
mod proxy;

use super::finding::Finding;
use super::ownership::DaemonUser;
use crate::settings::Settings;
use endpoint::Endpoint;
use proxy::Proxy;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use telemetry_config::{ServerSettings, ServerUrl};

const ABOUT: &str = "server";

/// How long the look-up of a name may take: resolvers ask several servers in turn, and a person waits.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one address may take to answer: across the world it takes a third of a second, and a packet
/// that is lost is sent again after one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Addresses of one name that are tried.
const ADDRESSES_TRIED: usize = 3;

/// What trying came to.
#[derive(Debug)]
enum Reached {
    /// This address took the connection.
    Address(SocketAddr),
    /// The name gives no address.
    NoAddress(io::Error),
    /// None of the addresses took the connection; the last one for this reason.
    NoConnection(SocketAddr, io::Error),
}

/// Reads the certificates that https servers are judged by, as telempostd does.
pub(super) fn certificates(settings: &Settings, user: &DaemonUser) -> Option<Finding> {
    let is_https = |server: &ServerSettings| {
        Endpoint::of_url(server.url.with_password()).is_some_and(|server| server.is_https)
    };
    let is_judged = settings.server_delivery_enabled && settings.servers.iter().any(is_https);
    certificates::check(settings.server.cainfo.as_deref().filter(|_| is_judged)?, user)
}

/// Connects to what telempostd would connect to for this server.
pub(super) fn check(url: &ServerUrl, settings: &Settings, opted_in: bool) -> Finding {
    if !settings.server_delivery_enabled {
        return Finding::ok(ABOUT, "not asked: delivery is off (record_server_delivery_enabled=false)");
    }
    if url.is_empty() {
        let remedy = "set `server` in the configuration; until then records wait";
        return Finding::error(ABOUT, "none is set", remedy);
    }
    let shown = url.to_string();
    if !opted_in {
        return Finding::ok(ABOUT, format!("{shown}: not asked before opt-in"));
    }
    let Some(server) = Endpoint::of_url(url.with_password()) else {
        let remedy = "correct `server` in the configuration";
        return Finding::error(ABOUT, format!("{shown}: its host and port cannot be read"), remedy);
    };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match proxy::find(&server, variable) {
        Proxy::None => judge(&server, None, &reach(&server)),
        Proxy::At(proxy, variable) => judge(&proxy, Some((variable, &server)), &reach(&proxy)),
        Proxy::Unreadable(variable) => {
            let text = format!("the proxy in {variable} cannot be read");
            Finding::error(ABOUT, text, format!("set {variable} to http://HOST:PORT, or unset it"))
        }
    }
}

fn judge(tried: &Endpoint, proxy_of: Option<(&str, &Endpoint)>, reached: &Reached) -> Finding {
    let name = match proxy_of {
        Some((variable, server)) => {
            format!("{server} by way of the proxy {tried} ({variable} of this environment)")
        }
        None => tried.to_string(),
    };
    match reached {
        Reached::Address(address) => Finding::ok(
            ABOUT,
            format!("{name}: {address} takes connections; TLS and its answers were not checked"),
        ),
        Reached::NoAddress(error) => {
            let text = format!("{name}: the name gives no address: {error}");
            Finding::error(ABOUT, text, "check the name, the network and /etc/resolv.conf")
        }
        Reached::NoConnection(address, error) => {
            let (reason, remedy) = match error.kind() {
                ErrorKind::ConnectionRefused => {
                    ("nothing listens there".to_owned(), "check the port, and that the server runs")
                }
                ErrorKind::TimedOut => {
                    ("no answer in time".to_owned(), "check the network and firewalls on the way")
                }
                ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
                    ("no way there".to_owned(), "check the network of this machine")
                }
                _ => (error.to_string(), "check the network"),
            };
            Finding::error(ABOUT, format!("{name}: {address} cannot be connected to: {reason}"), remedy)
        }
    }
}

fn reach(endpoint: &Endpoint) -> Reached {
    let addresses = match resolve(endpoint) {
        Ok(addresses) => addresses,
        Err(error) => return Reached::NoAddress(error),
    };
    let mut outcome = Reached::NoAddress(io::Error::other("it has none"));
    for address in addresses.into_iter().take(ADDRESSES_TRIED) {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Reached::Address(address),
            Err(error) => outcome = Reached::NoConnection(address, error),
        }
    }
    outcome
}

/// In a thread, since the system's look-up takes as long as it likes; it ends with this process.
fn resolve(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (endpoint.host.clone(), endpoint.port);
    thread::spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody waits for it any more.
        let _ = sender.send(addresses);
    });
    receiver.recv_timeout(RESOLVE_TIMEOUT).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_result_of_a_try_is_reported() {
        let server = Endpoint { host: "h".to_owned(), port: 443, is_https: true };
        let proxy = Endpoint { host: "p".to_owned(), port: 1080, is_https: false };
        let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
        let failed = |kind: ErrorKind| Reached::NoConnection(address, kind.into());
        for (reached, level, part) in [
            (Reached::Address(address), Level::Ok, "h port 443: 192.0.2.1:443 takes connections; TLS"),
            (
                Reached::NoAddress(io::Error::other("x")),
                Level::Error,
                "h port 443: the name gives no address: x",
            ),
            (failed(ErrorKind::ConnectionRefused), Level::Error, "nothing listens there; check the port"),
            (failed(ErrorKind::TimedOut), Level::Error, "no answer in time"),
            (failed(ErrorKind::NetworkUnreachable), Level::Error, "no way there"),
        ] {
            assert_finding(&judge(&server, None, &reached), level, part);
        }
        let finding = judge(&proxy, Some(("https_proxy", &server)), &Reached::Address(address));
        assert_finding(&finding, Level::Ok, "h port 443 by way of the proxy p port 1080 (https_proxy of");
    }

    #[test]
    fn a_listener_is_reached_until_it_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: address.port(), is_https: false };
        assert!(matches!(reach(&endpoint), Reached::Address(reached) if reached == address));
        drop(listener);
        assert!(matches!(
            reach(&endpoint),
            Reached::NoConnection(_, error) if error.kind() == ErrorKind::ConnectionRefused
        ));
    }
}
