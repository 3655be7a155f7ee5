//! `check`: what is known of the checks, and one of them run as it will be.

use crate::duration_text;
use crate::environment;
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::work_directories::check_ids;
use nix::unistd::Uid;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_record::harmless::word;
use telemetry_store::check_states::{self, CheckState, CheckStates};
use telemetry_store::state_file;

/// The program that runs them.
const PROGRAM: &str = "checkprobe";

/// A check. The names are those of `--json`, documented in `telemctl check list --help`.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    state: &'static str,
    since_unix_secs: Option<u64>,
    value: Option<f64>,
    attempts: u32,
    flapping: bool,
    held_by: Option<String>,
    output: Option<String>,
}

/// All of them.
#[derive(Debug, Serialize)]
struct List {
    updated_unix_secs: Option<u64>,
    checks: Vec<Listed>,
}

/// Lists the checks, for people or as JSON.
pub(crate) fn list(installation: &Installation, json: bool, out: &mut dyn Write) -> Outcome {
    let state_dir = &installation.settings.state_dir;
    let path = check_states::path(state_dir);
    let states = CheckStates::read(state_dir)
        .map_err(|error| Failure::message(format!("{} cannot be read: {error}", path.display())))?;
    let list = List::new(states, &outputs(state_dir));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if json { crate::json::print(&list, out) } else { list.print(now, out) }.map_err(Failure::Output)
}

/// What checks printed, as far as this user may read it.
fn outputs(state_dir: &Path) -> BTreeMap<String, String> {
    let path = state_dir.join(check_states::DIRECTORY).join("output.json");
    state_file::read(&path).ok().flatten().unwrap_or_default()
}

impl List {
    fn new(states: Option<CheckStates>, outputs: &BTreeMap<String, String>) -> Self {
        let updated_unix_secs = states.as_ref().map(|states| states.updated_unix_secs);
        let listed = |(name, check): (String, CheckState)| Listed {
            state: check.state.map_or("PENDING", |state| state.word()),
            since_unix_secs: check.state.map(|_| check.since_unix_secs),
            value: check.value,
            attempts: check.attempts,
            flapping: check.is_flapping,
            held_by: check.held_by,
            output: outputs.get(&name).cloned(),
            name,
        };
        let checks = states.map(|states| states.checks).unwrap_or_default();
        Self { updated_unix_secs, checks: checks.into_iter().map(listed).collect() }
    }

    fn print(&self, now: u64, out: &mut dyn Write) -> io::Result<()> {
        if self.checks.is_empty() {
            return writeln!(
                out,
                "No check has run. They are defined in checks.d; see telemetrics-checks(5)."
            );
        }
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &self.checks {
            let since = check.since_unix_secs.map(|since| duration_text::of_secs(now.saturating_sub(since)));
            let value = check.value.map(|value| format!("value {value}"));
            let held = check.held_by.as_ref().map(|parent| format!("held by {parent}"));
            let attempts = (check.attempts > 0).then(|| format!("{} other results", check.attempts));
            let flapping = check.flapping.then(|| "flapping".to_owned());
            let parts = [
                since.map(|since| format!("for {since}")),
                value,
                attempts,
                flapping,
                held,
                check.output.clone(),
            ];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            writeln!(out, "{:<width$}  {:<8}  {}", check.name, check.state, word(&parts.join(", ")))?;
        }
        Ok(())
    }
}

/// What is wrong with the definitions, a line each, in the words of the program that runs them.
///
/// # Errors
/// It cannot be asked, as where it is not installed.
pub(crate) fn faults(installation: &Installation) -> Result<Vec<String>, Failure> {
    if !installation.is_private && !Uid::effective().is_root() {
        // They may hold secrets, so that nobody else reads them.
        return Ok(Vec::new());
    }
    let mut command = as_check_user(installation)?;
    let failure = |error| Failure::message(format!("{PROGRAM}: {error}"));
    let output = command.arg("--faults").stderr(Stdio::null()).output().map_err(failure)?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Runs a check once, as the user that checks run as where there is one. Its state is the exit code.
pub(crate) fn run(installation: &Installation, name: &str) -> Outcome {
    let mut command = as_check_user(installation)?;
    command.args(["--run", name]);
    Err(Failure::message(format!("{PROGRAM}: {}", command.exec())))
}

/// The program, as whom it runs in this installation.
fn as_check_user(installation: &Installation) -> Result<Command, Failure> {
    let mut command = environment::command(installation, PROGRAM)?;
    if let Some((uid, gid)) = check_ids().filter(|_| !installation.is_private && Uid::effective().is_root()) {
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_store::check_states::State;

    #[test]
    fn checks_are_listed_with_what_is_known() {
        let check = |state| CheckState { state, since_unix_secs: 940, ..CheckState::default() };
        let held =
            CheckState { held_by: Some("gate".to_owned()), value: Some(7.5), ..check(Some(State::Ok)) };
        let checks = BTreeMap::from([
            ("a".to_owned(), CheckState { attempts: 2, ..check(Some(State::Critical)) }),
            ("bb".to_owned(), check(None)),
            ("c".to_owned(), held),
        ]);
        let outputs = BTreeMap::from([("a".to_owned(), "full\u{1b}[2J".to_owned())]);
        let list = List::new(Some(CheckStates { updated_unix_secs: 1000, checks }), &outputs);
        let mut out = Vec::new();
        list.print(1000, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
a   CRITICAL  for 1 min, 2 other results, full\\u{1b}[2J
bb  PENDING   \nc   OK        for 1 min, value 7.5, held by gate
"
        );
        let mut out = Vec::new();
        List::new(None, &outputs).print(1, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("No check has run."));
    }
}
