//! `status`: what runs, what waits, what was sent and what went wrong.
//!
//! [`Status`] is gathered without changing anything (no connection is made that would start a daemon), and
//! is shown as [`text`], as JSON or as metrics ([`prometheus`]). A part that cannot be seen says so in its
//! `error`; the rest is shown.

mod checks;
mod copies;
mod counters;
mod crashes;
mod probes;
mod prometheus;
mod pull;
mod socket;
mod spool;
mod text;

use crate::cli::StatusArguments;
use crate::environment;
use crate::exit_code::{Failure, Outcome};
use crate::installation::{DAEMONS, Installation};
use crate::local_time;
use crate::settings::{Environment, Settings};
use checks::CheckCounts;
pub(crate) use copies::CopyStatus;
use counters::CounterStatus;
use crashes::CrashStatus;
pub(crate) use probes::ProbeStatus;
pub(crate) use pull::PullStatus;
use serde::{Serialize, Serializer};
pub(crate) use socket::SocketStatus;
pub(crate) use spool::SpoolStatus;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_config::consent::{self, ConsentError};
use telemetry_config::{ServerApi, ServerUrl, Source};
use telemetry_runtime::instance;
use telemetry_store::delivery_status::{self, DeliveryFault, DeliveryStatus, SpoolFault};
use telemetry_store::forget::{Pending, PendingRequest};
pub(crate) use text::plural;

