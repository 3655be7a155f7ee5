//! `systemctl` as a child process.

use super::plan::Call;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The program to ask.
#[derive(Clone, Debug)]
pub(super) struct Systemctl {
    program: PathBuf,
}

/// A unit that is installed and not masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// Its name.
    pub(super) name: String,
    /// Whether it could be enabled, and is not.
    pub(super) is_disabled: bool,
}

impl Default for Systemctl {
    fn default() -> Self {
        Self { program: PathBuf::from("systemctl") }
    }
}

impl Systemctl {
    /// Carries a call out and waits for it.
    pub(super) fn run(&self, call: &Call) -> Result<(), String> {
        let mut arguments = vec![call.verb];
        arguments.extend(&call.units);
        let output = self.output(&arguments)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().next().unwrap_or("no reason given").trim();
        let more = match call.units.join(" ") {
            units if units.is_empty() => String::new(),
            units => format!("; `systemctl status {units}` says more"),
        };
        Err(format!("systemctl {} failed: {reason}{more}", call.verb))
    }

    /// Those of the units that are installed and not masked.
    pub(super) fn usable_units(&self, units: &[&str]) -> Result<Vec<UnitFile>, String> {
        let mut arguments = vec!["list-unit-files", "--no-legend", "--no-pager", "--plain"];
        arguments.extend(units);
        // Its exit code says whether any unit was found, and differs between versions.
        let output = self.output(&arguments)?;
        Ok(usable(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The files that the units are read from, but for those that are not there or masked.
    pub(super) fn fragments(&self, units: &[&str]) -> Result<Vec<(String, PathBuf)>, String> {
        let mut arguments = vec!["show", "--no-pager", "--property=Id,FragmentPath"];
        arguments.extend(units);
        let output = self.output(&arguments)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = said.lines().next().unwrap_or("no reason given").trim();
            return Err(format!("systemctl show failed: {reason}"));
        }
        Ok(fragments(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The values of a property of a unit, one a line; empty where it has none.
    pub(super) fn property(&self, unit: &str, name: &str) -> Result<String, String> {
        let output = self.output(&["show", "--no-pager", "--value", &format!("--property={name}"), unit])?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Has systemd read its units again.
    pub(super) fn reload(&self) -> Result<(), String> {
        self.run(&Call { verb: "daemon-reload", units: Vec::new() })
    }

    /// systemd's word for the state of a unit.
    pub(super) fn active_word(&self, unit: &str) -> Result<String, String> {
        // The exit code repeats the word.
        let output = self.output(&["is-active", unit])?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().next().map(str::trim).filter(|word| !word.is_empty()).unwrap_or("unknown").to_owned())
    }

    fn output(&self, arguments: &[&str]) -> Result<Output, String> {
        Command::new(&self.program)
            .args(arguments)
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                format!("{} cannot be run: {error}; is systemd installed?", self.program.display())
            })
    }
}

/// Reads blocks of `NAME=VALUE` lines, one a unit.
fn fragments(shown: &str) -> Vec<(String, PathBuf)> {
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let fragment = |block| Some((value(block, "Id=")?, PathBuf::from(value(block, "FragmentPath=")?)));
    // A masked unit is a link to /dev/null.
    shown.split("\n\n").filter_map(fragment).filter(|(_, path)| path.is_file()).collect()
}

/// Reads lines of `UNIT STATE [PRESET]`.
fn usable(listing: &str) -> Vec<UnitFile> {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (unit, state) = (words.next()?, words.next()?);
            let is_disabled = state == "disabled";
            (!state.starts_with("masked")).then(|| UnitFile { name: unit.to_owned(), is_disabled })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stand-in that answers as this shell text does, and the directory that holds it. A child writes
    /// it: were it open for writing here, a fork of another test would keep it so, and it could not be run.
    pub(in crate::services) fn stand_in(text: &str) -> (tempfile::TempDir, Systemctl) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("systemctl");
        let script = format!("#!/bin/sh\ncd '{}'\n{text}\n", dir.path().display());
        let written = Command::new("sh")
            .args(["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", &script])
            .arg(&program)
            .status();
        assert!(written.unwrap().success());
        (dir, Systemctl { program })
    }

    #[test]
    fn a_listing_gives_the_usable_units() {
        let file = |name: &str, is_disabled| UnitFile { name: name.to_owned(), is_disabled };
        let listing = "hprobe.timer      enabled  enabled\nklogscanner.service masked   enabled\n\
                       telemprobd.socket static\nx.service masked-runtime\n\nbroken\ny.path disabled enabled\n";
        let expected = [("hprobe.timer", false), ("telemprobd.socket", false), ("y.path", true)];
        assert_eq!(usable(listing), expected.map(|(name, is_disabled)| file(name, is_disabled)));
        let (_dir, systemctl) = stand_in("echo \"$5 static -\"; exit 1");
        assert_eq!(systemctl.usable_units(&["a.path", "b.path"]).unwrap(), [file("a.path", false)]);
    }

    #[test]
    fn files_of_units_that_are_there() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let shown = format!(
            "Id=a.service\nFragmentPath={path}\n\nFragmentPath=/dev/null\nId=b.service\n\nId=c.path\nFragmentPath=\n\n\
             FragmentPath={path}\nId=d.socket\n"
        );
        let expected = ["a.service", "d.socket"].map(|name| (name.to_owned(), file.path().to_owned()));
        assert_eq!(fragments(&shown), expected);
    }

    #[test]
    fn a_call_is_made_as_planned() {
        let (dir, systemctl) = stand_in("echo \"$@\" >called");
        systemctl.run(&Call { verb: "stop", units: vec!["a.socket", "b.service"] }).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("called")).unwrap(), "stop a.socket b.service\n");
    }

    #[test]
    fn a_call_that_fails_says_why_in_one_line() {
        let (_dir, systemctl) = stand_in("echo 'Unit a.socket not found.' >&2; echo more >&2; exit 5");
        let error = systemctl.run(&Call { verb: "start", units: vec!["a.socket"] }).unwrap_err();
        assert_eq!(
            error,
            "systemctl start failed: Unit a.socket not found.; `systemctl status a.socket` says more"
        );
        let missing = Systemctl { program: PathBuf::from("/nonexistent/systemctl") };
        let error = missing.active_word("a.service").unwrap_err();
        assert!(error.starts_with("/nonexistent/systemctl cannot be run: "), "{error}");
    }

    #[test]
    fn the_state_is_the_first_word() {
        let (_dir, systemctl) = stand_in("[ \"$*\" = 'is-active a.service' ] && echo activating; exit 3");
        assert_eq!(systemctl.active_word("a.service").unwrap(), "activating");
        assert_eq!(systemctl.active_word("b.service").unwrap(), "unknown");
    }
}
