//! Output of `--json`.

use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::path::Path;
use telemetry_record::harmless;

/// Prints a value; foreign text in it turns no line around on a terminal.
pub(crate) fn print(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    writeln!(out, "{}", harmless::json(&text))
}

/// A path as text: what is no UTF-8 in it is shown as such, and stops no output.
pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The same, where there may be none.
pub(crate) fn optional_path<S: Serializer>(
    path: &Option<impl AsRef<Path>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => self::path(path.as_ref(), serializer),
        None => serializer.serialize_none(),
    }
}
