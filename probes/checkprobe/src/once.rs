//! For a person: one check, once, as it will be run; and what is wrong with the definitions.

use crate::daemon::poll_runs;
use crate::definition;
use crate::error::CheckError;
use crate::runner::{self, Run};
use crate::settings::Settings;
use crate::startable;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use telemetry_record::harmless;
use telemetry_runtime::clocks;
use telemetry_store::check_states::State;

/// What is wrong with the definitions.
pub(crate) fn faults(settings: &Settings) -> Result<ExitCode, CheckError> {
    let (files, mut faults) = definition::read(&settings.definitions());
    let (definitions, more) = definition::parse(&files);
    faults.extend(more);
    faults.extend(startable::faults(definition::programs(&files, &definitions)));
    let mut out = std::io::stdout().lock();
    for fault in &faults {
        writeln!(out, "{}", harmless::word(&fault.to_string())).map_err(CheckError::Output)?;
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One check.
pub(crate) fn run(settings: &Settings, name: &str) -> Result<ExitCode, CheckError> {
    let (files, mut faults) = definition::read(&settings.definitions());
    let (definitions, more) = definition::parse(&files);
    faults.extend(more);
    let Some(definition) = definitions.iter().find(|definition| definition.name == name) else {
        let about = faults.iter().find(|fault| fault.text.starts_with(&format!("[{name}]")));
        return Err(about.map_or_else(
            || CheckError::NoCheck { name: name.to_owned(), directory: settings.definitions() },
            |fault| CheckError::Definition(fault.clone()),
        ));
    };
    runner::adopt_strays().map_err(CheckError::Process)?;
    let mut running =
        Run::start(definition, &settings.state_dir, clocks::since_boot()).map_err(CheckError::Process)?;
    let measured = loop {
        poll_runs(std::slice::from_ref(&running), &[], Duration::from_secs(1));
        if let Some(measured) = running.take() {
            break measured;
        }
        if clocks::since_boot() >= running.deadline {
            let measured = running.kill();
            break measured;
        }
    };
    // Nothing is left, and if so nobody is kept waiting for it.
    runner::end_strays(&[]);
    let state = measured.state(definition);
    let value = measured.value.map(|value| format!(" value {value},")).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name}: {},{value} {}", state.word(), measured.text).map_err(CheckError::Output)?;
    if !measured.perfdata.is_empty() {
        writeln!(out, "{}", measured.perfdata).map_err(CheckError::Output)?;
    }
    let code = State::ALL.iter().position(|known| *known == state).and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(3)))
}
