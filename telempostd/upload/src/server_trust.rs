//! By what the system's servers are trusted, and what is known of their certificates.
//!
//! ```text
//! not pinned          authorities; where they refuse it, a look tells people which certificate it was
//! pinned, not seen    look first: nothing is sent, and no certificate of ours is shown
//! pinned, seen        the key's pin, which libcurl compares at each handshake
//! pin does not fit    look again, before anything else is tried
//! ```

use crate::handle::TrustedBy;
use crate::look::{Look, Seen};
use std::collections::HashMap;
use std::path::PathBuf;
use telemetry_trust::{Fingerprint, Identity, KeyPin, ServerAddress};
use telempost_upload::protocol::{Opening, PostResult};

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Authorities decide.
    Authorities,
    /// The key must have this pin, in the form of libcurl.
    Pin {
        pin: String,
        /// Whether our certificate is shown, if there is one.
        is_shown: bool,
    },
    /// The server's certificate has to be seen first.
    Look(ServerAddress),
}

/// What a look has brought.
#[derive(Debug)]
pub(crate) enum Looked {
    /// The certificate is trusted, and its pin known from now on.
    Trusted,
    /// It is not; or nothing was seen.
    Refused(PostResult),
}

/// Trust in servers.
#[derive(Debug, Default)]
pub(crate) struct ServerTrust {
    trusted: HashMap<ServerAddress, Vec<Fingerprint>>,
    /// Keys that were seen, and whether their server speaks TLS 1.3.
    pins: HashMap<ServerAddress, (KeyPin, bool)>,
    looks: HashMap<ServerAddress, Look>,
    identity_program: PathBuf,
    identity: Option<Vec<u8>>,
    is_shown_to_all: bool,
}

impl ServerTrust {
    /// Of what telempostd says at first. What it does not write so is no trust.
    pub(crate) fn new(opening: Opening) -> Self {
        let trusted = opening.pinned.into_iter().filter_map(|server| {
            let fingerprints = server.fingerprints.iter().filter_map(|text| text.parse().ok()).collect();
            Some((server.address.parse().ok()?, fingerprints))
        });
        Self {
            trusted: trusted.collect(),
            identity_program: opening.identity_program.into(),
            identity: opening.identity,
            is_shown_to_all: opening.is_shown_to_all,
            ..Self::default()
        }
    }

    /// What is to be done with a request to this URL.
    pub(crate) fn decide(&self, url: &str) -> Decision {
        let Some(server) = ServerAddress::of_https_url(url) else { return Decision::Authorities };
        match (self.trusted.contains_key(&server), self.pins.get(&server)) {
            (false, _) => Decision::Authorities,
            (true, Some((pin, speaks_tls13))) => {
                Decision::Pin { pin: pin.to_string(), is_shown: *speaks_tls13 }
            }
            (true, None) => Decision::Look(server),
        }
    }

    /// Our key and certificate, where they are shown to a server that is trusted so.
    pub(crate) fn identity(&self, trusted_by: &TrustedBy) -> Option<&[u8]> {
        let is_shown = match trusted_by {
            TrustedBy::Pin { is_shown, .. } => *is_shown,
            TrustedBy::System | TrustedBy::File(_) => self.is_shown_to_all,
        };
        self.identity.as_deref().filter(|_| is_shown)
    }

    /// What servers know us by, if we have a certificate.
    pub(crate) fn own_fingerprint(&self) -> Option<Fingerprint> {
        let identity = Identity::from_pem(self.identity.clone()?).ok()?;
        Some(identity.fingerprint())
    }

    /// Begins to look at a server, unless that is under way.
    ///
    /// # Errors
    /// It cannot be begun.
    pub(crate) fn look(&mut self, server: &ServerAddress) -> Result<(), String> {
        if !self.looks.contains_key(server) {
            let look = Look::new(&self.identity_program, server).map_err(|error| error.to_string())?;
            self.looks.insert(server.clone(), look);
        }
        Ok(())
    }

    /// The pin of a server did not fit: it is not known any more.
    pub(crate) fn forget_pin(&mut self, server: &ServerAddress) {
        self.pins.remove(server);
    }

