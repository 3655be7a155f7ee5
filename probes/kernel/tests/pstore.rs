//! Dumps and what is sent of them, side by side in `pstore/`: NAME/ and NAME.expected; `pstore/make-dumps.sh` made the
//! dumps. `RENEW_GOLDEN=1 cargo test -p telemetry-kernel --test pstore` writes the expected ones anew; read the difference then.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs::{self, FileTimes, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, UNIX_EPOCH};
use test_harness::{Sandbox, directory};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pstore")
}

fn directories() -> Vec<PathBuf> {
    let entries = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let mut directories: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    directories.sort();
    assert!(directories.len() > 10, "{directories:?}");
    directories
}

/// pstoreprobe in a directory of its own, where nobody has opted in: --from sends nothing.
fn pstoreprobe(etc_files: &[&str], dumps: &Path) -> Output {
    let sandbox = Sandbox::bare("");
    etc_files.iter().for_each(|name| drop(sandbox.write(&format!("etc/{name}"), "")));
    let copied = sandbox.path("dumps");
    if dumps.exists() {
        directory::copy(dumps, &copied);
    }
    let before = tree(&copied);
    // With the same time for all files: those of a checkout say nothing.
    let modified = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_secs(1_522_672_881));
    for file in before.iter().filter(|path| path.is_file()) {
        OpenOptions::new().write(true).open(file).unwrap().set_times(modified).unwrap();
    }
    let output = sandbox.run("pstoreprobe", &["--from", copied.to_str().unwrap()]);
    assert_eq!(tree(&copied), before, "nothing is removed");
    output
}

fn tree(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            let below = if path.is_dir() { tree(&path) } else { Vec::new() };
            [path].into_iter().chain(below)
        })
        .collect();
    paths.sort();
    paths
}

fn printed(dumps: &Path) -> String {
    let output = pstoreprobe(&[], dumps);
    assert!(output.status.success(), "{}: {}", dumps.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_directory_gives_what_stands_beside_it() {
    for dumps in directories() {
        let expected = dumps.with_extension("expected");
        let printed = printed(&dumps);
        if std::env::var_os("RENEW_GOLDEN").is_some() {
            fs::write(&expected, printed).unwrap();
        } else {
            assert_eq!(printed, fs::read_to_string(expected).unwrap(), "{}", dumps.display());
        }
    }
}

#[test]
fn old_and_new_names_packed_or_not_tell_the_same() {
    let records = |name: &str| printed(&golden().join(name));
    assert_eq!(records("efi_new_names"), records("packed"));
    let of_archive = records("archive");
    let old = records("efi_old_names");
    let (record, count) = old.rsplit_once("# ").unwrap();
    assert_eq!(count, "1 record would be sent\n");
    assert!(of_archive.contains(record), "joined parts say what the parts say: {of_archive}");
}

#[test]
fn no_address_is_told_unless_the_administrator_says_so() {
    for dumps in directories() {
        let printed = printed(&dumps);
        let words = printed.split(|c: char| !c.is_ascii_alphanumeric());
        let addresses: Vec<_> = words.filter(|word| word.len() == 16 && word.starts_with("ffff")).collect();
        assert!(addresses.is_empty(), "{}: {addresses:?}", dumps.display());
    }
    let output = pstoreprobe(&["opt-in-no-privacy-filters"], &golden().join("packed"));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\nRegister RSP: 0018:ffffb1b2c0207e60\n"), "{printed}");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let output = pstoreprobe(&[], Path::new("/nonexistent"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("dumps: No such file"), "{output:?}");
}
