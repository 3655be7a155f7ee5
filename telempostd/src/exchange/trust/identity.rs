//! This machine's key and certificate, made where they are missing.

use crate::settings::IdentityKey;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use telemetry_files::open_directory;
use telemetry_trust::paths::CLIENT_CERTIFICATE_FILE;
use telemetry_trust::{Identity, IdentityFault};

const PROGRAM: &str = "telempost-identity";
const INSTALLED: &str = concat!(env!("TELEMETRICS_LIBEXECDIR"), "/telemetrics/telempost-identity");

/// Longest text of the program that is logged.
const OUTPUT_BYTES: u64 = 4096;

/// The program that makes identities: beside this one, or where it is installed.
pub fn program() -> PathBuf {
    let beside = std::env::current_exe().map(|path| path.with_file_name(PROGRAM)).unwrap_or_default();
    if beside.is_file() { beside } else { INSTALLED.into() }
}

/// Key and certificate in PEM. Where they cannot be had the log says why, and none are shown: what a server that asks for
/// them makes of that is its own affair.
pub(super) fn pem(directory: &Path, program: &Path, key: IdentityKey) -> Option<Vec<u8>> {
    // It also judges one that is there, which may be of another key, and puts the fingerprint beside it right.
    let result =
        make(directory, program, key).and_then(|()| read(directory).map_err(|fault| fault.to_string()));
    match result {
        Ok(identity) => Some(identity.pem().to_owned()),
        Err(reason) => {
            let path = directory.join(CLIENT_CERTIFICATE_FILE);
            log::error!("{}: {reason}; no certificate of this machine is shown", path.display());
            None
        }
    }
}

fn read(directory: &Path) -> Result<Identity, IdentityFault> {
    match open_directory(directory) {
        Ok(directory) => Identity::read(directory, CLIENT_CERTIFICATE_FILE),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(IdentityFault::Missing),
        Err(error) => Err(IdentityFault::Unreadable(error)),
    }
}

/// Has an identity checked, or made: some milliseconds.
fn make(directory: &Path, program: &Path, key: IdentityKey) -> Result<(), String> {
    let about = |error: io::Error| format!("{}: {error}", program.display());
    // The first certificate of a machine is news; one that takes another's place is a warning.
    let level = match read(directory) {
        Err(IdentityFault::Missing) => log::Level::Info,
        _ => log::Level::Warn,
    };
    let mut child = Command::new(program)
        .args(["ensure", "--key", key.word()])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(about)?;
    let mut text = String::new();
    if let Some(output) = child.stderr.take() {
        output.take(OUTPUT_BYTES).read_to_string(&mut text).map_err(about)?;
    }
    let status = child.wait().map_err(about)?;
    let text = text.trim_end().trim_start_matches("telempost-identity: ");
    if status.success() {
        if !text.is_empty() {
            log::log!(level, "{text}");
        }
        Ok(())
    } else {
        Err(text.to_owned())
    }
}
