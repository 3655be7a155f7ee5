//! The certificate that is shown, and the one that is to follow it: announced to those who ask at `/v3/identity`, and shown once
//! all have had it for a day. No clock is needed for that: whoever connects has the files looked at first.

use super::identity;
use super::lists::Trust;
use crate::error::DaemonError;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_tls::{OwnKey, Renewal, RenewalFiles, Stamp, stamp};
use telemetry_trust::paths::{ANNOUNCED_FILE, NEXT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE, identity_dir};
use telemetry_trust::{Announcement, Fingerprint, Has};
use telempull_answers::settings::SERVICE;

const FILES: RenewalFiles =
    RenewalFiles { present: SERVER_CERTIFICATE_FILE, next: NEXT_CERTIFICATE_FILE, announced: ANNOUNCED_FILE };

/// Who we are.
#[derive(Debug)]
pub(crate) struct Own {
    state_dir: PathBuf,
    path: PathBuf,
    shown: Mutex<Shown>,
    renewal: Renewal,
    trust: Arc<Trust>,
}

#[derive(Debug)]
struct Shown {
    own: OwnKey,
    /// How its file was just before it was read.
    stamp: Stamp,
}

impl Own {
    /// By the files below `state_dir`; the certificate is made where there is none.
    ///
    /// # Errors
    /// There is none that can be shown.
    pub(super) fn open(state_dir: &Path, trust: Arc<Trust>) -> Result<Self, DaemonError> {
        let directory = identity_dir(state_dir, SERVICE);
        let path = directory.join(SERVER_CERTIFICATE_FILE);
        // From before it is read: what is written meanwhile is read again.
        let before = stamp(&path);
        let own = identity::ensure(state_dir)?;
        let shown = Mutex::new(Shown { own, stamp: before });
        let renewal = Renewal::new(&directory, FILES);
        let own = Self { state_dir: state_dir.to_owned(), path, shown, renewal, trust };
        own.follow();
        Ok(own)
    }

    /// What those who ask know us by.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.locked().own.fingerprint
    }

    /// What is said of our certificates to a peer, who has the next one or not.
    pub(crate) fn announcement(&self, peer: &Fingerprint, has: Has) -> Announcement {
        self.follow();
        let fingerprint = self.fingerprint();
        let next = self.renewal.following(&fingerprint);
        if let Some(next) = next.filter(|next| has.covers(next))
            && self.renewal.note(&peer.to_string(), next, now_secs())
            && let Err(error) = self.renewal.save()
        {
            // It is announced again then, and takes a day longer.
            log::error!(
                "{}: who has the next certificate cannot be written down: {error}",
                self.path.display()
            );
        }
        Announcement { fingerprint, next }
    }

    /// Takes what the files say, and lets the next certificate take the place of the present one where that is due.
    fn follow(&self) {
        if let Err(fault) = self.renewal.refresh() {
            log::error!("{fault}; no next certificate is announced");
        }
        // Whoever sees that it is time takes the step; all others see it taken.
        if self.renewal.next().is_some() {
            match self.renewal.switch_if_ready(&self.trust.who_asks(), now_secs()) {
                Ok(None) => {}
                Ok(Some(switched)) => {
                    log::info!(
                        "the next certificate, which all who ask have had for a day, is the present one now"
                    );
                    if let Some(caveat) = switched.caveat() {
                        log::error!("{}: {caveat}", self.path.display());
                    }
                }
                Err(fault) => log::error!("{fault}; the certificate from before is shown further"),
            }
        }
        self.read_if_changed();
    }

    fn read_if_changed(&self) {
        let mut shown = self.locked();
        let now = stamp(&self.path);
        if shown.stamp == now {
            return;
        }
        shown.stamp = now;
        match identity::existing(&self.state_dir) {
            Ok(own) if own.fingerprint == shown.own.fingerprint => {}
            Ok(own) => {
                log::info!("the certificate is another one; its fingerprint is {}", own.fingerprint);
                shown.own = own;
            }
            Err(error) => log::error!("{error}; the certificate from before is shown further"),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the one certificate, whatever name is asked for.
impl ResolvesServerCert for Own {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.follow();
        Some(Arc::clone(&self.locked().own.certified))
    }
}

fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use telemetry_config::Configuration;
    use telempull_answers::settings::Settings;

    /// One that has a next certificate, of which this peer has heard; the fingerprint of that; its directory.
    fn with_next(dir: &Path, peer: &Fingerprint) -> (Own, Fingerprint, PathBuf) {
        let root = dir.display();
        let text =
            format!("[settings]\netc_dir={root}/etc\nstate_dir={root}/state\npull_listen=127.0.0.1:1\n");
        let settings = Settings::read(&Configuration::parse(Path::new("/f"), &text).unwrap()).unwrap();
        let list = dir.join("etc/telempulld/trusted_certificates.cfg");
        fs::create_dir_all(list.parent().unwrap()).unwrap();
        fs::write(list, format!("{peer} role=pull\n")).unwrap();
        let own = Own::open(&settings.state_dir, Arc::new(Trust::new(&settings))).unwrap();
        let other = dir.join("other");
        let next = identity::ensure(&other).unwrap().fingerprint;
        let made = identity_dir(&other, SERVICE).join(SERVER_CERTIFICATE_FILE);
        let directory = identity_dir(&settings.state_dir, SERVICE);
        fs::rename(made, directory.join(NEXT_CERTIFICATE_FILE)).unwrap();
        (own, next, directory)
    }

    #[test]
    fn a_certificate_that_is_shown_from_now_on_does_not_follow_itself() {
        let (dir, peer) = (tempfile::tempdir().unwrap(), Fingerprint::of_der(b"peer"));
        let (own, next, directory) = with_next(dir.path(), &peer);
        assert_eq!(own.announcement(&peer, Has::This(None)).next.unwrap().fingerprint, next);
        assert!(!directory.join(ANNOUNCED_FILE).exists(), "it has none");
        assert_eq!(own.announcement(&peer, Has::This(Some(next))).next.unwrap().fingerprint, next);
        assert!(directory.join(ANNOUNCED_FILE).exists());
        // A day passes between the handshake and the request.
        own.renewal.note(&peer.to_string(), own.renewal.next().unwrap(), 1);
        let said = own.announcement(&peer, Has::WhatItHears);
        assert_eq!((said.fingerprint, said.next), (next, None));
        assert!(!directory.join(ANNOUNCED_FILE).exists());
    }

    /// Handshakes and requests look at the files from several threads.
    #[test]
    fn threads_that_see_at_once_that_it_is_time_agree_on_one_certificate() {
        for _ in 0..20 {
            let (dir, peer) = (tempfile::tempdir().unwrap(), Fingerprint::of_der(b"peer"));
            let (own, next, directory) = with_next(dir.path(), &peer);
            own.announcement(&peer, Has::This(None));
            own.renewal.note(&peer.to_string(), own.renewal.next().unwrap(), 1);
            let start = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        let said = own.announcement(&peer, Has::This(None));
                        assert_eq!((said.fingerprint, said.next), (next, None));
                    });
                }
            });
            // Nobody took the step for a failure: a later next one is announced.
            assert!(!directory.join(NEXT_CERTIFICATE_FILE).exists());
            assert_eq!(own.fingerprint(), next);
        }
    }
}
