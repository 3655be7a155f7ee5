//! What a program printed, and how it ended.

use std::process::{Command, Output};

/// What a program printed and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Printed {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// Its stdout.
    pub out: String,
    /// Its stderr.
    pub err: String,
}

impl Printed {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// It cannot be started, or prints what is not UTF-8.
    pub fn from_command(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Whether a program has this on stderr.
pub fn says(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(text)
}

/// Fails with what the program has on stderr if it did not succeed.
///
/// # Panics
/// It did not.
pub fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
