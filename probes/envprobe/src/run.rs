//! One run, from the switches to what telemprobd has.

use crate::cli::Envprobe;
use crate::package_list;
use crate::sample;
use crate::settings::Settings;
use crate::state::{self, State};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry::{Client, Record};
use telemetry_config::consent::{self, ConsentError};
use telemetry_config::environment::Readings;
use telemetry_config::{ConfigError, Configuration};
use telemetry_outbox::sending;
use telemetry_record::harmless;
use telemetry_sensors::{Helpers, packages};

const SEVERITY: u32 = 1;

/// Of both payloads.
const PAYLOAD_VERSION: u32 = 1;

/// Why nothing was sent, or not all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody agreed.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// A record cannot be made, or no configuration for sending it be read.
    #[error(transparent)]
    Record(#[from] telemetry::Error),
    /// telemprobd does not have it.
    #[error("{0}")]
    Sending(String),
    /// What is printed is not taken.
    #[error("standard output: {0}")]
    Output(io::Error),
}

/// Texts of one class, which are one event.
struct Report {
    class: &'static str,
    texts: Vec<String>,
}

/// Sends a sample, or prints it.
///
/// # Errors
/// There is no consent, a key is wrong, or the sample cannot be sent or printed.
pub fn run(arguments: &Envprobe, out: &mut dyn Write) -> Result<(), RunError> {
    let file = arguments.config_file.as_deref().map(sending::absolute);
    let configuration = Configuration::load(file.as_deref())?;
    let settings = Settings::read(&configuration)?;
    if arguments.print { print(&settings, out) } else { send(&settings, file.as_deref()) }
}

fn send(settings: &Settings, file: Option<&Path>) -> Result<(), RunError> {
    // A wrong value is an error whether or not somebody agreed.
    let client = sending::client(file)?;
    consent::check(&settings.etc_dir)?;
    if settings.interval.is_none() {
        eprintln!("envprobe: environment_interval is 0, so that nothing is read");
        return Ok(());
    }
    let mut state = State::read(&settings.state_dir);
    let mut helpers = Helpers::new(Some(&settings.run_dir));
    let sample = take_sample(settings, &mut state, &mut helpers, true);
    let sent = deliver(&client, &sample).and_then(|()| send_packages(&client, settings, &mut state));
    // What was sent is sent: the next run has to know, whatever became of the rest.
    if let Err(error) = state.write(&settings.state_dir) {
        eprintln!("envprobe: {}: {error}", state::path(&settings.state_dir).display());
    }
    sent
}

fn take_sample(settings: &Settings, state: &mut State, helpers: &mut Helpers, is_opted_in: bool) -> Report {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Report { class: sample::CLASS, texts: sample::take(settings, state, helpers, is_opted_in, now) }
}

/// The list of packages, and its hash; none where it is not asked for or cannot be read.
fn package_report(settings: &Settings) -> Option<(Report, String)> {
    if !settings.has(Readings::Packages) {
        return None;
    }
    let packages = packages::list().inspect_err(|error| eprintln!("envprobe: packages: {error}")).ok()?;
    let (texts, left_out) = package_list::texts(&packages);
    if left_out > 0 {
        eprintln!("envprobe: {left_out} packages have no room and are left out");
    }
    let hash = package_list::hash(&texts);
    Some((Report { class: package_list::CLASS, texts }, hash))
}

fn send_packages(client: &Client, settings: &Settings, state: &mut State) -> Result<(), RunError> {
    let Some((report, hash)) = package_report(settings) else { return Ok(()) };
    if state.packages_sha256.as_ref() == Some(&hash) {
        return Ok(());
    }
    deliver(client, &report)?;
    state.packages_sha256 = Some(hash);
    Ok(())
}

fn deliver(client: &Client, report: &Report) -> Result<(), RunError> {
    for record in records(report)? {
        sending::send(client, &record).map_err(RunError::Sending)?;
    }
    Ok(())
}

/// Records of one event id and one time of creation.
fn records(report: &Report) -> Result<Vec<Record>, telemetry::Error> {
    let first = Record::new(SEVERITY, report.class, PAYLOAD_VERSION)?;
    let record = |text: &String| {
        let mut record = first.clone();
        record.set_payload(text)?;
        Ok(record)
    };
    report.texts.iter().map(record).collect()
}

/// The records as they would be sent; the state is only read.
fn print(settings: &Settings, out: &mut dyn Write) -> Result<(), RunError> {
    if settings.interval.is_none() {
        eprintln!("envprobe: environment_interval is 0: none of this is sent");
    }
    let mut state = State::read(&settings.state_dir);
    let is_opted_in = consent::is_opted_in(&settings.etc_dir);
    let sample = take_sample(settings, &mut state, &mut Helpers::default(), is_opted_in);
    let packages = package_report(settings).map(|(report, _)| report);
    for report in [Some(sample), packages].into_iter().flatten() {
        for record in records(&report)? {
            let (headers, payload) = (record.headers().as_str(), record.payload().unwrap_or_default());
            write!(out, "{}{}", harmless::lines(headers), harmless::lines(payload))
                .map_err(RunError::Output)?;
        }
    }
    out.flush().map_err(RunError::Output)
}
