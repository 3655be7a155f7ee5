use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

const BOTH: [Durability; 2] = [Durability::Synced, Durability::Atomic];

fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_new_file_takes_the_place_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    for durability in BOTH {
        for text in ["one", "two, longer", ""] {
            replace_path(&path, text.as_bytes(), Attributes::new(0o600), durability).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
    assert_eq!(names(dir.path()), ["state"]);
    let error = replace_path(&dir.path().join(".."), b"", Attributes::new(0o600), Durability::Atomic);
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn mode_and_time_are_as_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let time = UNIX_EPOCH + Duration::from_nanos(1_522_672_881_000_000_007);
    // 0666 is less than any usual umask leaves.
    for mode in [0o600, 0o640, 0o644, 0o666] {
        let attributes = Attributes::new(mode).with_modified(time);
        replace_path(&dir.path().join("f"), b"x", attributes, Durability::Atomic).unwrap();
        let metadata = fs::metadata(dir.path().join("f")).unwrap();
        assert_eq!((metadata.mode() & MODE_BITS, metadata.modified().unwrap()), (mode, time));
    }
}

#[test]
fn what_root_makes_for_a_user_is_that_users() {
    let dir = tempfile::tempdir().unwrap();
    let writer = nix::unistd::geteuid();
    let owner = if writer.is_root() { 4321 } else { writer.as_raw() };
    std::os::unix::fs::chown(dir.path(), Some(owner), None).unwrap();
    for (name, attributes, expected) in [
        ("theirs", Attributes::of_directory(0o600), owner),
        ("ours", Attributes::new(0o600), writer.as_raw()),
    ] {
        replace_path(&dir.path().join(name), b"", attributes, Durability::Atomic).unwrap();
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (expected, 0o600), "{name}");
    }
}

#[test]
fn what_stands_in_the_way_is_removed_and_never_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    for (durability, is_link) in [(Durability::Synced, true), (Durability::Atomic, false)] {
        fs::write(&target, "somebody's").unwrap();
        let aside = dir.path().join(".new-state");
        if is_link {
            symlink(&target, &aside).unwrap();
        } else {
            // A second name of a file of somebody's, as a killed process would leave one of its own.
            fs::hard_link(&target, &aside).unwrap();
        }
        replace_path(&dir.path().join("state"), b"ours", Attributes::new(0o600), durability).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
        assert_eq!(fs::read_to_string(dir.path().join("state")).unwrap(), "ours");
        assert!(!aside.exists());
    }
}

#[test]
fn a_link_in_place_of_the_file_is_replaced_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (path, target) = (dir.path().join("state"), dir.path().join("target"));
    fs::write(&target, "somebody's").unwrap();
    symlink(&target, &path).unwrap();
    replace_path(&path, b"ours", Attributes::new(0o600), Durability::Synced).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for durability in BOTH {
        // A directory cannot be replaced by a file: the rename fails, after all has been written.
        fs::create_dir_all(dir.path().join("state/inside")).unwrap();
        replace_path(&dir.path().join("state"), b"x", Attributes::new(0o600), durability).unwrap_err();
        assert_eq!(names(dir.path()), ["state"]);
        assert_eq!(names(&dir.path().join("state")), ["inside"]);
    }
    // Nor does anything go into a directory that is not there.
    replace_path(&dir.path().join("none/f"), b"", Attributes::new(0o600), Durability::Atomic).unwrap_err();
}

/// Runs itself in a process of its own that may not write 8 KiB: in this one the limit would be every test's.
#[test]
fn a_write_that_does_not_fit_leaves_the_old_file_and_nothing_else() {
    if let Some(path) = std::env::var_os("TEST_FULL_STATE") {
        for durability in BOTH {
            let written = replace_path(Path::new(&path), &[0; 1 << 20], Attributes::new(0o600), durability);
            assert_eq!(written.unwrap_err().raw_os_error(), Some(libc::EFBIG));
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    replace_path(&path, b"old", Attributes::new(0o600), Durability::Synced).unwrap();
    let command = "ulimit -f 8; trap '' XFSZ; exec \"$0\" --exact \
        replace::tests::a_write_that_does_not_fit_leaves_the_old_file_and_nothing_else";
    let limited = std::process::Command::new("sh")
        .args(["-c", command])
        .arg(std::env::current_exe().unwrap())
        .env("TEST_FULL_STATE", &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&limited.stdout);
    assert!(limited.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(dir.path()), ["state"]);
}

#[test]
fn files_written_aside_appear_together() {
    let dir = tempfile::tempdir().unwrap();
    let directory = open_directory(dir.path()).unwrap();
    for name in ["a", "b"] {
        write_aside(&directory, name, name.as_bytes(), Attributes::new(0o600), Durability::Synced).unwrap();
    }
    assert_eq!(names(dir.path()), [aside_name("a"), aside_name("b")]);
    for name in ["a", "b"] {
        rename_aside(&directory, name).unwrap();
    }
    sync_directory(&directory).unwrap();
    assert_eq!(names(dir.path()), ["a", "b"]);
    for _ in 0..2 {
        remove(&directory, "a").unwrap();
    }
    assert_eq!(names(dir.path()), ["b"]);
}
