//! The servers of the configuration that are trusted by fingerprint: each is looked at, without showing or sending anything.

use super::ABOUT;
use crate::doctor::finding::Finding;
use crate::settings::Settings;
use crate::trust::{Seen, look};
use std::collections::BTreeSet;
use telemetry_trust::{Fingerprint, ServerAddress, TrustList};

pub(super) fn check(settings: &Settings, list: &TrustList, opted_in: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for server in settings.servers.iter().chain(&settings.copies) {
        let url = &server.url;
        if url.is_empty() {
            continue;
        }
        if !seen.insert(url.with_password().to_owned()) {
            findings.push(Finding::warning(
                ABOUT,
                format!("{url} stands twice in `server` and `server_copy`"),
                "remove one of them: it would not help where the other does not",
            ));
            continue;
        }
        let Some(address) = ServerAddress::of_https_url(url.with_password()) else {
            if !list.certificates().is_empty() {
                findings.push(Finding::warning(
                    ABOUT,
                    format!("{url} is spoken with in the clear, though certificates are listed"),
                    "give it as https:// in `server`",
                ));
            }
            continue;
        };
        let trusted: Vec<_> = list.of_server(&address).iter().map(|line| line.fingerprint).collect();
        if opted_in && !trusted.is_empty() {
            findings.extend(judge(
                &address,
                &trusted,
                &look(&address).map_err(|failure| failure.to_string()),
            ));
        }
    }
    findings
}

fn judge(server: &ServerAddress, trusted: &[Fingerprint], seen: &Result<Seen, String>) -> Option<Finding> {
    match seen {
        Err(reason) if reason.contains("no TLS") => Some(Finding::error(
            ABOUT,
            reason.clone(),
            "check the port, and that the server speaks TLS there",
        )),
        Err(reason) if reason.contains("no key or cipher suite") => Some(Finding::error(
            ABOUT,
            reason.clone(),
            "give the server a key of ECDSA on P-256, and TLS 1.3",
        )),
        // Whether anybody is there is said of the server.
        Err(_) => None,
        Ok(Seen { fingerprint, .. }) if !trusted.contains(fingerprint) => {
            let known: Vec<_> = trusted.iter().map(ToString::to_string).collect();
            Some(Finding::error(
                ABOUT,
                format!(
                    "{server} has another certificate than the trusted one: {fingerprint} for {}",
                    known.join(", ")
                ),
                format!(
                    "if its administrator says so, `telemctl trust {server} --fingerprint {fingerprint}`"
                ),
            ))
        }
        Ok(Seen { speaks_tls13: false, .. }) => Some(Finding::warning(
            ABOUT,
            format!("{server} speaks TLS 1.2 alone, in which this machine's certificate is not shown"),
            "let the server speak TLS 1.3; until then it cannot know this machine",
        )),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn what_was_seen_of_a_server_is_judged() {
        let server: ServerAddress = "h:443".parse().unwrap();
        let [a, b] = [&b"a"[..], b"b"].map(Fingerprint::of_der);
        let seen = |fingerprint, speaks_tls13| Ok(Seen { fingerprint, speaks_tls13 });
        let judge = |seen| judge(&server, &[a], &seen);
        assert_eq!(judge(seen(a, true)), None);
        assert_eq!(judge(Err("h:443: connection refused".to_owned())), None);
        let remedy = format!("`telemctl trust h:443 --fingerprint {b}`");
        assert_finding(&judge(seen(b, true)).unwrap(), Level::Error, &remedy);
        assert_finding(&judge(seen(a, false)).unwrap(), Level::Warning, "TLS 1.2 alone");
        assert_finding(&judge(Err("h:443: no TLS: x".to_owned())).unwrap(), Level::Error, "no TLS");
        let text = "h:443: the server has no key or cipher suite that is supported here; x";
        assert_finding(&judge(Err(text.to_owned())).unwrap(), Level::Error, "a key of ECDSA on P-256");
    }
}
