//! The certificate of this machine, and the next one.

use super::SERVICE;
use crate::cli::IdentityService;
use crate::doctor::finding::Finding;
use crate::identity;
use crate::installation::Installation;
use std::path::Path;
use std::time::{Duration, SystemTime};
use telemetry_files::{bounded_file, open_directory};
use telemetry_trust::paths::{
    ANNOUNCED_FILE, CLIENT_CERTIFICATE_FILE, FINGERPRINT_FILE, NEXT_CERTIFICATE_FILE, identity_dir,
};
use telemetry_trust::{Announced, ServerAddress, Standing, TrustList};

const ABOUT: &str = "identity";

/// Before its end a certificate is reported for so long.
const SOON_SECS: u64 = 60 * 24 * 60 * 60;

/// Within this time servers have a next certificate, where all is well.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) fn check(installation: &Installation, list: &TrustList, now: u64) -> Vec<Finding> {
    let directory = identity_dir(&installation.settings.state_dir, SERVICE);
    let path = directory.join(CLIENT_CERTIFICATE_FILE);
    if path.symlink_metadata().is_err() {
        return Vec::new();
    }
    let mut findings = match identity::examine(installation, IdentityService::Telempostd) {
        Ok(said) => judge(&directory, &said, now),
        Err(failure) => vec![unusable(&path, &failure.to_string())],
    };
    findings.extend(next(installation, &directory, list, now));
    findings
}

fn unusable(path: &Path, fault: &str) -> Finding {
    let shown = path.display();
    let remedy = if fault.contains("others can read") {
        format!("`chmod 0600 {shown}`")
    } else if fault.contains("belongs to") {
        format!("`chown --reference={} {shown}`", path.parent().unwrap_or(path).display())
    } else {
        format!(
            "put the right file there, or remove it (`rm {shown}`): the next start makes another, which servers must trust"
        )
    };
    Finding::error(ABOUT, fault.to_owned(), remedy)
}

/// `said` is `FINGERPRINT END`, the end as `YYYYMMDDhhmmss`.
fn judge(directory: &Path, said: &str, now: u64) -> Vec<Finding> {
    let (fingerprint, end) = said.split_once(' ').unwrap_or((said, ""));
    let digits = |secs: u64| {
        let at = i64::try_from(secs).ok().and_then(|secs| jiff::Timestamp::from_second(secs).ok());
        at.map(|at| at.strftime("%Y%m%d%H%M%S").to_string()).unwrap_or_default()
    };
    let mut findings = Vec::new();
    let renew = "`telemctl identity renew` makes another, and announces it to servers";
    if end < digits(now).as_str() {
        let text =
            "this machine's certificate has ended; servers that trust its fingerprint take it all the same";
        findings.push(Finding::warning(ABOUT, text, renew));
    } else if end < digits(now.saturating_add(SOON_SECS)).as_str() {
        findings.push(Finding::warning(ABOUT, "this machine's certificate ends within 60 days", renew));
    }
    let beside = directory.join(FINGERPRINT_FILE);
    let text = bounded_file::open_regular(&beside).and_then(|file| bounded_file::read_all(&file, 256));
    if !text.is_ok_and(|text| text == format!("{fingerprint}\n").as_bytes()) {
        let text = format!("{} is not the fingerprint of the certificate", beside.display());
        findings.push(Finding::warning(ABOUT, text, "`telemctl identity` puts it right"));
    }
    findings
}

fn next(installation: &Installation, directory: &Path, list: &TrustList, now: u64) -> Option<Finding> {
    let settings = &installation.settings;
    let servers = settings.servers.iter().chain(&settings.copies);
    let peers: Vec<_> = servers
        .filter_map(|server| ServerAddress::of_https_url(server.url.with_password()))
        .filter(|address| !list.of_server(address).is_empty())
        .map(|address| vec![address.to_string()])
        .collect();
    next_of(ABOUT, SERVICE, installation, directory, &peers, now)
}

/// How far the next certificate of a service has come, with these peers; none: there is none.
pub(in crate::doctor) fn next_of(
    about: &'static str,
    service: &str,
    installation: &Installation,
    directory: &Path,
    peers: &[Vec<String>],
    now: u64,
) -> Option<Finding> {
    let made = directory.join(NEXT_CERTIFICATE_FILE).symlink_metadata().ok()?.modified().ok();
    let next = match identity::next(installation, service) {
        Ok(next) => next?,
        Err(failure) => {
            let remedy = format!("`telemctl identity renew --service {service}` makes another");
            return Some(Finding::error(about, failure.to_string(), remedy));
        }
    };
    let announced =
        open_directory(directory).and_then(|directory| Announced::read(&directory, ANNOUNCED_FILE, next));
    let announced = announced.unwrap_or_else(|_| Announced::new(next));
    let standing = announced.standing(peers.iter().map(Vec::as_slice), now);
    let age = made.and_then(|made| SystemTime::now().duration_since(made).ok()).unwrap_or_default();
    let text = format!("the next certificate, {next}: {standing}");
    let is_stuck = match standing {
        Standing::NoPeers => true,
        Standing::Missing(_) => age > ANNOUNCED_WITHIN,
        Standing::Until(_) | Standing::Ready => false,
    };
    Some(if is_stuck {
        let remedy = format!("`telemctl identity renew --now --service {service}` uses it at once");
        Finding::warning(about, text, remedy)
    } else {
        Finding::ok(about, text)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_certificate_is_reported_before_and_after_its_end() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FINGERPRINT_FILE), "F\n").unwrap();
        // 2026-11-27 00:00:00 UTC.
        let judge = |said: &str| judge(dir.path(), said, 1_795_737_600);
        assert_eq!(judge("F 20491231000000"), []);
        assert_finding(&judge("F 20261126235959")[0], Level::Warning, "has ended");
        assert_finding(&judge("F 20261227000000")[0], Level::Warning, "ends within 60 days");
        assert_finding(&judge("G 20491231000000")[0], Level::Warning, "`telemctl identity` puts it right");
    }

    #[test]
    fn each_fault_has_its_remedy() {
        for (fault, remedy) in [
            ("others can read or write it (mode 0644)", "`chmod 0600 /d/f`"),
            ("it belongs to the user with id 7", "`chown --reference=/d /d/f`"),
            ("no private key in PEM", "`rm /d/f`"),
        ] {
            assert_finding(&unusable(Path::new("/d/f"), fault), Level::Error, remedy);
        }
    }
}
