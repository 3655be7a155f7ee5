//! Which program obeys which keys. The daemons' tables are their own; the probes are not linked here, since they bring
//! their libraries, so that theirs stand here, and a test starts them all with wrong values.

use crate::settings;
use telemetry_config::AnyKey;
use telemetry_config::environment::{
    CERTIFICATE_FILES, ENVIRONMENT_FILESYSTEMS, ENVIRONMENT_INTERVAL, ENVIRONMENT_READINGS,
};
use telemetry_config::keys::{
    CACHE_DIR, CRASH_BURST_LIMIT, ETC_DIR, LOG_DIR, RUN_DIR, SOCKET_PATH, SPOOL_DIR, STATE_DIR,
};

/// A program, and the keys whose wrong value stops it.
#[derive(Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [&'static dyn AnyKey],
}

/// Every program of ours; `libtelemetry` stands for all that only send, hprobe, telem-record-gen and foreign ones.
pub static PROGRAMS: [Program; 12] = [
    Program { name: "telemprobd", keys: &telemprobd::settings::KEYS },
    Program { name: "telempostd", keys: &telempostd::settings::KEYS },
    Program { name: "libtelemetry", keys: &[&SOCKET_PATH, &ETC_DIR, &RUN_DIR] },
    Program {
        name: "crashprobe",
        keys: &[&SOCKET_PATH, &SPOOL_DIR, &ETC_DIR, &STATE_DIR, &RUN_DIR, &CRASH_BURST_LIMIT],
    },
    Program {
        name: "journalprobe",
        keys: &[&SOCKET_PATH, &SPOOL_DIR, &ETC_DIR, &STATE_DIR, &LOG_DIR, &RUN_DIR],
    },
    Program {
        name: "klogscanner",
        keys: &[&SOCKET_PATH, &SPOOL_DIR, &ETC_DIR, &STATE_DIR, &LOG_DIR, &RUN_DIR],
    },
    Program { name: "pstoreclean", keys: &[&ETC_DIR, &STATE_DIR, &CACHE_DIR] },
    Program {
        name: "pstoreprobe",
        keys: &[&SOCKET_PATH, &SPOOL_DIR, &ETC_DIR, &STATE_DIR, &LOG_DIR, &CACHE_DIR, &RUN_DIR],
    },
    Program {
        name: "envprobe",
        keys: &[
            &ENVIRONMENT_INTERVAL,
            &ENVIRONMENT_READINGS,
            &ENVIRONMENT_FILESYSTEMS,
            &CERTIFICATE_FILES,
            &SOCKET_PATH,
            &ETC_DIR,
            &STATE_DIR,
            &RUN_DIR,
        ],
    },
    Program { name: "telempulld", keys: &telempull_answers::settings::KEYS },
    Program { name: "checkprobe", keys: &[&SOCKET_PATH, &ETC_DIR, &STATE_DIR, &RUN_DIR] },
    Program { name: "telemctl", keys: &settings::NEEDED_KEYS },
];

/// The key of this name, of whatever program.
pub fn key(name: &str) -> Option<&'static dyn AnyKey> {
    PROGRAMS.iter().flat_map(|program| program.keys).copied().find(|key| key.name() == name)
}

/// Every key, in the order of the manual.
pub fn keys() -> impl Iterator<Item = &'static dyn AnyKey> {
    telemetry_config::keys::NAMES.into_iter().filter_map(key)
}

/// The programs that obey a key.
pub fn obeying(name: &str) -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().filter(move |program| program.keys.iter().any(|key| key.name() == name)).map(|p| p.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use telemetry_config::Configuration;

    #[test]
    fn every_name_is_a_key_of_some_program_and_every_key_has_its_name_in_the_list() {
        let names: BTreeSet<_> = telemetry_config::keys::NAMES.into_iter().collect();
        let obeyed: BTreeSet<_> =
            PROGRAMS.iter().flat_map(|program| program.keys).map(|key| key.name()).collect();
        assert_eq!(obeyed, names);
        assert!(keys().map(|key| key.name()).eq(telemetry_config::keys::NAMES));
    }

    #[test]
    fn every_default_is_allowed() {
        let configuration = Configuration::parse(std::path::Path::new("/f.conf"), "").unwrap();
        for key in keys() {
            assert!(configuration.check(key).is_ok(), "{}", key.name());
        }
    }
}
