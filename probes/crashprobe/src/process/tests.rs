//! Real processes: the one that is meant, others, and those that are gone.

use super::*;
use crate::syscall::pidfd_open;
use crate::users::NOBODY;
use std::fs::Permissions;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A process that waits until it is ended, which it is when this is dropped.
struct Waiting(Child);

impl Waiting {
    fn start(command: &mut Command) -> Self {
        // `cat` waits for the end of its input.
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn cat() -> Self {
        Self::start(&mut Command::new("/bin/cat"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    fn target(&self) -> Target {
        let pidfd = Some(pidfd_open(self.pid()).unwrap());
        Target { pid: self.pid(), tid: Some(self.pid()), pidfd, is_open_to_its_user: true }
    }

    /// Once it echoes, it is `cat`, and its mappings are its own.
    fn wait_until_it_runs(&mut self) {
        use std::io::Write;
        self.0.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        self.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_root(what: &str) -> bool {
    if !users::is_root() {
        eprintln!("skipped: {what}, since this is not root");
    }
    users::is_root()
}

fn text(found: Option<RegularFile>) -> Option<String> {
    found.map(|found| io::read_to_string(found.file).unwrap())
}

#[test]
fn a_pidfd_opens_its_process_and_no_other() {
    let (process, other) = (Waiting::cat(), Waiting::cat());
    assert!(CrashedProcess::open(&process.target()).is_ok());
    let mixed = Target { pidfd: other.target().pidfd, ..process.target() };
    assert!(matches!(CrashedProcess::open(&mixed), Err(Unreachable::OtherPidfd(_))));
    let no_pidfd = File::open("/dev/null").unwrap().into();
    let file = Target { pidfd: Some(no_pidfd), ..process.target() };
    assert!(matches!(CrashedProcess::open(&file), Err(Unreachable::OtherPidfd(_))));
}

#[test]
fn without_a_pidfd_the_kernel_must_be_writing_a_core() {
    let process = Waiting::cat();
    let target = Target { pidfd: None, ..process.target() };
    assert!(matches!(CrashedProcess::open(&target), Err(Unreachable::OtherProcess(_))));
}

#[test]
fn a_process_that_has_ended_is_not_opened() {
    let mut process = Waiting::cat();
    let target = process.target();
    process.0.kill().unwrap();
    // Not waited for, its number and its directory are still there. Its end is what a pidfd shows.
    let mut polled = [PollFd::new(target.pidfd.as_ref().unwrap().as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut polled, PollTimeout::from(60_000_u16)), Ok(1));
    assert!(matches!(CrashedProcess::open(&target), Err(Unreachable::Ended(_))));
    process.end();
    assert!(matches!(CrashedProcess::open(&target), Err(Unreachable::Gone(..))));
    for pid in [0, -1, i32::MAX] {
        let target = Target { pid, pidfd: None, tid: None, is_open_to_its_user: true };
        assert!(matches!(CrashedProcess::open(&target), Err(Unreachable::Gone(..))), "{pid}");
    }
}

#[test]
fn what_was_opened_is_of_no_use_after_the_process() {
    let mut process = Waiting::cat();
    process.wait_until_it_runs();
    let opened = CrashedProcess::open(&process.target()).unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.pid())).unwrap();
    let start = u64::from_str_radix(maps.split_once('-').unwrap().0, 16).unwrap();
    let read = || opened.memory.as_ref().map(|process| process.memory.read_at(&mut [0; 4], start).unwrap());
    assert!(text_in(&opened.dir, "stat").is_ok());
    assert!(matches!(read(), Some(4) | None));
    process.end();
    assert!(text_in(&opened.dir, "stat").is_err());
    assert!(opened.mapped_file(1, 2).is_none());
    assert!(matches!(read(), Some(0) | None), "the memory is gone");
}

#[test]
fn a_thread_that_is_not_the_processs_is_not_looked_at() {
    let (process, other) = (Waiting::cat(), Waiting::cat());
    for tid in [None, Some(other.pid()), Some(-1)] {
        let opened = CrashedProcess::open(&Target { tid, ..process.target() }).unwrap();
        let own = std::fs::read(format!("/proc/{}/auxv", process.pid())).unwrap();
        if let Some(mut process) = opened.memory.filter(|_| users::is_root()) {
            let mut bytes = Vec::new();
            process.auxv.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, own);
        }
    }
}

#[test]
fn a_mapped_file_is_opened_though_it_is_deleted() {
    if !is_root("files of map_files") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::copy("/bin/cat", &program).unwrap();
    let mut process = Waiting::start(&mut Command::new(&program));
    process.wait_until_it_runs();
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "another").unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.pid())).unwrap();
    let line = maps.lines().find(|line| line.contains("/program (deleted)")).unwrap();
    let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
    let address = |text| u64::from_str_radix(text, 16).unwrap();
    let opened = CrashedProcess::open(&process.target()).unwrap();
    let found = opened.mapped_file(address(start), address(end)).unwrap();
    assert_eq!(found.bytes, std::fs::metadata("/bin/cat").unwrap().len());
    let mut bytes = Vec::new();
    File::read_to_end(&mut { found.file }, &mut bytes).unwrap();
    assert!(bytes == std::fs::read("/bin/cat").unwrap());
    assert!(opened.mapped_file(address(start), address(end) + 4096).is_none());
}

#[test]
fn a_path_leads_where_the_process_itself_would_have_come() {
    if !is_root("rights of another user") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    for (name, mode) in [("public", 0o644), ("secret", 0o600)] {
        std::fs::write(dir.path().join(name), name).unwrap();
        std::fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
    }
    let mut process = Waiting::start(Command::new("/bin/cat").uid(NOBODY.uid).gid(NOBODY.gid));
    process.wait_until_it_runs();
    let opened = CrashedProcess::open(&process.target()).unwrap();
    assert_eq!(opened.user, NOBODY);
    let path = |name| dir.path().join(name);
    assert_eq!(text(opened.file_by_path(&path("public"))).as_deref(), Some("public"));
    assert_eq!(text(opened.file_by_path(&path("secret"))), None);
    assert_eq!(nix::unistd::setfsuid(nix::unistd::Uid::from_raw(u32::MAX)).as_raw(), 0, "root again");
    let closed = Target { is_open_to_its_user: false, ..process.target() };
    assert_eq!(text(CrashedProcess::open(&closed).unwrap().file_by_path(&path("public"))), None);
}
