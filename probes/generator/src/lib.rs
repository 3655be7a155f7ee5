//! What systemd has to know of the configuration: a drop-in of `envprobe.timer` with the times of the samples, and
//! `telempulld.socket` with the addresses at which this machine may be asked. The timer itself has a condition on that
//! drop-in, so that nothing wakes where `environment_interval` is 0; without addresses there is no socket.

mod calendar;
mod socket;

pub use socket::text as socket_of;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use telemetry_config::environment::ENVIRONMENT_INTERVAL;
use telemetry_config::keys::ETC_DIR;
use telemetry_config::pull::{PULL_LISTEN, PULL_LOCAL};
use telemetry_config::{ConfigError, Configuration};
use telemetry_files::bounded_file;

/// By what machines differ, and stay the same.
const MACHINE_ID: &str = "/etc/machine-id";

/// More than the file has.
const MACHINE_ID_BYTES: u64 = 256;

/// The drop-in, below the directory that systemd gives; `envprobe.timer` names it in its condition.
pub const TIMER_DROP_IN: &str = "envprobe.timer.d/50-interval.conf";

/// Where systemd has generators put what packages bring.
pub const GENERATED: &str = "/run/systemd/generator";

/// The socket of telempulld, which is there where its keys name an address.
pub const PULL_SOCKET: &str = "telempulld.socket";

/// By this it is opened when the machine starts.
const SOCKETS_DROP_IN: &str = "sockets.target.d/50-telempulld.conf";

/// A file that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Where, below the directory that systemd gives.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// The files that follow from this configuration, on a machine of this id.
///
/// # Errors
/// [`ConfigError::Value`]: then there are none.
pub fn files(configuration: &Configuration, machine_id: &[u8]) -> Result<Vec<UnitFile>, ConfigError> {
    let timer = configuration.get(&ENVIRONMENT_INTERVAL)?.map(|interval| UnitFile {
        path: PathBuf::from(TIMER_DROP_IN),
        text: timer_of(interval, machine_id),
    });
    let (listen, local) = (configuration.get(&PULL_LISTEN)?, configuration.get(&PULL_LOCAL)?);
    let etc_dir = configuration.get(&ETC_DIR)?;
    let socket = socket_of(listen, local.as_ref(), &etc_dir);
    let sockets = socket.map(|text| {
        let wanted = format!("[Unit]\nWants={PULL_SOCKET}\n");
        [(PULL_SOCKET, text), (SOCKETS_DROP_IN, wanted)]
            .map(|(path, text)| UnitFile { path: PathBuf::from(path), text })
    });
    Ok(timer.into_iter().chain(sockets.into_iter().flatten()).collect())
}

/// The drop-in for this interval on a machine of this id.
///
/// Samples of many machines are spread over the interval, each machine's always at the same times. What a machine missed
/// while it was off is made up for at its next start, a little later on each, since many may start at one time.
pub fn timer_of(interval: Duration, machine_id: &[u8]) -> String {
    let phase = calendar::phase(machine_id, interval);
    let times: String =
        calendar::events(interval, phase).iter().map(|event| format!("OnCalendar={event}\n")).collect();
    let delay = (interval / 10).as_secs();
    format!(
        "# Written by telemetrics-generator, from environment_interval.\n[Timer]\nOnCalendar=\n{times}\
         RandomizedDelaySec={delay}\n"
    )
}

/// This machine's id; empty where it has none yet, so that all such machines have the same times until their next start.
pub fn machine_id() -> Vec<u8> {
    bounded_file::read_head(Path::new(MACHINE_ID), MACHINE_ID_BYTES).unwrap_or_default()
}

/// Writes these below a directory.
///
/// # Errors
/// As the system says.
pub fn write(directory: &Path, files: &[UnitFile]) -> io::Result<()> {
    for UnitFile { path, text } in files {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_of(lines: &str) -> Result<Vec<UnitFile>, ConfigError> {
        let text = format!("[settings]\n{lines}");
        files(&Configuration::parse(Path::new("/f.conf"), &text).unwrap(), b"machine")
    }

    #[test]
    fn nothing_is_written_by_default_and_nothing_of_a_broken_file() {
        assert_eq!(files_of("").unwrap(), []);
        assert_eq!(files_of("environment_interval=0\n").unwrap(), []);
        for broken in ["environment_interval=1441\n", "pull_listen=9100\n", "pull_local=0.0.0.0:80\n"] {
            assert!(files_of(&format!("environment_interval=5\n{broken}")).is_err(), "{broken}");
        }
        // What others obey is theirs.
        assert_eq!(files_of("record_expiry=x\n").unwrap(), []);
    }

    #[test]
    fn an_address_is_a_socket_that_opens_with_the_machine() {
        for lines in ["pull_listen=[::]:9100\n", "pull_local=/run/x\n"] {
            let files = files_of(lines).unwrap();
            let paths: Vec<_> = files.iter().map(|file| file.path.to_str().unwrap()).collect();
            assert_eq!(paths, [PULL_SOCKET, SOCKETS_DROP_IN]);
            assert!(files[1].text.contains(&format!("\nWants={PULL_SOCKET}\n")));
        }
        assert_eq!(files_of("pull_listen=[::]:9100\nenvironment_interval=5\n").unwrap().len(), 3);
    }

    #[test]
    fn an_interval_is_a_drop_in() {
        let [file] = <[_; 1]>::try_from(files_of("environment_interval=60\n").unwrap()).unwrap();
        assert!(file.text.contains("\n[Timer]\nOnCalendar=\nOnCalendar=*-*-* "), "{}", file.text);
        assert!(file.text.ends_with("\nRandomizedDelaySec=360\n"), "{}", file.text);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), std::slice::from_ref(&file)).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(TIMER_DROP_IN)).unwrap(), file.text);
    }
}
