//! What is listened on, who is trusted there, and the lines that say so.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use crate::cli::Options;
use crate::limits::LISTEN_BACKLOG;
use crate::server::Listening;
use crate::start_error::StartError;
use crate::storage::Address;
use crate::trust::{Tls, Trust, TrustError};

/// Who is trusted, and TLS where it is spoken.
pub(super) struct Trusting {
    pub(super) trust: Arc<Trust>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Trusting {
    pub(super) fn new(options: &Options, database: &Address) -> Result<Self, TrustError> {
        let speaks_tls = options.addresses().iter().any(|(_, has_tls)| *has_tls);
        let directory = identity_directory(options, database);
        let has_header = options.trust.proxy_certificate_header.is_some();
        let proxies = options.access.options().proxies;
        if has_header && proxies.is_empty() {
            return Err(TrustError::Options(
                "--proxy-certificate-header is believed from the addresses of --proxy alone, and there is none".into(),
            ));
        }
        let trust = match speaks_tls || has_header || options.sync.fetches() {
            false => Trust::nobody(),
            true => Trust::new(&options.trust, proxies, directory.as_deref())?,
        };
        let tls = || Tls::new(&options.trust, directory.as_deref(), Arc::clone(&trust));
        let tls = speaks_tls.then(tls).transpose()?.map(Arc::new);
        Ok(Self { trust, tls })
    }
}

/// A socket, and whether TLS is spoken there.
pub(super) type Bound = (TcpListener, bool);

pub(super) fn with_tls(listeners: Vec<Bound>, tls: Option<&Arc<Tls>>) -> Vec<Listening> {
    let with = |(socket, has_tls): Bound| Listening { socket, tls: tls.filter(|_| has_tls).cloned() };
    listeners.into_iter().map(with).collect()
}

/// A line for each socket.
pub(super) fn announcement(sockets: &[Listening]) -> String {
    let line = |listening: &Listening| {
        let scheme = if listening.tls.is_some() { "https" } else { "http" };
        let address = listening
            .socket
            .local_addr()
            .map_or_else(|error| error.to_string(), |address| address.to_string());
        format!("telem-collector: listening on {scheme}://{address}\n")
    };
    sockets.iter().map(line).collect()
}

/// Where our own certificates are.
pub(super) fn identity_directory(options: &Options, database: &Address) -> Option<PathBuf> {
    options.trust.identity_directory(database.file())
}

pub(super) fn listen_at(addresses: &[(SocketAddr, bool)]) -> Result<Vec<Bound>, StartError> {
    addresses.iter().map(|(address, has_tls)| Ok((listen(*address)?, *has_tls))).collect()
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections of a predecessor that still linger do not keep the port from us.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(LISTEN_BACKLOG)
    };
    open().map_err(|error| StartError::Listen { address, error })
}
