//! `config show`: every key of every program, with its effective value, where that comes from, and who obeys it.

use crate::exit_code::{Failure, Outcome};
use crate::{installation, programs};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use telemetry_config::{AnyKey, Configuration, Source};
use telemetry_record::harmless::word;

/// Columns of `KEY=VALUE`; a longer one moves the rest of its line.
const ASSIGNMENT_WIDTH: usize = 48;

/// Columns of where a value comes from.
const ORIGIN_WIDTH: usize = 9;

#[derive(Debug, Serialize)]
struct Shown {
    /// The file; none where there is no file.
    #[serde(serialize_with = "crate::json::optional_path")]
    source: Option<PathBuf>,
    keys: Vec<ShownKey>,
}

#[derive(Debug, Serialize)]
struct ShownKey {
    key: &'static str,
    value: String,
    /// The line that sets it; none for a default.
    line: Option<usize>,
    is_allowed: bool,
    allowed: String,
    default: &'static str,
    programs: Vec<&'static str>,
    meaning: &'static str,
}

/// Prints the keys, for people or as JSON.
pub(super) fn run(file: Option<&Path>, json: bool, out: &mut dyn Write) -> Outcome {
    let shown = Shown::new(&installation::read_configuration(file)?);
    let printed = if json { crate::json::print(&shown, out) } else { print(&shown, out) };
    printed.map_err(Failure::Output)
}

impl Shown {
    fn new(configuration: &Configuration) -> Self {
        let source = match configuration.source() {
            Source::File(path) => Some(path.clone()),
            Source::Defaults => None,
        };
        Self { source, keys: programs::keys().map(|key| ShownKey::new(configuration, key)).collect() }
    }
}

impl ShownKey {
    fn new(configuration: &Configuration, key: &dyn AnyKey) -> Self {
        let (value, line) = configuration.shown(key);
        Self {
            key: key.name(),
            value,
            line,
            is_allowed: configuration.check(key).is_ok(),
            allowed: key.allowed(),
            default: key.default(),
            programs: programs::obeying(key.name()).collect(),
            meaning: key.doc(),
        }
    }
}

fn print(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    match &shown.source {
        Some(path) => writeln!(out, "{}", word(&path.display().to_string()))?,
        None => writeln!(out, "no file, built-in defaults")?,
    }
    for ShownKey { key, value, line, is_allowed, allowed, programs, .. } in &shown.keys {
        let assignment = format!("{key}={}", word(value));
        let origin = line.map_or("default".to_owned(), |line| format!("line {line}"));
        write!(out, "{assignment:<ASSIGNMENT_WIDTH$} {origin:<ORIGIN_WIDTH$} {}", programs.join(" "))?;
        match is_allowed {
            true => writeln!(out)?,
            false => writeln!(out, "; wrong: must be {allowed}")?,
        }
    }
    Ok(())
}
