//! Who may ask: the list of certificates, passwords, and the file of the central client.

use super::super::finding::Finding;
use super::super::ownership::{DaemonUser, Seen, Who, closed_directory, is_readable};
use super::super::trust::next_of;
use super::ABOUT;
use crate::installation::Installation;
use crate::pull::{Rights, central_client, files, is_nobody_trusted, params_file};
use std::path::Path;
use telemetry_files::bounded_file;
use telemetry_trust::paths::identity_dir;
use telemetry_trust::{TrustList, Window};
use telemetry_xroad::identifier::ClientId;
use telempull_answers::access::{Caller, who_asks};
use telempull_answers::settings::{SERVICE, Settings};

/// Longest file of passwords that is looked at.
const PASSWORD_FILE_BYTES: u64 = 64 * 1024;

/// With this bit others than owner and group may read a file.
const READABLE_FOR_ALL: u32 = 0o004;

pub(super) fn check(installation: &Installation, user: &DaemonUser, now: u64) -> Vec<Finding> {
    let settings = &installation.settings.pull;
    let central = central_client(settings);
    let mut findings = Vec::new();
    if settings.listen.is_some() {
        findings.extend(listed(installation, settings, central.as_ref().ok().and_then(Option::as_ref), now));
    }
    if let Some(path) = &settings.password_file {
        findings.extend(passwords("pull_password_file", path, user));
    }
    let local_password = settings.etc_dir.join(SERVICE).join("local_password");
    if settings.local.is_some() && Seen::at(&local_password) != Seen::Missing {
        findings.extend(secret("the password of pull_local", &local_password, user));
    }
    findings.extend(central_file(settings, &central, user));
    findings
}

fn listed(
    installation: &Installation,
    settings: &Settings,
    central: Option<&ClientId>,
    now: u64,
) -> Vec<Finding> {
    let files = files(installation);
    let lists = || Ok((files.parse(&files.text()?)?, files.learned()?, files.window()?));
    let lists: Result<_, crate::exit_code::Failure> = lists();
    match lists {
        Ok((list, learned, window)) => {
            let mut findings = judge_list(files.path(), &list, &learned, window.as_ref(), settings, central);
            let peers = who_asks(&list.with_learned(&learned));
            let directory = identity_dir(&settings.state_dir, SERVICE);
            findings.extend(next_of(ABOUT, SERVICE, installation, &directory, &peers, now));
            findings
        }
        Err(error) => vec![Finding::error(
            ABOUT,
            format!("{error}; {SERVICE} goes on with what it knew, and at its next start nobody is trusted"),
            "correct that line, or remove it",
        )],
    }
}

fn judge_list(
    file: &Path,
    list: &TrustList,
    learned: &TrustList,
    window: Option<&Window>,
    settings: &Settings,
    central: Option<&ClientId>,
) -> Vec<Finding> {
    let file = file.display();
    let odd = |line: u64, text: String, remedy: &str| {
        Finding::warning(ABOUT, format!("{file}: line {line}: {text}"), remedy)
    };
    let useless = list.certificates().iter().filter_map(|line| {
        let rights = Rights::new(&Caller::of_line(&line.words), settings, central);
        let text = format!("its certificate gets nothing{}", line.words);
        rights.are_none().then(|| {
            odd(
                line.line as u64,
                text.replace("nothing ", "nothing by "),
                "`telemctl pull trust FINGERPRINT role=pull` gives it rights; client= has to be `member` or the central client",
            )
        })
    });
    let mut findings: Vec<_> = useless.collect();
    let is_open = window.is_some() || settings.password_file.is_some();
    if !is_open && is_nobody_trusted(list, learned, settings, central) {
        findings.push(Finding::warning(
            ABOUT,
            "nobody is trusted, so that nobody from the network is answered",
            "`telemctl pull trust FINGERPRINT role=pull`, or `telemctl pull first-use 10`",
        ));
    }
    findings
}

/// A file of a secret, which its reader has to read and others must not.
fn secret(what: &str, path: &Path, user: &DaemonUser) -> Option<Finding> {
    let shown = format!("{what} {}", path.display());
    let who = Who::User(user.uid);
    let name = &user.name;
    match Seen::at(path) {
        Seen::Missing => {
            Some(Finding::error(ABOUT, format!("{shown} is not there"), "make it, or empty the key"))
        }
        Seen::Hidden => Some(Finding::unseen(ABOUT, &format!("{shown} cannot be seen"))),
        Seen::Failed(error) => Some(Finding::error(ABOUT, format!("{shown}: {error}"), "correct the path")),
        Seen::There(_) if closed_directory(path, who).is_some() || !is_readable(path, who) => {
            Some(Finding::error(
                ABOUT,
                format!("{shown} cannot be read by {name}, so that nobody is let in by it"),
                format!("`chgrp {name} {0} && chmod 0640 {0}`", path.display()),
            ))
        }
        Seen::There(standing) if standing.mode & READABLE_FOR_ALL != 0 => Some(Finding::warning(
            ABOUT,
            format!("{shown} can be read by every user of this machine"),
            format!("`chmod o= {}`", path.display()),
        )),
        Seen::There(_) => None,
    }
}

fn passwords(key: &str, path: &Path, user: &DaemonUser) -> Option<Finding> {
    secret(key, path, user).or_else(|| {
        let text = bounded_file::read_head(path, PASSWORD_FILE_BYTES).ok()?;
        let has_one = String::from_utf8_lossy(&text).lines().any(|line| line.contains(":$2"));
        (!has_one).then(|| {
            Finding::error(
                ABOUT,
                format!("{key} {} has no user with a password of bcrypt", path.display()),
                "`htpasswd -B` writes such lines",
            )
        })
    })
}

fn central_file(
    settings: &Settings,
    central: &Result<Option<ClientId>, String>,
    user: &DaemonUser,
) -> Option<Finding> {
    let path = params_file(settings);
    let shown = path.display();
    let is_named = settings.monitoring_params.is_some();
    match central {
        Err(error) => Some(Finding::error(
            ABOUT,
            format!("{shown}: {error}; nobody but the owner gets SOAP after the next start"),
            format!("`telemctl monitoring-params check {shown}` says when it is right"),
        )),
        Ok(_) if is_named && Seen::at(&path) == Seen::Missing => Some(Finding::warning(
            ABOUT,
            format!("monitoring_params {shown} is not there: nobody but the owner gets SOAP"),
            "put it there, or empty the key",
        )),
        Ok(_) if is_named && !is_readable(&path, Who::User(user.uid)) => Some(Finding::error(
            ABOUT,
            format!("monitoring_params {shown} cannot be read by {}", user.name),
            format!("`chmod a+r {shown}`"),
        )),
        Ok(_) => None,
    }
}
