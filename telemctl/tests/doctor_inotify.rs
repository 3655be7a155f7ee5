//! Limits of inotify that other programs of the daemons' user have used up. In a process of its own, which is that user meanwhile.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use nix::sys::inotify::{InitFlags, Inotify};
use nix::unistd::{Uid, geteuid, seteuid};
use std::fs;
use std::os::unix::fs::chown;
use test_harness::Sandbox;

#[test]
fn inotify_that_other_programs_have_used_up() {
    if !geteuid().is_root() {
        return; // Only root becomes a user in whose limit nobody else of this machine is counted.
    }
    let instance = Sandbox::bare("server=http://127.0.0.1:1/\nspool_keep_free=0\n");
    instance.opt_in();
    fs::create_dir_all(instance.path("spool")).unwrap();
    let stranger = 3_123_456_789;
    chown(instance.path("spool"), Some(stranger), None).unwrap();
    instance.open_to_all("");
    instance.open_to_all("etc");
    seteuid(Uid::from_raw(stranger)).unwrap();
    let hogged: Vec<_> = std::iter::from_fn(|| Inotify::init(InitFlags::IN_CLOEXEC).ok()).collect();
    seteuid(Uid::from_raw(0)).unwrap();
    let etc = instance.path("etc").display().to_string();
    let begin =
        format!("error   inotify: etc_dir {etc} cannot be watched by user {stranger}: Too many open files");
    let said = instance.say(&["doctor"]).out;
    let found = said.lines().find(|line| line.starts_with(&begin)).map(str::to_owned);
    assert!(found.is_some_and(|line| line.contains("raise fs.inotify.max_user_instances")), "{said}");
    drop(hogged);
    let said = instance.say(&["doctor"]).out;
    assert!(!said.contains(" inotify: "), "{said}");
}
