//! Puts the parts together: socket, database, server; and takes them down in the other order.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Options;
use crate::limits::LISTEN_BACKLOG;
use crate::purge::purge_daily;
use crate::retention::{Retention, RuleError};
use crate::server::{Times, serve};
use crate::store::{OpenError, Store};
use crate::web::{App, router};

/// Why the collector did not start. It has not answered any request.
#[derive(Debug)]
pub enum StartError {
    /// Two retention rules contradict each other.
    Rules(RuleError),
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's word on it.
        error: io::Error,
    },
    /// The database cannot be used.
    Database(OpenError),
    /// The page's template is broken.
    Template(minijinja::Error),
    /// Threads, signals or stdout are not to be had.
    System {
        /// Which of them.
        what: &'static str,
        /// The system's word on it.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules(error) => error.fmt(f),
            Self::Listen { address, error } => {
                let remedy = match error.kind() {
                    io::ErrorKind::AddrInUse => "stop the program that has it, or give another --listen",
                    io::ErrorKind::PermissionDenied => "ports under 1024 need a right; give another --listen",
                    _ => "give an address of this machine as --listen",
                };
                write!(f, "cannot listen on {address}: {error}; {remedy}")
            }
            Self::Database(error) => error.fmt(f),
            Self::Template(error) => write!(f, "cannot read the page's template: {error}"),
            Self::System { what, error } => write!(f, "cannot use {what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Runs the collector until SIGTERM or SIGINT.
///
/// # Errors
/// If it cannot start. Once it listens it does not fail as a whole.
pub fn run(options: Options) -> Result<(), StartError> {
    let rules =
        Retention::new(options.keep_days, options.keep, options.keep_severity).map_err(StartError::Rules)?;
    let system = |what| move |error| StartError::System { what, error };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system("threads"))?;
    // The address first: a collector that cannot have it leaves no new database behind.
    let listener = runtime.block_on(async { listen(options.listen) })?;
    let bound = listener.local_addr().map_err(system("the socket"))?;
    let (store, owner) = Store::open(&options.database).map_err(StartError::Database)?;

    let result = runtime.block_on(async {
        // Before the line on stdout: who reads it may send a signal at once.
        let stop = stop_signal().map_err(system("signals"))?;
        let app = App::new(store.clone(), &options.tid).map_err(StartError::Template)?;
        announce(bound).map_err(system("stdout"))?;
        // Nobody asked, or the one who did is not there: no reason to stop.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let purging = tokio::spawn(purge_daily(store.clone(), rules));
        serve(listener, router(Arc::new(app), Times::DEFAULT.request), Times::DEFAULT, stop).await;
        purging.abort();
        Ok(())
    });
    runtime.block_on(store.close());
    owner.join();
    result
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

/// A future that is done once SIGTERM or SIGINT arrives. From this call on neither kills the process.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The one line on stdout, which scripts wait for and read the port from.
fn announce(bound: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "telem-collector: listening on http://{bound}")?;
    stdout.flush()
}
