use super::*;
use crate::disks::{Wanted, chosen};
use std::fs;

fn root_alone() -> Vec<Question> {
    let (mounts, more) = chosen(&Source::machine(), &Wanted::Named(vec!["/".to_owned()])).unwrap();
    assert_eq!((mounts.len(), more), (1, 0));
    mounts.into_iter().map(Question::FileSystem).collect()
}

#[test]
fn the_root_and_the_temperature_are_answered_and_nobody_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut helpers = Helpers::new(Some(dir.path()));
    let mut questions = root_alone();
    questions.push(Question::Temperature);
    let answers = helpers.ask(&Source::machine(), &questions);
    let usage = usage(*answers[0].as_ref().unwrap());
    let expected = nix::sys::statvfs::statvfs("/").unwrap();
    assert_eq!((usage.blocks, usage.block_bytes), (expected.blocks(), expected.fragment_size()));
    assert!(answers[1].is_ok());
    assert!(dir.path().join(LOCK_FILE).exists());
    while !helpers.ending.is_empty() {
        helpers.reap();
        std::thread::yield_now();
    }
}

#[test]
fn what_somebody_waits_for_already_is_not_asked_again_and_the_rest_is() {
    let dir = tempfile::tempdir().unwrap();
    let questions = [root_alone(), vec![Question::Temperature]].concat();
    let key = questions[0].key();
    let path = dir.path().join(LOCK_FILE);
    // Another process that hangs there.
    let (holder, socket) = fork::start(c"holder", |socket| {
        let file = telemetry_files::open_lock_file(&path, telemetry_files::Owner::OfDirectory).unwrap();
        assert!(child::set_lock(&file, key, libc::F_WRLCK));
        nix::sys::socket::send(socket.as_raw_fd(), b"x", MsgFlags::empty()).unwrap();
        let _ = recv(socket.as_raw_fd(), &mut [0; 1], MsgFlags::empty());
    })
    .unwrap();
    recv(socket.as_raw_fd(), &mut [0; 1], MsgFlags::empty()).unwrap();
    let mut helpers = Helpers::new(Some(dir.path()));
    let answers = helpers.ask(&Source::machine(), &questions);
    assert_eq!(answers[0], Err(SensorError::StillHangs));
    assert!(answers[1].is_ok());
    drop(socket);
    waitpid(holder, None).unwrap();
    assert!(helpers.ask(&Source::machine(), &questions)[0].is_ok());
}

#[test]
fn a_mount_that_is_another_here_is_hidden_and_one_that_is_gone_an_error() {
    let root = tempfile::tempdir().unwrap();
    let proc = root.path().join("proc/1");
    fs::create_dir_all(&proc).unwrap();
    fs::write(proc.join("mountinfo"), "1 1 4095:7 / / rw - ext4 x rw\n2 1 4095:8 / /none rw - ext4 y rw\n")
        .unwrap();
    let source = Source::below(root.path());
    let (mounts, _) = chosen(&source, &Wanted::Local).unwrap();
    let questions: Vec<_> = mounts.into_iter().map(Question::FileSystem).collect();
    let answers = Helpers::default().ask(&source, &questions);
    assert_eq!(answers[0], Err(SensorError::Hidden));
    assert!(
        matches!(&answers[1], Err(SensorError::Other(text)) if text.contains("No such file")),
        "{answers:?}"
    );
}
