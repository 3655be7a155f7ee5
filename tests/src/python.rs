//! Debian's Python, whose modules read what is answered.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs it with these arguments and this input; none where it is not here, or a module that is asked for.
///
/// # Panics
/// It cannot be waited for.
#[must_use]
pub fn run(arguments: &[&str], input: &str) -> Option<Output> {
    let mut child = Command::new("/usr/bin/python3")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // Where a module is missing it ends without having read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if let Some(line) = said.lines().find(|line| line.contains("No module named")) {
        println!("skipped: {line}");
        return None;
    }
    Some(output)
}
