//! This collector's own certificates.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use telemetry_files::{bounded_file, open_directory};
use telemetry_tls::OwnKey;
use telemetry_trust::limits::IDENTITY_FILE_BYTES;
use telemetry_trust::paths::FINGERPRINT_FILE;
use telemetry_trust::{Announced, Standing};

use super::Examined;
use super::finding::Finding;
use crate::sync::Source;
use crate::timestamp::{format_utc, now_secs};
use crate::trust::{Kind, LOCAL_IDENTITIES, Lists, local_services, who_connects};

const ABOUT: &str = "identity";

/// Before its end a certificate is reported for so long.
const SOON_SECS: i64 = 60 * 24 * 60 * 60;

/// Within this time peers have a next certificate, where all is well.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Permission bits of anybody but the owner.
const OF_OTHERS: u32 = 0o077;

pub(super) fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let options = examined.options;
    let listens = examined.speaks_tls() && options.trust.certificate.is_none();
    let connects = options.sync.fetches() && options.sync.sync_cert.is_none();
    let kinds = [(Kind::Server, listens), (Kind::Client, connects)];
    let kinds: Vec<Kind> =
        kinds.into_iter().filter(|(_, is_needed)| *is_needed).map(|(kind, _)| kind).collect();
    let Some(directory) = examined.identity_directory() else {
        let text = "there is no database file beside which certificates of our own making could be";
        let missing = || Finding::error(ABOUT, text, "give --identity DIR, or certificates of your own");
        return if kinds.is_empty() { Vec::new() } else { vec![missing()] };
    };
    let mut findings = Vec::new();
    for kind in kinds {
        let path = directory.join(kind.file());
        match of_file(&path, owner(&directory)) {
            Ok(own) => {
                findings.extend(end(&own, kind));
                findings.push(Finding::ok(ABOUT, format!("{}: {}", kind.file(), own.fingerprint)));
                if kind == Kind::Client {
                    findings.extend(fingerprint_file(&directory, &own));
                }
                findings.extend(next(examined, &directory, kind));
            }
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// Whose the directory is, who is the one that the collector runs as.
fn owner(directory: &Path) -> Option<u32> {
    fs::metadata(directory).ok().map(|metadata| metadata.uid())
}

/// The certificate in a file, as the owner of its directory would find it.
fn of_file(path: &Path, owner: Option<u32>) -> Result<OwnKey, Finding> {
    let name = path.display();
    let error = |text: String, remedy: String| Finding::error(ABOUT, format!("{name}: {text}"), remedy);
    let unreadable =
        |fault: io::Error| error(format!("cannot be read: {fault}"), "run this as root, or mend that".into());
    let file = match bounded_file::open_regular_nofollow(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            return Err(Finding::warning(
                ABOUT,
                format!("{name} is not there yet"),
                "a start of the collector makes it, as does `telem-collector identity`",
            ));
        }
        Err(fault) => return Err(unreadable(fault)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.mode() & OF_OTHERS != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(error(
            format!("others can read or write it (mode {mode:04o})"),
            format!("`chmod 0600 {name}`"),
        ));
    }
    if let Some(owner) = owner.filter(|owner| *owner != metadata.uid()) {
        let uid = metadata.uid();
        return Err(error(
            format!("it belongs to the user with id {uid}, and its directory to {owner}"),
            format!("`chown {owner} {name}`"),
        ));
    }
    let pem = bounded_file::read_all(&file, IDENTITY_FILE_BYTES).map_err(unreadable)?;
    OwnKey::from_pem(&pem, &pem).map_err(|fault| {
        error(
            fault.to_string(),
            format!("put the right file there, or remove it (`rm {name}`): the next start makes another, which peers must trust"),
        )
    })
}

fn end(own: &OwnKey, kind: Kind) -> Option<Finding> {
    let end = seconds(&own.not_after)?;
    let left = end.saturating_sub(now_secs());
    let (file, at) = (kind.file(), format_utc(end));
    let text = match left {
        ..0 => format!(
            "{file}: the certificate has ended, at {at}; who trusts its fingerprint takes it all the same"
        ),
        0..SOON_SECS => format!("{file}: the certificate ends soon, at {at}"),
        _ => return None,
    };
    Some(Finding::warning(
        ABOUT,
        text,
        "`telem-collector identity renew` makes another, and announces it to peers",
    ))
}

/// Seconds since 1970 of `YYYYMMDDhhmmss`.
fn seconds(digits: &str) -> Option<i64> {
    let part = |from: usize, to: usize| digits.get(from..to);
    let text = format!(
        "{}-{}-{} {}:{}:{} UTC",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    crate::timestamp::parse_utc(&text)
}

/// Others on this machine know us by this file.
fn fingerprint_file(directory: &Path, own: &OwnKey) -> Option<Finding> {
    let path = directory.join(FINGERPRINT_FILE);
    let text = bounded_file::open_regular_nofollow(&path).and_then(|file| bounded_file::read_all(&file, 256));
    if text.is_ok_and(|text| text == format!("{}\n", own.fingerprint).as_bytes()) {
        return None;
    }
    Some(Finding::warning(
        ABOUT,
        format!("{} is not the fingerprint of the certificate", path.display()),
        "`telem-collector identity` puts it right",
    ))
}

fn next(examined: &Examined<'_>, directory: &Path, kind: Kind) -> Option<Finding> {
    let path = directory.join(kind.next_file());
    let made = fs::symlink_metadata(&path).ok()?.modified().ok();
    let own = match of_file(&path, owner(directory)) {
        Ok(own) => own,
        Err(finding) => return Some(finding),
    };
    let announced = open_directory(directory)
        .and_then(|directory| Announced::read(&directory, kind.announced_file(), own.fingerprint))
        .unwrap_or_else(|_| Announced::new(own.fingerprint));
    let peers = peers(examined, kind);
    let standing = announced.standing(peers.iter().map(Vec::as_slice), now_secs().unsigned_abs());
    let text = format!("{}: {}: {standing}", kind.next_file(), own.fingerprint);
    let age = made.and_then(|made| SystemTime::now().duration_since(made).ok()).unwrap_or_default();
    let is_stuck = match standing {
        Standing::NoPeers => true,
        Standing::Missing(_) => age > ANNOUNCED_WITHIN,
        Standing::Until(_) | Standing::Ready => false,
    };
    Some(if is_stuck {
        let remedy = "`telem-collector trust remove FINGERPRINT` for peers that are no more; `telem-collector identity renew --now` \
                      uses it at once";
        Finding::warning(ABOUT, text, remedy)
    } else {
        Finding::ok(ABOUT, text)
    })
}

fn peers(examined: &Examined<'_>, kind: Kind) -> Vec<Vec<String>> {
    match kind {
        Kind::Server => {
            let local = local_services(Path::new(LOCAL_IDENTITIES), nix::unistd::geteuid().as_raw());
            who_connects(&Lists { list: examined.list.clone(), local })
        }
        Kind::Client => {
            let sync = &examined.options.sync;
            let sources = Source::list(&sync.sync_address.join(" "), sync.sync_port).unwrap_or_default();
            sources.iter().map(|source| vec![source.to_string()]).collect()
        }
    }
}
