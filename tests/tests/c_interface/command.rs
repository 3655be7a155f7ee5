//! Running compilers and programs, each under a deadline.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Until a compiler or a program that hangs is ended.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Runs a command that must succeed, with all that it says if it does not.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = output(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

pub(crate) fn output(command: &mut Command) -> Output {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let pid = child.id().to_string();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    ended.recv_timeout(DEADLINE).map(Result::unwrap).unwrap_or_else(|_| {
        let _ = Command::new("kill").args([OsStr::new("-9"), OsStr::new(&pid)]).status();
        panic!("{command:?} did not end in {} seconds", DEADLINE.as_secs())
    })
}

pub(crate) fn stdout(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}