    /// What becomes readable when a look ends.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.looks.values().filter_map(Look::descriptor)
    }

    /// The looks that have ended, and what they brought.
    pub(crate) fn take_looked(&mut self) -> Vec<(ServerAddress, Looked)> {
        let mut ended = Vec::new();
        for (server, look) in &mut self.looks {
            if let Some(result) = look.result() {
                ended.push((server.clone(), result));
            }
        }
        ended
            .into_iter()
            .map(|(server, result)| {
                self.looks.remove(&server);
                let looked = self.judge(&server, result);
                (server, looked)
            })
            .collect()
    }

    fn judge(&mut self, server: &ServerAddress, result: Result<Seen, String>) -> Looked {
        let seen = match result {
            Ok(seen) => seen,
            Err(reason) => {
                return Looked::Refused(PostResult::Failed {
                    reason,
                    was_sent: false,
                    is_about_clock: false,
                });
            }
        };
        let trusted = self.trusted.get(server);
        if trusted.is_some_and(|trusted| trusted.contains(&seen.fingerprint)) {
            self.pins.insert(server.clone(), (seen.pin, seen.speaks_tls13));
            return Looked::Trusted;
        }
        Looked::Refused(PostResult::Untrusted {
            server: server.to_string(),
            fingerprint: seen.fingerprint.to_string(),
            reason: refusal(server, &seen.fingerprint, trusted.map_or(&[], Vec::as_slice)),
        })
    }
}

/// Why a certificate is not taken, and the remedy.
fn refusal(server: &ServerAddress, seen: &Fingerprint, trusted: &[Fingerprint]) -> String {
    let remedy = format!("if it is the right one: telemctl trust {server} --fingerprint {seen}");
    match trusted {
        [] => format!("{server} has the certificate {seen}; {remedy}"),
        [known] => {
            format!("{server} has another certificate than the trusted one, {seen} for {known}; {remedy}")
        }
        [known, ..] => format!(
            "{server} has none of the {} certificates that are trusted, but {seen} (the first is {known}); {remedy}",
            trusted.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telempost_upload::protocol::PinnedServer;

    const PIN: &str = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    fn seen(name: &str) -> Result<Seen, String> {
        Ok(Seen { fingerprint: certificate(name), pin: PIN.parse().unwrap(), speaks_tls13: true })
    }

    fn pinned(names: &[&str]) -> ServerTrust {
        let fingerprints = names.iter().map(|name| certificate(name).to_string()).collect();
        ServerTrust::new(Opening {
            pinned: vec![PinnedServer { address: "h:443".to_owned(), fingerprints }],
            identity: Some(b"pem".to_vec()),
            ..Opening::default()
        })
    }

    #[test]
    fn a_pinned_server_is_looked_at_before_anything_is_sent() {
        let mut trust = pinned(&["a", "b"]);
        let server: ServerAddress = "h:443".parse().unwrap();
        assert_eq!(trust.decide("https://H/v2/collector"), Decision::Look(server.clone()));
        assert!(matches!(trust.judge(&server, seen("b")), Looked::Trusted));
        assert_eq!(
            trust.decide("https://h/v2/collector"),
            Decision::Pin { pin: PIN.to_owned(), is_shown: true }
        );
        trust.forget_pin(&server);
        assert_eq!(trust.decide("https://h/v2/collector"), Decision::Look(server));
        for other in ["https://h:8443/", "http://h/", "https://other/"] {
            assert_eq!(trust.decide(other), Decision::Authorities, "{other}");
        }
    }

    #[test]
    fn another_certificate_is_refused_with_both_and_the_remedy() {
        let server: ServerAddress = "h:443".parse().unwrap();
        let mut trust = pinned(&["a"]);
        let Looked::Refused(PostResult::Untrusted { fingerprint, reason, .. }) =
            trust.judge(&server, seen("x"))
        else {
            panic!("it was taken");
        };
        let (a, x) = (certificate("a"), certificate("x"));
        assert_eq!(fingerprint, x.to_string());
        assert_eq!(
            reason,
            format!(
                "h:443 has another certificate than the trusted one, {x} for {a}; if it is the right one: \
                     telemctl trust h:443 --fingerprint {x}"
            )
        );
        assert!(matches!(trust.decide("https://h/"), Decision::Look(_)));
    }

    #[test]
    fn our_certificate_is_shown_over_tls_1_3_to_pinned_servers_unless_all_see_it() {
        let mut trust = pinned(&["a"]);
        let pin = |is_shown| TrustedBy::Pin { pin: PIN.to_owned(), is_shown };
        assert!(trust.identity(&pin(true)).is_some() && trust.identity(&pin(false)).is_none());
        assert!(trust.identity(&TrustedBy::System).is_none());
        trust.is_shown_to_all = true;
        assert!(trust.identity(&pin(false)).is_none() && trust.identity(&TrustedBy::System).is_some());
    }
}
