//! Puts the parts together: socket, database, server; and takes them down in the other order.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Options, Served};
use crate::commands;
use crate::limits::LISTEN_BACKLOG;
use crate::purge::purge_daily;
use crate::server::{Times, serve};
use crate::setup::SetupError;
use crate::storage::{ExportError, OpenError, StorageError, Store};
use crate::transfer::ImportError;
use crate::web::{App, router};

/// Why the collector did not start. It has not answered any request.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's word on it.
        error: io::Error,
    },
    /// The database cannot be used.
    Database(OpenError),
    /// The database was there, and is no more.
    Storage(StorageError),
    /// An export did not come to its end.
    Export(ExportError),
    /// An import did not come to its end.
    Import(ImportError),
    /// A setup did not come to its end.
    Setup(SetupError),
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
            Self::Listen { address, error } => {
                let remedy = match error.kind() {
                    io::ErrorKind::AddrInUse => "stop the program that has it, or give another --listen",
                    io::ErrorKind::PermissionDenied => "ports under 1024 need a right; give another --listen",
                    _ => "give an address of this machine as --listen",
                };
                write!(f, "cannot listen on {address}: {error}; {remedy}")
            }
            Self::Database(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
            Self::Import(error) => error.fmt(f),
            Self::Setup(error) => error.fmt(f),
            Self::Template(error) => write!(f, "cannot read the page's template: {error}"),
            Self::System { what, error } => write!(f, "cannot use {what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Runs the collector until SIGTERM or SIGINT, or the command that is given in its place.
///
/// # Errors
/// If it cannot start. Once it listens it does not fail as a whole.
pub fn run(options: Options) -> Result<(), StartError> {
    match &options.command {
        None => collect(&options),
        Some(command) => commands::run(command),
    }
}

fn collect(options: &Options) -> Result<(), StartError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system("threads"))?;
    // The address first: a collector that cannot have it leaves no new database behind.
    let listener = runtime.block_on(async { listen(options.listen) })?;
    let bound = listener.local_addr().map_err(system("the socket"))?;
    let database = options.database.address().map_err(StartError::Database)?;
    let writes = options.serve != Served::Pages;
    let engine = if writes { database.open() } else { database.open_reading() };
    let (store, owner) =
        Store::start(engine.map_err(StartError::Database)?, writes).map_err(StartError::Storage)?;

    let result = runtime.block_on(async {
        // Before the line on stdout: who reads it may send a signal at once.
        let stop = stop_signal().map_err(system("signals"))?;
        let app =
            App::new(store.clone(), &options.tid, options.host.clone()).map_err(StartError::Template)?;
        // Scripts wait for this line and read the port from it.
        print(&format!("telem-collector: listening on http://{bound}\n"))?;
        // Nobody asked, or the one who did is not there: no reason to stop.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let purging = writes.then(|| tokio::spawn(purge_daily(store.clone(), options.keep.rules())));
        let router = router(Arc::new(app), options.serve, Times::DEFAULT.request);
        serve(listener, router, Times::DEFAULT, stop).await;
        if let Some(purging) = purging {
            purging.abort();
        }
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

/// Prints to stdout at once.
pub(crate) fn print(text: &str) -> Result<(), StartError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(system("stdout"))
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::System { what, error }
}
