//! First use: the first certificate of a server in a window that a person opened is trusted from then on. It was seen by a
//! handshake in which the server has proven its key, before anything was sent.

use super::TrustFiles;
use std::io;
use telemetry_trust::{BootTime, FirstUse, Learning, ServerAddress, TrustList, Window};

impl TrustFiles {
    /// The servers whose first certificate is still to be seen: a window is open, no file says anything of them, and no
    /// authorities are named.
    pub(super) fn learnable(&self, list: &TrustList) -> Vec<ServerAddress> {
        let unknown: Vec<_> =
            self.servers.iter().filter(|server| list.of_server(server).is_empty()).cloned().collect();
        if self.has_authorities || unknown.is_empty() {
            self.close_window();
            return Vec::new();
        }
        match self.window() {
            Ok(Some(window)) => unknown.into_iter().filter(|server| window.is_open_for(server)).collect(),
            Ok(None) => Vec::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let path = self.identity_dir.display();
                log::error!(
                    "{path}: whether a window of first use is open cannot be seen, so none is: {error}"
                );
                Vec::new()
            }
        }
    }

    fn window(&self) -> io::Result<Option<Window>> {
        self.learning()?.tidy(&BootTime::now()?)
    }

    /// There is nothing left to be learned.
    fn close_window(&self) {
        // Where there is no directory, or no file, there is no window.
        let _ = self.learning().and_then(|learning| learning.close_window());
    }

    /// This certificate of a server was seen, and is not trusted. Returns whether it is from now on, as the first one.
    pub(in crate::exchange) fn learn(&mut self, server: &str, fingerprint: &str) -> bool {
        let (Ok(server), Ok(fingerprint)) = (server.parse::<ServerAddress>(), fingerprint.parse()) else {
            return false;
        };
        if !self.learnable.contains(&server) {
            return false;
        }
        let learn = |learning: Learning| learning.first_use(fingerprint, Some(&server), &BootTime::now()?);
        match self.learning().and_then(learn) {
            Ok(FirstUse::Learned) => {}
            Ok(FirstUse::Closed | FirstUse::Taken(_)) => return false,
            Err(error) => {
                let path = self.identity_dir.display();
                log::error!("{path}: {server} cannot be trusted by first use: {error}");
                return false;
            }
        }
        // Of all the requests that waited for this one look.
        let is_first = !self.seen.is_empty();
        if is_first {
            log::warn!(
                "{server}: the first certificate seen is trusted from now on, {fingerprint}; compare it with what the \
                 server's administrator says, and then: telemctl trust accept {fingerprint}"
            );
        }
        // The upload process is to be given it, though the files were looked at just now.
        self.seen.clear();
        self.looked = None;
        true
    }
}
