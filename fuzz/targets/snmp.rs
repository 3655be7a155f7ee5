//! What snmpd asks, of the state of checks that stands in a file: the file up to a NUL, then the questions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use telemctl::installation::Installation;
use telemctl::snmp::run;
use telemetry_config::Configuration;
use telemetry_store::check_states;

static INSTALLATION: LazyLock<Installation> = LazyLock::new(|| {
    let directory = std::env::current_dir().unwrap().join("artifacts/snmp");
    fs::create_dir_all(check_states::path(&directory).parent().unwrap()).unwrap();
    let text = format!("[settings]\nstate_dir={0}\netc_dir={0}\n", directory.display());
    Installation::new(&Configuration::parse(Path::new("/f"), &text).unwrap(), true).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let nul = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (state, questions) = bytes.split_at(nul);
    let mut questions = questions.get(1..).unwrap_or_default();
    fs::write(check_states::path(&INSTALLATION.settings.state_dir), state).unwrap();
    let lines = questions.iter().filter(|byte| **byte == b'\n').count() + 1;
    let mut out = Vec::new();
    assert!(run(&INSTALLATION, &".1.3.9".parse().unwrap(), &mut questions, &mut out).is_ok());
    let said = String::from_utf8(out).unwrap();
    assert!(said.lines().count() <= 3 * lines, "{said}");
    assert!(!said.contains(|one: char| one.is_control() && one != '\n'), "{said}");
});
