//! `/proc/PID` of the crashed process, opened once and made sure of, so that all that is opened through it belongs to
//! that process or to none.
//!
//! The order matters: the directory is opened first, then its process is checked. A directory of `/proc` stays with
//! its process and is of no use after its end, so that a process that takes the number later is never seen.
//!
//! Memory, auxiliary vector and root are those of the thread that crashed: the first thread may have ended long
//! before, and has none of them then.

use super::identity;
use super::openat2::{self, RegularFile};
use super::users::{self, User};
use crate::limits::{NAME_BYTES, PROC_TEXT_BYTES, PROC_TEXT_USUAL_BYTES};
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, stat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The process that the kernel started the handler for, by its arguments.
#[derive(Debug)]
pub struct Target {
    /// Process id.
    pub pid: i32,
    /// The thread that crashed.
    pub tid: Option<i32>,
    /// The process, as a descriptor that can mean no other (Linux 6.16).
    pub pidfd: Option<OwnedFd>,
    /// Whether its user may see into it: it is no set-user-id program, could read its own executable, and so on.
    pub is_open_to_its_user: bool,
}

/// The crashed process, while the kernel holds it.
#[derive(Debug)]
pub struct CrashedProcess {
    dir: OwnedFd,
    root: Option<OwnedFd>,
    /// Who the process was, when it opened files.
    pub user: User,
    is_open_to_its_user: bool,
    /// Its memory, as far as it can be had.
    pub memory: Option<ProcessMemory>,
}

/// What the worker can read of a process.
#[derive(Debug)]
pub struct ProcessMemory {
    /// `/proc/PID/mem`.
    pub memory: File,
    /// `/proc/PID/auxv`, which distinguishes two processes of the same number: it has random addresses.
    pub auxv: File,
}

/// Why a process is not read; the core comes through the pipe in any case.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// It is gone, or `/proc` is not there.
    #[error("/proc/{0} cannot be opened: {1}")]
    Gone(i32, io::Error),
    /// The descriptor is none of this process.
    #[error("the pidfd is not one of process {0}")]
    OtherPidfd(i32),
    /// It ended before its directory was open.
    #[error("process {0} has ended")]
    Ended(i32),
    /// It is not the one that crashed.
    #[error("process {0} is not the one that crashed")]
    OtherProcess(i32),
}

impl CrashedProcess {
    /// Opens the process and makes sure of it.
    ///
    /// # Errors
    /// [`Unreachable`].
    pub fn open(target: &Target) -> Result<Self, Unreachable> {
        let pid = target.pid;
        let gone = |error| Unreachable::Gone(pid, error);
        if pid <= 0 {
            return Err(gone(io::Error::from(io::ErrorKind::InvalidInput)));
        }
        let dir = directory(Path::new("/proc"), &pid.to_string()).map_err(gone)?;
        let status = text_in(&dir, "status").map_err(gone)?;
        match &target.pidfd {
            Some(pidfd) => check_pidfd(pidfd, pid)?,
            None => check_start(&dir, &status, pid)?,
        }
        let task = target.tid.and_then(|tid| directory_in(&dir, &format!("task/{tid}")).ok());
        let crashed = task.as_ref().unwrap_or(&dir);
        let files = open_in(crashed, "mem").ok().zip(open_in(crashed, "auxv").ok());
        let (uid, gid) = identity::file_system_ids(&status).ok_or(Unreachable::OtherProcess(pid))?;
        Ok(Self {
            root: directory_in(crashed, "root").ok(),
            user: User { uid, gid },
            is_open_to_its_user: target.is_open_to_its_user,
            memory: files.map(|(memory, auxv)| ProcessMemory { memory, auxv }),
            dir,
        })
    }

    /// Opens the very file that this range of the process shows, were it deleted or in another mount namespace.
    pub fn mapped_file(&self, start: u64, end: u64) -> Option<RegularFile> {
        let link = format!("map_files/{start:x}-{end:x}");
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat2::open_found(&openat(&self.dir, link.as_str(), flags, Mode::empty()).ok()?)
    }

    /// Opens a file by a path of the process, if the process itself could have: with the rights of its user, and
    /// not at all where that user was not meant to see into the process.
    pub fn file_by_path(&self, path: &Path) -> Option<RegularFile> {
        self.file(|root| openat2::open_below(root, path))
    }

    /// As [`CrashedProcess::file_by_path`], by a path that is foreign: no link in it is followed.
    pub fn file_without_links(&self, path: &Path) -> Option<RegularFile> {
        self.file(|root| openat2::open_without_links(root, path))
    }

    /// Whether its root and its mounts are those of this process.
    pub fn is_of_this_machine(&self) -> bool {
        let id = |stat: nix::Result<FileStat>| stat.map(|stat| (stat.st_dev, stat.st_ino)).ok();
        let is_same = |own: Option<_>, its: Option<_>| own.is_some() && own == its;
        let root = self.root.as_ref().and_then(|root| id(fstat(root)));
        let mounts = id(fstatat(&self.dir, "ns/mnt", AtFlags::empty()));
        is_same(id(stat("/")), root) && is_same(id(stat("/proc/self/ns/mnt")), mounts)
    }

    /// What the program calls a thread.
    pub fn thread_name(&self, tid: u32) -> Option<String> {
        // All of it comes with one read; there may be hundreds of threads, and the process is held meanwhile.
        let mut bytes = [0; NAME_BYTES];
        let length = open_in(&self.dir, &format!("task/{tid}/comm")).ok()?.read(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(bytes.get(..length)?);
        Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    fn file(&self, open: impl FnOnce(BorrowedFd<'_>) -> Option<RegularFile>) -> Option<RegularFile> {
        let root = self.root.as_ref().filter(|_| self.is_open_to_its_user)?;
        let open = || open(root.as_fd());
        if users::is_root() { users::read_as(self.user, open) } else { open() }
    }
}

/// The pidfd is one of the process, which was alive after its directory was opened.
fn check_pidfd(pidfd: &OwnedFd, pid: i32) -> Result<(), Unreachable> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()));
    match text.ok().as_deref().map(identity::pid_of_pidfd) {
        Some(Some(meant)) if meant == pid => {}
        _ => return Err(Unreachable::OtherPidfd(pid)),
    }
    // Readable once the process has ended.
    let mut polled = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    match poll(&mut polled, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        _ => Err(Unreachable::Ended(pid)),
    }
}

/// The process is older than this one, and the kernel is writing a core of it.
fn check_start(dir: &OwnedFd, status: &str, pid: i32) -> Result<(), Unreachable> {
    let gone = |error| Unreachable::Gone(pid, error);
    let stat = text_in(dir, "stat").map_err(gone)?;
    let own = File::open("/proc/self/stat").and_then(text_of).map_err(gone)?;
    let is_it = identity::is_dumping(status) && identity::is_not_younger(&stat, &own);
    is_it.then_some(()).ok_or(Unreachable::OtherProcess(pid))
}

fn directory(parent: &Path, name: &str) -> io::Result<OwnedFd> {
    let parent = nix::fcntl::open(parent, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    directory_in(&parent, name)
}

fn directory_in(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

fn open_in(dir: &OwnedFd, name: &str) -> io::Result<File> {
    Ok(openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.into())
}

fn text_in(dir: &OwnedFd, name: &str) -> io::Result<String> {
    text_of(open_in(dir, name)?)
}

fn text_of(file: File) -> io::Result<String> {
    // What grows from 32 bytes is read eight times over.
    let mut bytes = Vec::with_capacity(PROC_TEXT_USUAL_BYTES);
    file.take(PROC_TEXT_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
