//! Certificates that follow, ours and the servers': exchanged by telempost-identity, daily, while something is delivered.

use super::{TrustFiles, identity_program};
use crate::settings::ClientCertificate;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use telemetry_trust::paths::{EXCHANGED_FILE, NEXT_CERTIFICATE_FILE};

/// How often the program looks what is due: what failed is tried again so often.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Between two starts of it, whatever it leaves.
const PAUSE: Duration = Duration::from_secs(60);

/// The process that exchanges certificates, while it runs.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Renewal {
    child: Option<Child>,
    started: Option<Instant>,
}

impl Renewal {
    /// Starts the process if it is due.
    pub(in crate::exchange) fn begin_if_due(&mut self, trust: &TrustFiles, now: Instant) {
        let is_paused = self.started.is_some_and(|started| now < started + PAUSE);
        if self.child.is_some() || is_paused || !trust.is_exchange_due() {
            return;
        }
        self.started = Some(now);
        let program = identity_program();
        let child = Command::new(&program)
            .arg("exchange")
            .arg(&trust.identity_dir)
            .arg("--trusted")
            .arg(&trust.trusted)
            .args(&trust.peers)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => self.child = Some(child),
            Err(error) => log::error!("{}: {error}; certificates are not exchanged", program.display()),
        }
    }

    /// Waits for it, if it has ended.
    pub(in crate::exchange) fn reap(&mut self) {
        if let Some(child) = &mut self.child
            && !matches!(child.try_wait(), Ok(None))
        {
            self.child = None;
        }
    }
}

impl Drop for Renewal {
    /// What it was at is done by the next one.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl TrustFiles {
    /// Whether the program has something to do: it has not run for a while, or not since there is a next certificate.
    fn is_exchange_due(&self) -> bool {
        if self.peers.is_empty() || self.client_certificate == ClientCertificate::Never {
            return false;
        }
        let modified = |name| std::fs::metadata(self.identity_dir.join(name)).ok()?.modified().ok();
        let Some(exchanged) = modified(EXCHANGED_FILE) else { return true };
        // A time that is still to come is none: the clock was set back since.
        let is_fresh = SystemTime::now().duration_since(exchanged).is_ok_and(|age| age < INTERVAL);
        !is_fresh || modified(NEXT_CERTIFICATE_FILE).is_some_and(|next| next > exchanged)
    }
}