/// Everything that `status` tells. The names are those of `--json`, documented in `telemctl status --help`;
/// they may grow but do not change. Times are in seconds since the epoch.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) version: &'static str,
    pub(crate) taken_unix_secs: u64,
    pub(crate) config: ConfigStatus,
    pub(crate) consent: Consent,
    #[serde(serialize_with = "as_object")]
    pub(crate) daemons: Vec<DaemonStatus>,
    pub(crate) socket: SocketStatus,
    pub(crate) server: ServerStatus,
    pub(crate) spool: SpoolStatus,
    pub(crate) delivery: Delivery,
    pub(crate) forget: Vec<ForgetStatus>,
    #[serde(serialize_with = "counters::as_object")]
    counters: Vec<CounterStatus>,
    /// Why some of them are not known.
    pub(crate) counters_error: Option<String>,
    pub(crate) crashes: CrashStatus,
    pub(crate) environment: EnvironmentStatus,
    pub(crate) pull: PullStatus,
    pub(crate) checks: CheckCounts,
    #[serde(serialize_with = "probes::as_object")]
    pub(crate) probes: Vec<ProbeStatus>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ConfigStatus {
    #[serde(serialize_with = "crate::json::optional_path")]
    pub(crate) source: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Consent {
    pub(crate) opted_in: bool,
    #[serde(serialize_with = "crate::json::path")]
    pub(crate) file: PathBuf,
    /// Why it cannot be seen, which counts as no.
    pub(crate) error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DaemonStatus {
    #[serde(skip)]
    pub(crate) name: &'static str,
    /// None where it cannot be seen.
    pub(crate) running: Option<bool>,
    pub(crate) pid: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerStatus {
    pub(crate) url: Option<String>,
    pub(crate) api: &'static str,
    pub(crate) delivery_enabled: bool,
    /// All of the list, where there are several.
    pub(crate) list: Vec<ListedServer>,
    /// Who gets each record besides.
    pub(crate) copies: Vec<CopyStatus>,
}

/// A server that is still to forget this machine, after opt-out.
#[derive(Debug, Serialize)]
pub(crate) struct ForgetStatus {
    pub(crate) url: String,
    pub(crate) ids: usize,
    pub(crate) tries: u32,
    pub(crate) next_try_unix_secs: u64,
    pub(crate) until_unix_secs: u64,
    pub(crate) last_result: Option<String>,
}

/// A server of the list.
#[derive(Debug, Serialize)]
pub(crate) struct ListedServer {
    pub(crate) url: String,
    /// Whether records go to it.
    pub(crate) active: bool,
    /// Since when that is so, as far as that is known.
    pub(crate) active_since_unix_secs: Option<u64>,
    /// Tries that failed since the last one that did not.
    pub(crate) failures: u32,
    /// Why it last failed.
    pub(crate) last_failure: Option<String>,
}

/// What is sent of how the machine is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct EnvironmentStatus {
    pub(crate) interval_secs: Option<u64>,
    readings: Vec<&'static str>,
    /// The same in words; none while nothing is sent.
    #[serde(skip)]
    words: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Delivery {
    pub(crate) updated_unix_secs: Option<u64>,
    pub(crate) last_delivered_unix_secs: Option<u64>,
    pub(crate) next_try_unix_secs: Option<u64>,
    pub(crate) last_error: Option<DeliveryFault>,
    pub(crate) spool_fault: Option<SpoolFault>,
    pub(crate) error: Option<String>,
}

/// Prints the status, for people, as JSON or as metrics.
pub(crate) fn run(installation: &Installation, arguments: &StatusArguments, out: &mut dyn Write) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let status = Status::from_installation(installation, now);
    let printed = if arguments.json {
        crate::json::print(&status, out)
    } else if arguments.prometheus {
        prometheus::print(&status, out)
    } else {
        text::print(&status, &local_time::zone(), out)
    };
    printed.map_err(Failure::Output)
}

impl Status {
    /// What can be seen at this time.
    pub(crate) fn from_installation(installation: &Installation, taken_unix_secs: u64) -> Self {
        let settings = &installation.settings;
        let (counters, counters_error) = counters::read(&settings.state_dir);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            taken_unix_secs,
            config: ConfigStatus {
                source: match &installation.source {
                    Source::File(path) => Some(path.clone()),
                    Source::Defaults => None,
                },
                warnings: installation.complaints().collect(),
            },
            consent: Consent::from_etc_dir(&settings.etc_dir),
            daemons: DAEMONS.map(|name| daemon(installation, name)).into(),
            socket: SocketStatus::from_path(&settings.socket_path),
            server: ServerStatus {
                url: Some(&settings.server.url).filter(|url| !url.is_empty()).map(ToString::to_string),
                api: match settings.server.api {
                    ServerApi::V2 => "v2",
                    ServerApi::V3 => "v3",
                },
                delivery_enabled: settings.server_delivery_enabled,
                list: list(settings),
                copies: copies::read(settings, &counters),
            },
            spool: SpoolStatus::from_path(&settings.spool_dir),
            delivery: delivery(installation),
            forget: forget(settings),
            counters,
            counters_error,
            crashes: CrashStatus::from_state_dir(&settings.state_dir),
            environment: EnvironmentStatus::from_settings(&settings.environment),
            pull: PullStatus::from_settings(&settings.pull),
            checks: CheckCounts::from_installation(settings),
            probes: probes::read(&settings.state_dir),
        }
    }
}

impl EnvironmentStatus {
    fn from_settings(settings: &Environment) -> Self {
        Self {
            interval_secs: settings.interval.map(|interval| interval.as_secs()),
            readings: settings.readings.iter().map(|readings| environment::word(*readings)).collect(),
            words: environment::switched_on(settings),
        }
    }
}

impl Consent {
    fn from_etc_dir(etc_dir: &Path) -> Self {
        let checked = consent::check(etc_dir);
        let error = match &checked {
            Err(error @ ConsentError::Unreadable { .. }) => Some(error.to_string()),
            _ => None,
        };
        Self { opted_in: checked.is_ok(), file: consent::opt_in_path(etc_dir), error }
    }
}

fn daemon(installation: &Installation, name: &'static str) -> DaemonStatus {
    match instance::running_pid(&installation.settings.run_dir, name) {
        Ok(pid) => DaemonStatus { name, running: Some(pid.is_some()), pid },
        Err(_) => DaemonStatus { name, running: None, pid: None },
    }
}

fn delivery(installation: &Installation) -> Delivery {
    let state_dir = &installation.settings.state_dir;
    match DeliveryStatus::read(state_dir) {
        Ok(None) => Delivery::default(),
        Ok(Some(status)) => Delivery {
            updated_unix_secs: Some(status.updated_unix_secs),
            last_delivered_unix_secs: status.last_delivered_unix_secs,
            next_try_unix_secs: status.next_try_unix_secs,
            last_error: status.last_error,
            // What is gone by now is over, though no scan met that yet.
            spool_fault: status.spool_fault.filter(|fault| fault.path.symlink_metadata().is_ok()),
            error: None,
        },
        Err(error) => Delivery {
            error: Some(unreadable(&delivery_status::path(state_dir), &error)),
            ..Delivery::default()
        },
    }
}

/// The servers of the list and where records go, where there are several. What was written about another list is not shown.
fn list(settings: &Settings) -> Vec<ListedServer> {
    let urls: Vec<_> = settings.servers.iter().map(|server| server.url.to_string()).collect();
    if urls.len() < 2 {
        return Vec::new();
    }
    let state = DeliveryStatus::read(&settings.state_dir).ok().flatten().and_then(|status| status.failover);
    let state =
        state.filter(|state| state.servers.iter().map(|server| &server.url).eq(&urls)).unwrap_or_default();
    let server = |(place, url): (usize, String)| {
        let known = state.servers.get(place);
        ListedServer {
            url,
            active: place == state.active,
            active_since_unix_secs: state.active_since_unix_secs.filter(|_| place == state.active),
            failures: known.map_or(0, |known| known.failures),
            last_failure: known.and_then(|known| known.last_failure.clone()),
        }
    };
    urls.into_iter().enumerate().map(server).collect()
}

/// The servers that are still to forget this machine. Whoever may not see them sees none.
fn forget(settings: &Settings) -> Vec<ForgetStatus> {
    let pending = Pending::read(&settings.state_dir).ok().flatten().unwrap_or_default();
    let status = |request: PendingRequest| ForgetStatus {
        url: ServerUrl::unchecked(request.url).to_string(),
        ids: request.preimages.len(),
        tries: request.tries,
        next_try_unix_secs: request.next_try_unix_secs,
        until_unix_secs: request.until_unix_secs,
        last_result: request.last_result,
    };
    pending.requests.into_iter().map(status).collect()
}

fn as_object<S: Serializer>(daemons: &[DaemonStatus], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(daemons.iter().map(|daemon| (daemon.name, daemon)))
}

/// What stands in an `error`: the thing, the reason, the remedy.
fn unreadable(path: &Path, error: &io::Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "run this as root",
        ErrorKind::InvalidData => "remove it, and it is made anew",
        ErrorKind::NotADirectory => "correct the path in the configuration, or what stands there",
        _ => "check the file system that it is on",
    };
    format!("{} cannot be read: {error}; {remedy}", path.display())
}
