//! A spool that is moved away, removed, replaced or mounted over while both daemons run: records go where the
//! configuration says, and are sent from there.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use test_harness::server::Server;
use test_harness::{Process, Sandbox, frame};

const CLASS: &str = "org.example/replaced/spool";

/// Both daemons on one spool, with a server that takes everything.
struct Running {
    server: Server,
    sandbox: Sandbox,
    telemprobd: Process,
    telempostd: Process,
    sent: usize,
}

impl Running {
    fn start() -> Self {
        let (server, sandbox) = (Server::accepting(), Sandbox::with_spool());
        sandbox.configure(&server.url(), "");
        let telemprobd = sandbox.start_telemprobd();
        let telempostd = sandbox.start_telempostd();
        let mut running = Self { server, sandbox, telemprobd, telempostd, sent: 0 };
        running.assert_delivers();
        running.sandbox.wait_until_empty();
        running
    }

    /// Sends a record, which has to be answered as stored and to reach the server.
    fn assert_delivers(&mut self) {
        assert_eq!(self.send(), Some(0));
        self.sent += 1;
        let received = self.server.wait_for(self.sent);
        assert_eq!(received[self.sent - 1].text(), format!("record {}", self.sent));
    }

    /// The answer to a record.
    fn send(&self) -> Option<i32> {
        let payload = format!("record {}", self.sent + 1);
        frame::send(&self.sandbox.socket_path(), &frame::good(CLASS, &payload))
    }

    /// Each daemon has to have said once that it goes on elsewhere.
    fn assert_said(&self, times: usize) {
        for daemon in [&self.telemprobd, &self.telempostd] {
            daemon.wait_for_log("another directory is there now");
            let log = daemon.log();
            assert_eq!(log.matches("another directory is there now").count(), times, "{log}");
        }
    }
}

#[test]
fn one_that_is_moved_away_is_made_anew() {
    let mut running = Running::start();
    fs::rename(running.sandbox.path("spool"), running.sandbox.path("moved")).unwrap();
    for _ in 0..3 {
        running.assert_delivers();
    }
    running.assert_said(1);
}

#[test]
fn one_that_is_removed_and_remade_is_the_spool() {
    let mut running = Running::start();
    let spool = running.sandbox.spool_dir();
    fs::remove_dir_all(&spool).unwrap();
    fs::create_dir(&spool).unwrap();
    for _ in 0..3 {
        running.assert_delivers();
    }
    running.assert_said(1);
}

#[test]
fn one_that_is_swapped_with_another_is_swept_locked_and_delivered() {
    let mut running = Running::start();
    let other = running.sandbox.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(".new-left"), "half").unwrap();
    fs::rename(running.sandbox.spool_dir(), running.sandbox.path("moved")).unwrap();
    fs::rename(&other, running.sandbox.spool_dir()).unwrap();
    running.assert_delivers();
    running.assert_said(1);
    let spool = running.sandbox.spool_dir();
    assert!(!spool.join(".new-left").exists());
    assert!(spool.join(".telemprobd.lock").exists() && spool.join(".telempostd.lock").exists());
}

#[test]
fn where_none_can_be_made_the_answer_is_no_until_one_is_there() {
    let mut running = Running::start();
    let spool = running.sandbox.spool_dir();
    // Not even root can make a directory of the name of a file. In one step, since either daemon would make it at once.
    let file = running.sandbox.write("file", "in the way");
    renameat2(AT_FDCWD, &file, AT_FDCWD, &spool, RenameFlags::RENAME_EXCHANGE).unwrap();
    for _ in 0..100 {
        assert_eq!(running.send(), Some(-(Errno::ENOENT as i32)));
    }
    running.telempostd.wait_for_log("cannot be made anew");
    let log = running.telemprobd.log();
    assert!(log.matches("spool_dir=").count() <= 2, "{log}");
    fs::remove_file(&spool).unwrap();
    running.assert_delivers();
    running.assert_said(1);
    running.telempostd.stop();
}

#[test]
fn a_mount_over_it_is_followed_and_its_end_too() {
    if !geteuid().is_root() {
        println!("skipped: only root mounts");
        return;
    }
    let mut running = Running::start();
    let spool = running.sandbox.spool_dir();
    let mount = Mount::tmpfs_over(&spool);
    fs::set_permissions(&spool, Permissions::from_mode(0o750)).unwrap();
    running.assert_delivers();
    running.assert_said(1);
    assert!(spool.join(".telempostd.lock").exists());
    drop(mount);
    running.assert_delivers();
    running.assert_said(2);
}

#[test]
fn a_mount_that_cannot_be_used_is_waited_for_and_costs_neither_daemon_its_life() {
    if !geteuid().is_root() {
        println!("skipped: only root mounts");
        return;
    }
    // The root directory takes the one inode.
    for (options, said) in
        [("nr_inodes=1", "nothing is sent until it can be used"), ("ro", "which cannot be used")]
    {
        let mut running = Running::start();
        let spool = running.sandbox.spool_dir();
        let mount = Mount::tmpfs_with(&spool, options);
        running.telempostd.wait_for_log(said);
        assert!(running.send().unwrap() < 0, "{options}");
        drop(mount);
        running.assert_delivers();
        let log = running.telempostd.stop();
        assert_eq!(log.matches(said).count(), 1, "{log}");
        running.telemprobd.stop();
    }
}

#[test]
fn a_reload_onto_a_spool_that_cannot_be_used_waits_for_it_or_for_the_next_configuration() {
    let mut running = Running::start();
    let good = fs::read_to_string(running.sandbox.config()).unwrap();
    let spool = running.sandbox.spool_dir().display().to_string();
    fs::write(
        running.sandbox.config(),
        good.replace(&spool, &running.sandbox.write("file", "").display().to_string()),
    )
    .unwrap();
    running.telempostd.signal(Signal::SIGHUP);
    running.telempostd.wait_for_log("nothing is sent until it can be used");
    fs::write(running.sandbox.config(), good).unwrap();
    running.telempostd.signal(Signal::SIGHUP);
    running.assert_delivers();
    running.telempostd.stop();
}

/// A mount, which ends with the value.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn tmpfs_over(path: &'a Path) -> Self {
        Self::tmpfs_with(path, "rw")
    }

    fn tmpfs_with(path: &'a Path, options: &str) -> Self {
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status().unwrap();
        assert!(status.success());
        Self(path)
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // Lazily: both daemons still have it open.
        let status = Command::new("umount").arg("-l").arg(self.0).status().unwrap();
        assert!(status.success());
    }
}
