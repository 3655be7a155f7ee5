//! rpm's list, whose files have one of several forms: rpm reads them. It is given no shell, no environment, no input, a
//! bound of time, and what it prints a bound of length.

use super::Package;
use crate::error::SensorError;
use crate::limits::{PACKAGE_LIST_BYTES, PACKAGES, RPM_TIME};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

const FORMAT: &str = "%{NAME} %{VERSION}-%{RELEASE}\\n";

/// The installed packages; none where there is no rpm.
pub(super) fn list(program: &Path) -> Result<Vec<Package>, SensorError> {
    if !program.exists() {
        return Ok(Vec::new());
    }
    let failed = |error: io::Error| SensorError::file(program.display(), &error);
    let mut child = start(program).map_err(failed)?;
    let output = child.stdout.take().map_or(Ok(Vec::new()), read);
    if output.is_err() {
        // It fails only if it has ended.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let output = output.map_err(failed)?;
    if !status.success() {
        return Err(SensorError::Other(format!("{}: {status}", program.display())));
    }
    Ok(parse(&output))
}

fn start(program: &Path) -> io::Result<Child> {
    Command::new(program)
        .args(["-qa", "--queryformat", FORMAT])
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

fn read(mut pipe: ChildStdout) -> io::Result<Vec<u8>> {
    let (deadline, mut output) = (Instant::now() + RPM_TIME, Vec::new());
    let mut piece = [0; 16 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let length = pipe.read(&mut piece)?;
        let read = piece.get(..length).unwrap_or_default();
        if read.is_empty() {
            return Ok(output);
        }
        output.extend_from_slice(read);
        if output.len() as u64 > PACKAGE_LIST_BYTES / 4 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// Keys of signatures are in the list, and are no packages.
pub(super) fn parse(output: &[u8]) -> Vec<Package> {
    let lines = output.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let package = |line: &[u8]| {
        let blank = line.iter().position(|byte| *byte == b' ')?;
        Package::new(line.get(..blank)?, line.get(blank + 1..)?)
            .filter(|package| package.name != "gpg-pubkey")
    };
    lines.filter_map(package).take(PACKAGES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn listed(script: &str) -> Result<Vec<Package>, SensorError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rpm");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        list(&path)
    }

    #[test]
    fn what_rpm_prints_is_read_and_what_it_does_not_is_an_error() {
        let packages =
            listed("printf 'bash 5.1-2\\ngpg-pubkey a-b\\nodd\\ncut 1'; [ -z \"$HOME$PATH_INFO\" ]").unwrap();
        assert_eq!(packages, [Package { name: "bash".to_owned(), version: "5.1-2".to_owned() }]);
        assert!(listed("exit 3").unwrap_err().to_string().contains("exit status: 3"));
        assert_eq!(list(Path::new("/none/rpm")), Ok(Vec::new()));
    }
}
