//! Puts the parts together: socket, database, server; and takes them down in the other order.

mod machines;
mod pulling;
mod sockets;
mod syncing;

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Forgetting, Options};
use crate::commands;
use crate::comparisons::{Comparisons, compare_forever};
use crate::forecasts::forecast_forever;
use crate::forget::forget_forever;
use crate::groups_upkeep::keep_groups;
use crate::plugins::{Plugins, Troubles, parse_forever};
use crate::pull::Puller;
use crate::purge::purge_daily;
use crate::samples_upkeep::keep_samples;
use crate::served::Served;
use crate::server::{Times, serve};
use crate::site_rules::{RulesSource, follow_rules};
use crate::start_error::{StartError, print, system};
use crate::storage::postgres::Postgres;
use crate::storage::{Address, Store};
use crate::symbols::{ServerTrouble, Worker};
use crate::trust::{keep_renewal, watch_files};
use crate::web::{App, Extensions, router};
use sockets::{Trusting, announcement, listen_at, with_tls};

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
    let machines = machines::machines(options)?;
    let Trusting { trust, tls } = Trusting::new(options, &database).map_err(StartError::Trust)?;
    let writes = options.serve != Served::Pages;
    let engine = if writes { database.open() } else { database.open_reading() };
    let (engine, buffer) = syncing::with_buffer(options, engine.map_err(StartError::Database)?);
    let sources = syncing::sources(options, &database, &engine, &trust)?;
    let renewal = sources.as_ref().filter(|_| writes).and_then(|(fetching, _)| fetching.renewal());
    let puller = pulling::puller(options, &database, writes, renewal)?;
    let (store, owner) = Store::start(engine, writes).map_err(StartError::Storage)?;

    let rules = runtime.block_on(RulesSource::begin(options.rules.as_deref(), &store, writes));
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
        let app = app.with_extensions(extensions).with_trust(Arc::clone(&trust)).with_tls(tls.clone());
        let app = app.with_buffer(buffer.clone()).with_machines(machines);
        let comparisons = Arc::new(Comparisons::default());
        let app = app.with_rules_trouble(rules.trouble()).with_comparisons(Arc::clone(&comparisons));
        let app = app.with_pulls(puller.as_ref().map(Puller::board).unwrap_or_default());
        let asking = puller.map(|puller| puller.start(store.clone(), database.is_shared())).transpose();
        let asking = asking.map_err(system("signals"))?;
        let watching = watch_files(Arc::clone(&trust), tls.clone()).map_err(system("signals"))?;
        let watching = tokio::spawn(watching);
        let renewal = tls.as_ref().and_then(|tls| tls.renewal().cloned());
        let renewing = renewal.clone().map(|renewal| tokio::spawn(keep_renewal(renewal, Arc::clone(&trust))));
        let sockets = with_tls(listeners, tls.as_ref());
        // Scripts wait for these lines and read the ports from them.
        print(&announcement(&sockets))?;
        // Nobody asked, or the one who did is not there: no reason to stop.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let purging = writes
            .then(|| tokio::spawn(purge_daily(store.clone(), options.keep.rules(), options.samples.keep())));
        let following = Some(tokio::spawn(follow_rules(store.clone(), rules)));
        let keeping = writes.then(|| tokio::spawn(keep_groups(store.clone(), options.keep.rules())));
        let sampling = writes.then(|| tokio::spawn(keep_samples(store.clone(), options.samples.keep())));
        let parsing = writes.then(|| tokio::spawn(parse_forever(store.clone(), plugins, troubles)));
        let naming = naming(options, &store, writes, debuginfod)?;
        let forgetting = writes.then(|| tokio::spawn(forget_forever(store.engine())));
        let forecasting = writes.then(|| tokio::spawn(forecast_forever(store.clone())));
        // Pages show what comes of it.
        let comparing = (options.serve != Served::Intake)
            .then(|| tokio::spawn(compare_forever(store.clone(), comparisons)));
        let syncing = {
            let (buffer, sources) = (buffer.as_ref().filter(|_| writes), sources.filter(|_| writes));
            syncing::start(buffer, sources, &trust, writes.then(|| store.engine()))
        };
        let asking = asking.map(tokio::spawn);
        let router = router(Arc::new(app), options.serve, Times::DEFAULT.request);
        serve(sockets, router, trust, Times::DEFAULT, stop).await;
        for task in purging
            .into_iter()
            .chain(following)
            .chain(keeping)
            .chain(sampling)
            .chain(parsing)
            .chain([watching])
            .chain(syncing)
            .chain(asking)
            .chain(forgetting)
            .chain(renewing)
            .chain(forecasting)
            .chain(comparing)
        {
            task.abort();
        }
        if let Some(worker) = naming {
            worker.stop();
        }
        if let Some(renewal) = renewal {
            renewal.save();
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
    Ok(app.with_rules_file(options.rules.clone()).with_forgetting(options.forget == Forgetting::Accept))
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
