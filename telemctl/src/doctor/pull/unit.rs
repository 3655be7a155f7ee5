//! The socket that systemd opens for telempulld.

use super::super::finding::Finding;
use super::ABOUT;
use crate::environment::PACKAGE;
use crate::installation::Installation;
use crate::services::{self, UnitState};
use std::path::Path;
use telemetrics_generator::{GENERATED, PULL_SOCKET, socket_of};
use telemetry_files::bounded_file;

const SERVICE: &str = "telempulld.service";

/// Longest unit that is read: two addresses.
const UNIT_BYTES: u64 = 64 * 1024;

pub(super) fn check(installation: &Installation, words: &str) -> Finding {
    let settings = &installation.settings;
    let pull = &settings.pull;
    let there = bounded_file::read_head(&Path::new(GENERATED).join(PULL_SOCKET), UNIT_BYTES).ok();
    let expected = socket_of(pull.listen, pull.local.as_ref(), &settings.etc_dir);
    let fits = there == expected.map(String::into_bytes);
    match services::unit_states(&[PULL_SOCKET, SERVICE]) {
        Ok(units) => match units.as_slice() {
            [socket, service] => judge(socket, service, fits, words),
            _ => Finding::warning(ABOUT, "systemd does not say how its units are", "repair systemd first"),
        },
        Err(error) => Finding::warning(ABOUT, error, "repair systemd first"),
    }
}

fn judge(socket: &UnitState, service: &UnitState, fits: bool, words: &str) -> Finding {
    let restart = "`telemctl restart` fits it to the configuration";
    match socket.word.as_str() {
        _ if !service.is_usable => Finding::error(
            ABOUT,
            format!("{words}, says the configuration, but {SERVICE} is not installed"),
            format!("install the package {PACKAGE}, or make pull_listen and pull_local empty"),
        ),
        "failed" => Finding::error(
            ABOUT,
            format!("{PULL_SOCKET} has failed, so that nobody is answered"),
            format!("`systemctl status {PULL_SOCKET}` says why; another program may have the address"),
        ),
        "active" if !fits => Finding::error(
            ABOUT,
            format!("{PULL_SOCKET} has other addresses than the configuration"),
            restart,
        ),
        "active" if service.word == "failed" => Finding::error(
            ABOUT,
            format!("{SERVICE} has failed, so that nobody is answered"),
            format!("`systemctl status {SERVICE}` says why"),
        ),
        "active" => Finding::ok(ABOUT, words),
        word => Finding::error(
            ABOUT,
            format!("{words}, says the configuration, but {PULL_SOCKET} is {word}"),
            restart,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_socket_that_does_not_do_what_the_keys_say() {
        let unit = |word: &str, is_usable| UnitState {
            name: String::new(),
            is_usable,
            starts_with_machine: true,
            word: word.to_owned(),
        };
        for (socket, service, is_installed, fits, level, part) in [
            ("active", "inactive", true, true, Level::Ok, "they may ask"),
            ("active", "active", true, true, Level::Ok, "they may ask"),
            (
                "active",
                "active",
                true,
                false,
                Level::Error,
                "other addresses than the configuration; `telemctl restart`",
            ),
            ("active", "failed", true, true, Level::Error, "`systemctl status telempulld.service`"),
            ("failed", "inactive", true, true, Level::Error, "another program may have the address"),
            ("inactive", "inactive", true, false, Level::Error, "is inactive; `telemctl restart`"),
            (
                "inactive",
                "inactive",
                false,
                false,
                Level::Error,
                "install the package telemetrics-environment",
            ),
        ] {
            let finding = judge(&unit(socket, true), &unit(service, is_installed), fits, "they may ask");
            assert_finding(&finding, level, part);
        }
    }
}
