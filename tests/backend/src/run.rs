//! Puts the parts together: socket, database, server; and takes them down in the other order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Options;
use crate::commands;
use crate::groups_upkeep::keep_groups;
use crate::limits::LISTEN_BACKLOG;
use crate::plugins::{Plugins, Troubles, parse_forever};
use crate::purge::purge_daily;
use crate::served::Served;
use crate::server::{Listening, Times, serve};
use crate::site_rules::{RulesSource, follow_rules};
use crate::start_error::{StartError, print, system};
use crate::storage::postgres::Postgres;
use crate::storage::{Address, Store};
use crate::symbols::{ServerTrouble, Worker};
use crate::trust::{Tls, Trust, TrustError, watch_files};
use crate::web::{App, Extensions, router};

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
    let listeners = runtime.block_on(async { listen_at(&options.addresses()) })?;
    let database = options.database.address().map_err(StartError::Database)?;
    let Trusting { trust, tls } = Trusting::new(options, &database).map_err(StartError::Trust)?;
    let writes = options.serve != Served::Pages;
    let engine = if writes { database.open() } else { database.open_reading() };
    let (store, owner) =
        Store::start(engine.map_err(StartError::Database)?, writes).map_err(StartError::Storage)?;

    let rules = runtime.block_on(RulesSource::begin(options.rules.as_deref(), &store));
    let rules = rules.map_err(StartError::Rules)?;
    let result = runtime.block_on(async {
        // Before the line on stdout: who reads it may send a signal at once.
        let stop = stop_signal().map_err(system("signals"))?;
        let plugins = Arc::new(Plugins::load(options.plugins.as_deref()));
        let troubles = Troubles::default();
        let views = views_store(options, &database, &store)?;
        let extensions = Extensions::new(Arc::clone(&plugins), Arc::clone(&troubles), views);
        let debuginfod = ServerTrouble::default();
        let app = app(options, &database, &store)?.with_debuginfod(Arc::clone(&debuginfod));
        let app = app.with_extensions(extensions).with_trust(Arc::clone(&trust));
        let watching = watch_files(Arc::clone(&trust), tls.clone()).map_err(system("signals"))?;
        let watching = tokio::spawn(watching);
        let sockets = with_tls(listeners, tls.as_ref());
        // Scripts wait for these lines and read the ports from them.
        print(&announcement(&sockets))?;
        // Nobody asked, or the one who did is not there: no reason to stop.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let purging = writes.then(|| tokio::spawn(purge_daily(store.clone(), options.keep.rules())));
        let following = Some(tokio::spawn(follow_rules(store.clone(), rules)));
        let keeping = writes.then(|| tokio::spawn(keep_groups(store.clone(), options.keep.rules())));
        let parsing = writes.then(|| tokio::spawn(parse_forever(store.clone(), plugins, troubles)));
        let naming = naming(options, &store, writes, debuginfod)?;
        let router = router(Arc::new(app), options.serve, Times::DEFAULT.request);
        serve(sockets, router, trust, Times::DEFAULT, stop).await;
        for task in purging.into_iter().chain(following).chain(keeping).chain(parsing).chain([watching]) {
            task.abort();
        }
        if let Some(worker) = naming {
            worker.stop();
        }
        Ok(())
    });
    runtime.block_on(store.close());
    owner.join();
    result
}

fn app(options: &Options, database: &Address, store: &Store) -> Result<App, StartError> {
    let app = App::new(store.clone(), &options.tid, options.host.clone(), options.access.options());
    let app = app.map_err(StartError::App)?.on_database(database.to_string());
    Ok(app.with_rules_file(options.rules.clone()))
}

/// Names frames in the background, where there is anything to name them from.
fn naming(
    options: &Options,
    store: &Store,
    writes: bool,
    trouble: ServerTrouble,
) -> Result<Option<Worker>, StartError> {
    let sources = options.symbols.sources();
    if sources.is_empty() || !writes {
        return Ok(None);
    }
    Worker::start(store.clone(), sources, trouble).map(Some).map_err(system("threads"))
}

/// Where views of --plugins run: SQLite keeps them from all else by itself, PostgreSQL by their login.
fn views_store(options: &Options, database: &Address, store: &Store) -> Result<Option<Store>, StartError> {
    let engine = match (options.views.url().map_err(StartError::Database)?, database) {
        (None, Address::File(_)) => return Ok(Some(store.clone())),
        (None, Address::Postgres(_)) => return Ok(None),
        (Some(url), _) => Postgres::for_views(&url).map_err(StartError::Database)?,
    };
    let (views, _) = Store::start(Arc::new(engine), false).map_err(StartError::Storage)?;
    Ok(Some(views))
}

/// Who is trusted, and TLS where it is spoken.
struct Trusting {
    trust: Arc<Trust>,
    tls: Option<Arc<Tls>>,
}

impl Trusting {
    fn new(options: &Options, database: &Address) -> Result<Self, TrustError> {
        let file = match database {
            Address::File(file) => Some(file.as_path()),
            Address::Postgres(_) => None,
        };
        let speaks_tls = options.addresses().iter().any(|(_, has_tls)| *has_tls);
        let directory = options.trust.identity_directory(file);
        let trust = match (speaks_tls, &options.trust.proxy_certificate_header) {
            (false, None) => Trust::nobody(),
            _ => Trust::new(&options.trust, options.access.options().proxies, directory.as_deref())?,
        };
        let tls = || Tls::new(&options.trust, directory.as_deref(), Arc::clone(&trust));
        let tls = speaks_tls.then(tls).transpose()?.map(Arc::new);
        Ok(Self { trust, tls })
    }
}

/// A socket, and whether TLS is spoken there.
type Bound = (TcpListener, bool);

fn with_tls(listeners: Vec<Bound>, tls: Option<&Arc<Tls>>) -> Vec<Listening> {
    let with = |(socket, has_tls): Bound| Listening { socket, tls: tls.filter(|_| has_tls).cloned() };
    listeners.into_iter().map(with).collect()
}

/// A line for each socket.
fn announcement(sockets: &[Listening]) -> String {
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

fn listen_at(addresses: &[(SocketAddr, bool)]) -> Result<Vec<Bound>, StartError> {
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
