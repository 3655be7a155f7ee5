//! Whether those who ask how the machine is are answered, as the configuration says: the socket, who is trusted, and the files
//! that decide about it.

mod trusted;
mod unit;

use super::finding::Finding;
use super::ownership::DaemonUser;
use crate::installation::Installation;
use crate::pull::switched_on;
use crate::services;
use telempull_answers::settings::SERVICE;

pub(super) const ABOUT: &str = "pull";

pub(super) fn check(
    installation: &Installation,
    opted_in: bool,
    user: &DaemonUser,
    now: u64,
) -> Vec<Finding> {
    let Some(words) = switched_on(&installation.settings.pull) else { return Vec::new() };
    let mut findings = vec![match (opted_in, services::is_managed(installation)) {
        (false, _) => Finding::ok(ABOUT, format!("after opt-in, {words}")),
        (true, true) => unit::check(installation, &words),
        (true, false) if is_running(installation) => Finding::ok(ABOUT, words),
        (true, false) => Finding::ok(ABOUT, format!("when somebody runs {SERVICE}, {words}")),
    }];
    findings.extend(trusted::check(installation, user, now));
    findings
}

fn is_running(installation: &Installation) -> bool {
    services::residents(installation).iter().any(|(name, _)| *name == SERVICE)
}
