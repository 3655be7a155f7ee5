//! What the kinds measure, each in a child that ends: any of these may hang.

mod connection;
pub mod http;
mod tls;

use connection::Connection;

use crate::definition::{CertificateOf, Definition, DeliveryMeasure, DiskMeasure, FileMeasure, Kind};
use crate::result::Measured;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_sensors::{Source, certificates, values};
use telemetry_store::check_states::State;
use telemetry_store::delivery_status::DeliveryStatus;

/// What is searched for programs that plugins and we start by their names.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const DAY_SECS: f64 = 86_400.0;

/// Measures; the error is a line for people, and the state then unknown.
pub(crate) fn measure(definition: &Definition, state_dir: &Path) -> Result<Measured, String> {
    let source = Source::machine();
    match &definition.kind {
        Kind::Unit(unit) => unit_state(unit),
        Kind::Process(name) => {
            let count = values::processes_named(&source, name).map_err(|error| error.to_string())?;
            let measured = Measured::value(count as f64, format!("{count} processes {name}"));
            Ok(or_critical(measured, count == 0 && has_no_range(definition)))
        }
        Kind::Tcp(address) => tcp(address, definition.timeout),
        Kind::Http { url, status, text } => http::get(url, *status, text.as_deref(), definition.timeout),
        Kind::File(path, measure) => file(path, *measure, definition),
        Kind::Disk(path, measure) => {
            let percent = values::free_percent(path, *measure == DiskMeasure::Inodes);
            let percent = percent.map_err(|error| format!("{}: {error}", path.display()))?;
            let of = if *measure == DiskMeasure::Inodes { "inodes " } else { "" };
            Ok(Measured::value(percent, format!("{}: {percent:.1}% {of}free", path.display())))
        }
        Kind::Memory => {
            let percent = values::memory_available_percent(&source).map_err(|error| error.to_string())?;
            Ok(Measured::value(percent, format!("{percent:.1}% of memory available")))
        }
        Kind::Swap => Ok(match values::swap_free_percent(&source).map_err(|error| error.to_string())? {
            Some(percent) => Measured::value(percent, format!("{percent:.1}% of swap free")),
            None => Measured::verdict(State::Ok, "no swap"),
        }),
        Kind::Load => {
            let load = values::load_per_processor(&source).map_err(|error| error.to_string())?;
            Ok(Measured::value(load, format!("load {load:.2} a processor")))
        }
        Kind::Certificate(of) => certificate(of, definition),
        Kind::Delivery(measure) => delivery(*measure, state_dir),
        Kind::Plugin(_) => Err("is a plugin".to_owned()),
    }
}

fn has_no_range(definition: &Definition) -> bool {
    definition.warning.is_none() && definition.critical.is_none()
}

fn or_critical(measured: Measured, is_critical: bool) -> Measured {
    if is_critical { Measured { verdict: Some(State::Critical), ..measured } } else { measured }
}

fn unit_state(unit: &str) -> Result<Measured, String> {
    let output = Command::new("systemctl")
        .args(["is-active", "--", unit])
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("systemctl: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let text = format!("{unit} is {}", said.trim());
    match said.trim() {
        "active" => Ok(Measured { value: Some(1.0), ..Measured::verdict(State::Ok, text) }),
        "failed" => Ok(Measured { value: Some(0.0), ..Measured::verdict(State::Critical, text) }),
        "" => Err("systemctl says nothing".to_owned()),
        _ => Ok(Measured { value: Some(0.0), ..Measured::verdict(State::Warning, text) }),
    }
}

fn tcp(address: &str, timeout: Duration) -> Result<Measured, String> {
    let begun = Instant::now();
    match Connection::open(address, timeout) {
        Ok(_) => {
            let seconds = begun.elapsed().as_secs_f64();
            Ok(Measured::value(seconds, format!("{address} answers in {seconds:.3} s")))
        }
        Err(error) => Ok(Measured::verdict(State::Critical, format!("{address}: {error}"))),
    }
}

fn file(path: &Path, measure: FileMeasure, definition: &Definition) -> Result<Measured, String> {
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let measured =
                Measured { value: Some(0.0), text: format!("{shown} is not there"), ..Measured::default() };
            return Ok(or_critical(measured, measure != FileMeasure::Exists || has_no_range(definition)));
        }
        Err(error) => return Err(format!("{shown}: {error}")),
    };
    Ok(match measure {
        FileMeasure::Exists => Measured::value(1.0, format!("{shown} is there")),
        FileMeasure::Size => {
            Measured::value(metadata.len() as f64, format!("{shown} has {} bytes", metadata.len()))
        }
        FileMeasure::Age => {
            let changed = metadata.modified().map_err(|error| format!("{shown}: {error}"))?;
            let age = SystemTime::now().duration_since(changed).unwrap_or_default().as_secs_f64();
            Measured::value(age, format!("{shown} was changed {age:.0} s ago"))
        }
    })
}

fn certificate(of: &CertificateOf, definition: &Definition) -> Result<Measured, String> {
    let (shown, end) = match of {
        CertificateOf::Server(address) => (address.clone(), tls::end_of(address, definition.timeout)?),
        CertificateOf::File(path) => {
            let shown = path.display().to_string();
            let (found, faults) = certificates::list(std::slice::from_ref(&shown));
            if let Some((path, error)) = faults.into_iter().next() {
                return Err(format!("{path}: {error}"));
            }
            let end = found.iter().map(|certificate| certificate.not_after_unix_secs).min();
            (shown, end.ok_or("has no certificate")?)
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let days = (end as f64 - now) / DAY_SECS;
    let text = if days < 0.0 {
        format!("{shown} ended {:.1} days ago", -days)
    } else {
        format!("{shown} ends in {days:.1} days")
    };
    Ok(or_critical(Measured::value(days, text), days < 0.0))
}

fn delivery(measure: DeliveryMeasure, state_dir: &Path) -> Result<Measured, String> {
    let status = DeliveryStatus::read(state_dir).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let status = status.ok_or("nothing was ever delivered")?;
    let age = |moment: u64| now.saturating_sub(moment);
    match measure {
        DeliveryMeasure::Last => {
            let age = age(status.last_delivered_unix_secs.ok_or("nothing was ever delivered")?);
            Ok(Measured::value(age as f64, format!("the last delivery was {age} s ago")))
        }
        DeliveryMeasure::Oldest => {
            let waiting = status.waiting_records.ok_or("what waits was never counted")?;
            let age = status.oldest_waiting_unix_secs.filter(|_| waiting > 0).map_or(0, age);
            Ok(Measured::value(age as f64, format!("{waiting} records wait, the oldest for {age} s")))
        }
    }
}
