//! In which order programs of ours write their files, as strace(1) sees it.

use crate::{Process, Sandbox, programs, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The system calls that matter here.
const CALLS: &str = "trace=open,openat,openat2,creat,write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat";

/// What happened to a file on its way to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was made aside: with `O_EXCL` and `O_NOFOLLOW`.
    Open,
    /// It was written to.
    Write,
    /// It was synced.
    Sync,
    /// It got its name.
    Rename,
    /// Its directory was synced, before anything else was made there.
    SyncDirectory,
}

/// A system call that succeeded.
#[derive(Clone, Debug)]
enum Call {
    Open { path: PathBuf, flags: String },
    Write(PathBuf),
    Sync(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
}

/// The system calls of programs that run in a sandbox.
#[derive(Debug)]
pub struct Trace<'a> {
    sandbox: &'a Sandbox,
    folder: tempfile::TempDir,
}

impl<'a> Trace<'a> {
    /// Nothing is traced yet.
    ///
    /// # Panics
    /// There is no room for its files.
    pub fn new(sandbox: &'a Sandbox) -> Self {
        // Not in the sandbox, where it would be a file that is written.
        Self { sandbox, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts a program of this build that is traced. Its process is the program's, not strace's.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(&self, name: &str, args: &[&str]) -> Process {
        Process::spawn(&self.sandbox.path(""), name, &mut self.command(name, args))
    }

    /// Starts a daemon with the sandbox's configuration.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_daemon(&self, name: &str) -> Process {
        self.start(name, &["-f", &self.sandbox.config_arg()])
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// It fails.
    pub fn run(&self, name: &str, args: &[&str]) {
        let output = self.command(name, args).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    }

    /// A command that traces a program of this build.
    pub fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new("strace");
        // A file a process, so that no call is torn in two by another process; the tracer behind the program; paths of
        // descriptors; none of the bytes.
        command.args(["-ff", "-D", "-y", "-s", "0", "-e", CALLS, "-o"]);
        command.arg(self.folder.path().join(name)).arg(programs::path(name)).args(args);
        command
    }

    /// How a file came to its name, each time that it did.
    ///
    /// # Panics
    /// A traced program does not end.
    pub fn replacements(&self, path: &Path) -> Vec<Vec<Step>> {
        self.processes().iter().flat_map(|calls| replacements(calls, path)).collect()
    }

    /// What happened to each segment of the spool in this directory into which something was written.
    ///
    /// # Panics
    /// A traced program does not end.
    pub fn segments(&self, spool: &Path) -> Vec<Vec<Step>> {
        let is_segment = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with(".seg-");
        let mut all = Vec::new();
        for calls in self.processes() {
            for (at, call) in calls.iter().enumerate() {
                if let Call::Open { path, flags } = call
                    && path.parent() == Some(spool)
                    && is_segment(path)
                    && flags.contains("O_EXCL")
                {
                    all.push(steps_of_segment(&calls[at + 1..], path));
                }
            }
        }
        all.retain(|steps| steps.contains(&Step::Write));
        all
    }

    /// All that was opened to be written to in the sandbox was made aside, or is a lock or a log that is appended to.
    ///
    /// # Panics
    /// Something was not.
    pub fn check_that_nothing_else_was_written(&self) {
        let root = self.sandbox.path("");
        let mut checked = 0;
        for call in self.processes().concat() {
            let Call::Open { path, flags } = call else { continue };
            if !path.starts_with(&root) || !(flags.contains("O_WRONLY") || flags.contains("O_RDWR")) {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let needed: &[&str] = match name {
                _ if name.starts_with(".new-") => &["O_CREAT", "O_EXCL", "O_NOFOLLOW"],
                // Made, or taken over from one that was killed.
                _ if name.starts_with(".seg-") => &["O_NOFOLLOW"],
                _ if name.ends_with(".lock") || name.starts_with("crash-slot.") => &["O_NOFOLLOW"],
                "journal" => &["O_APPEND", "O_NOFOLLOW"],
                _ => panic!("{} was written in place: {flags}", path.display()),
            };
            let has_all = needed.iter().all(|flag| flags.split('|').any(|it| it == *flag));
            assert!(has_all && !flags.contains("O_TRUNC"), "{}: {flags}", path.display());
            checked += 1;
        }
        assert!(checked > 0, "nothing was traced");
    }

    /// The calls of each process, in their order.
    fn processes(&self) -> Vec<Vec<Call>> {
        until("the end of what is traced", || {
            let files = fs::read_dir(self.folder.path()).unwrap();
            let texts: Vec<_> = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
            let is_complete =
                |text: &String| text.lines().next_back().is_some_and(|line| line.starts_with("+++"));
            texts.iter().all(is_complete).then(|| texts.iter().map(|text| calls_of(text)).collect())
        })
    }
}

fn calls_of(text: &str) -> Vec<Call> {
    text.lines().filter(|line| !line.starts_with(['-', '+'])).filter_map(call_of).collect()
}

/// Reads a line: `openat(5</dir>, "name", O_WRONLY|O_CREAT, 0600) = 7</dir/name>`.
fn call_of(line: &str) -> Option<Call> {
    let (call, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    match call {
        "open" | "openat" | "openat2" | "creat" => {
            let flags = arguments.split([',', ' ', ')', '=']).find(|field| field.starts_with("O_"));
            Some(Call::Open {
                path: descriptor(result)?,
                flags: flags.unwrap_or("O_WRONLY|O_TRUNC").to_owned(),
            })
        }
        "write" | "writev" | "pwrite64" => descriptor(arguments).map(Call::Write),
        "fsync" | "fdatasync" => descriptor(arguments).map(Call::Sync),
        "rename" | "renameat" | "renameat2" => {
            let mut fields = arguments.split('"');
            let (before, from) = (fields.next()?, fields.next()?);
            let (between, to) = (fields.next()?, fields.next()?);
            let below = |descriptors, name| descriptor(descriptors).unwrap_or_default().join(name);
            Some(Call::Rename { from: below(before, from), to: below(between, to) })
        }
        _ => panic!("{line}: a way of writing that nothing here should use"),
    }
}

/// The path of the descriptor that a text begins with, as `5</dir>`.
fn descriptor(text: &str) -> Option<PathBuf> {
    let (_, path) = text.split_once('<')?;
    Some(path.split_once('>')?.0.into())
}

fn replacements(calls: &[Call], path: &Path) -> Vec<Vec<Step>> {
    let aside = path.with_file_name(format!(".new-{}", path.file_name().unwrap().display()));
    let is_start = |call: &Call| matches!(call, Call::Open { path, .. } if *path == aside);
    let starts = calls.iter().enumerate().filter(|(_, call)| is_start(call));
    starts.map(|(at, _)| steps(&calls[at + 1..], &aside, path)).collect()
}

/// What becomes of a segment that was made just before these calls.
fn steps_of_segment(calls: &[Call], segment: &Path) -> Vec<Step> {
    let mut steps = vec![Step::Open];
    for call in calls {
        steps.push(match call {
            Call::Write(written) if written == segment => Step::Write,
            Call::Sync(synced) if synced == segment => Step::Sync,
            Call::Sync(synced) if Some(synced.as_path()) == segment.parent() => {
                // Of those that come later only the first is for its sake.
                if steps.contains(&Step::SyncDirectory) {
                    continue;
                }
                Step::SyncDirectory
            }
            Call::Rename { from, .. } if from == segment => {
                steps.push(Step::Rename);
                break;
            }
            _ => continue,
        });
    }
    steps
}

/// What becomes of a file that was opened just before these calls.
fn steps(calls: &[Call], aside: &Path, path: &Path) -> Vec<Step> {
    let mut steps = vec![Step::Open];
    for call in calls {
        let is_renamed = steps.contains(&Step::Rename);
        let step = match call {
            // Whatever is synced from now on, it is for the sake of another file.
            Call::Open { path: other, flags }
                if is_renamed && other.parent() == path.parent() && flags.contains("O_CREAT") =>
            {
                break;
            }
            Call::Write(written) if written == aside => Step::Write,
            Call::Sync(synced) if synced == aside => Step::Sync,
            Call::Sync(synced) if is_renamed && Some(synced.as_path()) == path.parent() => {
                steps.push(Step::SyncDirectory);
                break;
            }
            Call::Rename { from, to } if from == aside && to == path => Step::Rename,
            _ => continue,
        };
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }
    steps
}
