//! Takes steps, each of which may have been taken before.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::User;

use super::{SetupError, served};

/// One thing to do. Paths are below the root that [`take`] is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs a program.
    Run { program: &'static str, args: Vec<String> },
    /// Runs a program that reads this.
    Feed { program: &'static str, args: Vec<String>, input: String },
    /// Writes a file anew, with its directories.
    Write { path: &'static str, text: String },
    /// Writes a file that its owner alone may read.
    Secret { path: &'static str, text: String, owner: &'static str },
    /// Makes a directory, if it is not there.
    Directory { path: &'static str },
    /// Makes a symbolic link, if there is nothing of its name.
    Link { path: &'static str, target: String },
    /// The same, if what it leads to is there.
    Restore { path: &'static str, target: &'static str },
    /// Deletes a file or a link, if it is there.
    Delete { path: &'static str },
    /// Waits until the site answers to this name.
    Served { host: String, has_certificate: bool },
}

impl Step {
    pub(super) fn run(program: &'static str, args: &[&str]) -> Self {
        Self::Run { program, args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }
}

/// Takes all steps, in their order.
pub(super) fn take(steps: &[Step], root: &Path) -> Result<(), SetupError> {
    for step in steps {
        let failed = |error: io::Error| SetupError::Step(format!("{}: {error}", name(step)));
        match step {
            Step::Run { program, args } => run(program, args, None).map_err(failed)?,
            Step::Feed { program, args, input } => run(program, args, Some(input)).map_err(failed)?,
            Step::Write { path, text } => write(&root.join(path), text).map_err(failed)?,
            Step::Secret { path, text, owner } => secret(&root.join(path), text, owner).map_err(failed)?,
            Step::Directory { path } => fs::create_dir_all(root.join(path)).map_err(failed)?,
            Step::Link { path, target } => link(&root.join(path), target).map_err(failed)?,
            Step::Restore { path, target } => {
                if root.join(target.trim_start_matches('/')).exists() {
                    link(&root.join(path), target).map_err(failed)?;
                }
            }
            Step::Delete { path } => delete(&root.join(path)).map_err(failed)?,
            Step::Served { host, has_certificate } => {
                served::wait(host, *has_certificate).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// What an error calls a step.
fn name(step: &Step) -> String {
    match step {
        Step::Run { program, args } | Step::Feed { program, args, .. } => {
            format!("{program} {}", args.join(" "))
        }
        Step::Write { path, .. }
        | Step::Link { path, .. }
        | Step::Secret { path, .. }
        | Step::Directory { path } => {
            format!("cannot make /{path}")
        }
        Step::Restore { path, .. } | Step::Delete { path } => format!("cannot change /{path}"),
        Step::Served { .. } => "nginx does not answer for the collector".to_owned(),
    }
}

/// What it prints goes where our own errors go, so that a person sees it.
fn run(program: &str, args: &[String], input: Option<&String>) -> io::Result<()> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut command = Command::new(program);
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").current_dir("/").stdin(stdin);
    let mut child = command.stdout(io::stderr()).spawn()?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// Beside it first, so that nobody reads half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let aside = path.with_extension("new");
    fs::write(&aside, text)?;
    fs::rename(aside, path)
}

/// Never open to others, not even while it is written.
fn secret(path: &Path, text: &str, owner: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let aside = path.with_extension("new");
    delete(&aside)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&aside)?;
    file.write_all(text.as_bytes())?;
    let user =
        User::from_name(owner)?.ok_or_else(|| io::Error::other(format!("there is no user {owner}")))?;
    fchown(&file, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    fs::rename(aside, path)
}

fn link(path: &Path, target: &str) -> io::Result<()> {
    match symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
