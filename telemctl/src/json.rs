//! Output of `--json`.

use serde::Serialize;
use std::io::{self, Write};
use telemetry_record::harmless;

/// Prints a value; foreign text in it turns no line around on a terminal.
pub(crate) fn print(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    writeln!(out, "{}", harmless::json(&text))
}
