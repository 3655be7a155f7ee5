//! The daemon: it starts, serves, samples, reloads, and ends on a signal, when consent is gone, or when its socket can
//! start it again.

use crate::cli::Audience;
use crate::error::DaemonError;
use crate::parameters::Parameters;
use crate::serve;
use crate::shared::Shared;
use crate::sockets;
use crate::ticks::Ticks;
use crate::trust::{self, Trust};
use std::future::pending;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_runtime::consent_watch::{self, ConsentWatch};
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::{program_text, readiness};
use telempull_answers::access::{Caller, Extent, Names, Way};
use telempull_answers::fields::Fields;
use telempull_answers::gatherer::{Gatherer, Lists, ReadLists};
use telempull_answers::json;
use telempull_answers::settings::{SERVICE, Settings};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, sleep_until};
use tokio_rustls::TlsAcceptor;

/// How long connections have to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until it ends.
///
/// # Errors
/// It could not start; without consent, too.
pub fn run(config_file: Option<&Path>) -> Result<(), DaemonError> {
    let settings = Settings::load(config_file)?;
    consent::check(&settings.etc_dir).map_err(ProcessError::from)?;
    let sockets = sockets::open(&settings)?;
    let _lock = InstanceLock::acquire(&settings.run_dir, SERVICE).map_err(ProcessError::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .map_err(ProcessError::system("a runtime"))?;
    LocalSet::new().block_on(&runtime, serve(config_file, settings, sockets))
}

async fn serve(
    config_file: Option<&Path>,
    settings: Settings,
    mut sockets: sockets::Sockets,
) -> Result<(), DaemonError> {
    let system = ProcessError::system("signals");
    let mut hangups = signal(SignalKind::hangup()).map_err(&system)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(&system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(&system)?;
    let watch =
        ConsentWatch::new(&settings.etc_dir).map_err(ProcessError::consent_watch(&settings.etc_dir))?;
    // The events of inotify are read as the bytes of a pipe are; what they say is of no account.
    let changes =
        watch.as_fd().try_clone_to_owned().and_then(Receiver::from_owned_fd_unchecked).map_err(&system)?;
    let trust = Arc::new(Trust::new(&settings));
    let (tls, own) = trust::config(&settings.state_dir, Arc::clone(&trust))?;
    let fingerprint = own.fingerprint();
    let shared = Rc::new(Shared::new(settings, trust, own));
    for listener in std::mem::take(&mut sockets.listeners) {
        spawn_local(serve::accept(Rc::clone(&shared), listener, TlsAcceptor::from(Arc::clone(&tls))));
    }
    spawn_local(sample(Rc::clone(&shared)));
    readiness::ready();
    log::info!("answers those who ask; its certificate has the fingerprint {fingerprint}");
    program_text::give_back();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangups.recv() => reload(config_file, &shared),
            _ = changes.readable() => {
                while changes.try_read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
                if let Err(reason) = consent::check(&shared.settings().etc_dir) {
                    consent_watch::log_end(&reason);
                    break;
                }
            }
            () = idle(&shared, sockets.are_passed) => break,
        }
    }
    end(&shared).await;
    Ok(())
}

/// Takes the file's settings. Sockets stay as they are.
fn reload(config_file: Option<&Path>, shared: &Shared) {
    readiness::reloading();
    match Settings::load(config_file) {
        Ok(settings) => {
            let before = shared.settings();
            if (&before.listen, &before.local) != (&settings.listen, &settings.local) {
                log::warn!("pull_listen or pull_local is another; `telemctl restart` makes it hold");
            }
            shared.obey(settings);
            log::info!("the configuration is read again");
        }
        Err(error) => log::error!("{error}; the settings from before stay in force"),
    }
    readiness::ready();
}

/// Takes a value into the windows whenever one is due; nothing wakes while no owner is set.
async fn sample(shared: Rc<Shared>) {
    let mut ticks = Ticks::new();
    loop {
        let settings = shared.settings();
        if settings.member.is_none() {
            // A reload may set one.
            return again(shared).await;
        }
        shared.readings.sample();
        ticks.wait(settings.sample_interval).await;
    }
}

/// Waits for an owner without a clock.
async fn again(shared: Rc<Shared>) {
    let mut changes = shared.changes();
    while shared.settings().member.is_none() {
        if changes.changed().await.is_err() {
            return;
        }
    }
    Box::pin(sample(shared)).await;
}

/// Ends when nobody has asked for a while, where the next who comes starts the daemon again. The windows keep it.
async fn idle(shared: &Shared, are_passed: bool) {
    loop {
        let settings = shared.settings();
        let (Some(time), true) = (settings.idle_time, are_passed && settings.member.is_none()) else {
            return pending().await;
        };
        match shared.idle_since() {
            Some(since) if since.elapsed() >= time => return,
            Some(since) => sleep_until((since + time).into()).await,
            None => sleep(time).await,
        }
    }
}

/// Answers that are on their way still go.
async fn end(shared: &Shared) {
    readiness::stopping();
    shared.stopping.send_replace(true);
    let deadline = Instant::now() + FAREWELL;
    while shared.idle_since().is_none() && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    let settings = shared.settings();
    if settings.member.is_some()
        && consent::is_opted_in(&settings.etc_dir)
        && let Err(error) = shared.readings.save_window(&settings.run_dir)
    {
        log::warn!("{}: {error}; the windows of the last hour begin anew", settings.run_dir.display());
    }
}

/// Prints what somebody would be answered.
///
/// # Errors
/// The configuration cannot be used, or nothing can be written.
pub fn preview(
    config_file: Option<&Path>,
    audience: Audience,
    out: &mut dyn Write,
) -> Result<(), DaemonError> {
    let settings = Settings::load(config_file)?;
    let mut parameters = Parameters::default();
    let central = parameters.central(&settings).cloned();
    if !settings.is_on() {
        log::warn!("pull_listen and pull_local are empty: nobody is answered");
    }
    if audience == Audience::Central && central.is_none() {
        log::warn!("no monitoring-params.xml names a central client: role=pull gets this");
    }
    let names =
        Names { owner: settings.member.as_ref(), central: central.as_ref(), is_limited: settings.is_limited };
    let lists = Lists { has_packages: true, has_processes: true };
    let mut gatherer = Gatherer::new(None);
    gatherer.take(ReadLists::read(lists));
    let environment = gatherer.environment(&settings, lists);
    let extent = match audience {
        Audience::Read => Extent::Everything,
        Audience::Owner => Extent::Everything,
        Audience::Central => Caller::by_password().extent(Way::Environment, &names),
    };
    let text = if audience == Audience::Read {
        environment.open_metrics().into_bytes()
    } else {
        let all = Fields::of_query(
            "fields=operating_system,readings,windows,sensors,checks,certificates,packages,processes",
        );
        json::text(&environment, settings.server().as_ref(), extent, &all)
    };
    out.write_all(&text).and_then(|()| out.flush()).map_err(DaemonError::Output)
}
