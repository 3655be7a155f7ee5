//! The loop: it waits for new lines, signals and the withdrawal of consent, and for nothing else.

use super::device::{self, Device};
use super::follow::Follower;
use super::position::PROBE;
use crate::log::Privacy;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::{ClockId, clock_gettime};
use std::io;
use std::os::fd::AsFd;
use std::time::SystemTime;
use telemetry::Client;
use telemetry_config::consent::opt_in_path;
use telemetry_outbox::{ProbeSettings, ProbeState, SendStatus};
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::privileges::give_up_root_for_probe;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::{Signal, Signals};

/// Records that are read before anything else is attended to.
const RECORDS_A_TURN: usize = 4096;

type Error = Box<dyn std::error::Error>;

/// Follows the log until a signal or the withdrawal of consent.
///
/// # Errors
/// The log cannot be read, the state cannot be written, or another klogscanner runs.
pub(super) fn run(client: &Client, settings: &ProbeSettings, privacy: Privacy) -> Result<(), Error> {
    // Which needs root's rights, and nothing behind it does.
    let mut device = Device::open().map_err(|error| cannot_read(&error))?;
    give_up_root_for_probe(&settings.state_dir, &settings.run_dir, &[])?;
    let signals = Signals::watch()?;
    let consent = ConsentWatch::new(&settings.etc_dir)?;
    let _lock = InstanceLock::acquire(&settings.run_dir, PROBE)?;
    let state = ProbeState::open(&settings.state_dir, PROBE)?;
    let mut follower = Follower::new(state, &boot_id()?, privacy, consent_us(settings)?);
    readiness::ready();
    loop {
        read(&mut device, &mut follower)?;
        follower.pause(now_ms()?);
        let status = follower.state.send_waiting(client, settings.record_paths(), now_ms()?)?;
        if status == SendStatus::NoConsent || has_withdrawn_consent(client)? {
            log::info!("telemetry is not opted in any more");
            return Ok(follower.state.forget()?);
        }
        wait(&device, &signals, &consent, follower.next_due_ms())?;
        consent.drain();
        if std::iter::from_fn(|| signals.next()).any(|signal| signal == Signal::Stop) {
            break;
        }
    }
    readiness::stopping();
    end(&mut device, &mut follower, client, settings)
}

/// # Errors
/// Consent cannot be seen, which is no decision: what was found is kept.
fn has_withdrawn_consent(client: &Client) -> Result<bool, telemetry::Error> {
    match client.check_consent() {
        Err(error) if error.is_about_consent() => Ok(true),
        checked => checked.map(|()| false),
    }
}

fn read(device: &mut Device, follower: &mut Follower) -> Result<(), Error> {
    let now_ms = now_ms()?;
    for _ in 0..RECORDS_A_TURN {
        match device.next().map_err(|error| cannot_read(&error))? {
            Some(record) => follower.take(record, now_ms),
            None => break,
        }
    }
    Ok(())
}

/// What is held or half read is reported now: it may be the machine that stops.
fn end(
    device: &mut Device,
    follower: &mut Follower,
    client: &Client,
    settings: &ProbeSettings,
) -> Result<(), Error> {
    read(device, follower)?;
    follower.finish(now_ms()?);
    follower.state.settle_all();
    follower.state.send_waiting(client, settings.record_paths(), u64::MAX)?;
    Ok(follower.state.save()?)
}

fn wait(
    device: &Device,
    signals: &Signals,
    consent: &ConsentWatch,
    due_ms: Option<u64>,
) -> Result<(), Error> {
    let readable = PollFlags::POLLIN;
    let mut sources = [device.as_fd(), signals.as_fd(), consent.as_fd()].map(|fd| PollFd::new(fd, readable));
    let timeout = match due_ms {
        None => PollTimeout::NONE,
        Some(due_ms) => {
            let left_ms = i32::try_from(due_ms.saturating_sub(now_ms()?)).unwrap_or(i32::MAX);
            PollTimeout::try_from(left_ms)?
        }
    };
    match poll(&mut sources, timeout) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The clock of the log's stamps.
fn now_ms() -> Result<u64, Error> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let (secs, nanos) = (u64::try_from(now.tv_sec())?, u64::try_from(now.tv_nsec())?);
    Ok(secs * 1000 + nanos / 1_000_000)
}

/// When consent was given, by the clock of the log; 0 if that was in an earlier boot, or the clock was set since.
fn consent_us(settings: &ProbeSettings) -> Result<u64, Error> {
    let given = std::fs::metadata(opt_in_path(&settings.etc_dir))?.modified()?;
    let Ok(since) = SystemTime::now().duration_since(given) else { return Ok(0) };
    Ok((now_ms()? * 1000).saturating_sub(u64::try_from(since.as_micros())?))
}

fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn cannot_read(error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "; it is for root, or a service with the capability CAP_SYSLOG",
        _ => "",
    };
    format!("{}: {error}{remedy}", device::PATH)
}
