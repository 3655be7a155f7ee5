//! What descends from a process: found by the parents that `/proc` names, since a group can be left and a parent cannot.

use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;

/// A line of `/proc/PID/stat`.
const STAT_BYTES: u64 = 1024;

/// The children of a thread, whose numbers have up to 7 digits. Of more the rest is met once these have ended.
const CHILDREN_BYTES: u64 = 64 * 1024;

/// Of `/proc/PID/task`: its own two, and that of a thread.
const LINKS_OF_ONE_THREAD: u64 = 3;

/// Whether the kernel says of a process which children it has; else all processes are asked for their parents.
pub(super) fn are_known() -> bool {
    Path::new("/proc/thread-self/children").exists()
}

/// All below this process but these and what is below them; of those that are born meanwhile some. Up to this many; each is
/// passed on at once.
pub(super) fn below(root: Pid, kept: &[Pid], limit: usize, mut take: impl FnMut(Pid)) -> Vec<Pid> {
    let by_parent = (!are_known()).then(by_parent);
    let children = |parent: Pid| match &by_parent {
        Some(by_parent) => by_parent.get(&parent).cloned().unwrap_or_default(),
        None => children(parent),
    };
    let (mut found, mut waiting, mut seen) = (Vec::new(), vec![root], HashSet::new());
    while let Some(parent) = waiting.pop() {
        for child in children(parent) {
            if found.len() >= limit {
                return found;
            }
            if !kept.contains(&child) && seen.insert(child) {
                take(child);
                found.push(child);
                waiting.push(child);
            }
        }
    }
    found
}

/// The children of all threads of a process; none if it has ended.
fn children(parent: Pid) -> Vec<Pid> {
    let of_thread = |thread: &Path| {
        let list = bounded_file::read_head(&thread.join("children"), CHILDREN_BYTES);
        list.map(|list| numbers(&list)).unwrap_or_default()
    };
    let threads = PathBuf::from(format!("/proc/{parent}/task"));
    match fs::metadata(&threads) {
        Err(_) => Vec::new(),
        // Most have one thread, and time counts where they are many.
        Ok(found) if found.nlink() == LINKS_OF_ONE_THREAD => of_thread(&threads.join(parent.to_string())),
        Ok(_) => {
            let threads = fs::read_dir(threads).into_iter().flatten().filter_map(Result::ok);
            threads.flat_map(|thread| of_thread(&thread.path())).collect()
        }
    }
}

/// Numbers that a blank follows: of the last one some digits may be missing.
fn numbers(list: &[u8]) -> Vec<Pid> {
    let words = list.split_inclusive(|byte| *byte == b' ').filter_map(|word| word.strip_suffix(b" "));
    let numbers = words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
    numbers.map(Pid::from_raw).collect()
}

/// All processes by their parents.
fn by_parent() -> HashMap<Pid, Vec<Pid>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let stat =
            number.and_then(|_: i32| bounded_file::read_head(&entry.path().join("stat"), STAT_BYTES).ok());
        if let (Some(number), Some(parent)) = (number, stat.and_then(|stat| parent(&stat))) {
            children.entry(Pid::from_raw(parent)).or_default().push(Pid::from_raw(number));
        }
    }
    children
}

/// `PID (NAME) STATE PARENT ...`, where a name may have brackets and blanks in it.
fn parent(stat: &[u8]) -> Option<i32> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_parent_stands_behind_any_name() {
        assert_eq!(parent(b"12 (a) R 5 6) S 34 1 1"), Some(34));
        assert_eq!(parent(b"12 (\xff) S 34"), Some(34));
        assert_eq!((parent(b"12 (a"), parent(b""), parent(b"1 (a) S")), (None, None, None));
    }

    #[test]
    fn a_number_that_was_cut_is_another() {
        assert_eq!(numbers(b"12 345 6789").iter().map(|pid| pid.as_raw()).collect::<Vec<_>>(), [12, 345]);
        assert_eq!(numbers(b""), []);
    }

    #[test]
    fn both_ways_find_a_childs_child() {
        let mut shell = Command::new("/bin/sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let root = Pid::from_raw(shell.id().cast_signed());
        let sleep = loop {
            if let [sleep] = below(root, &[], 8, drop)[..] {
                break sleep;
            }
        };
        assert_eq!(by_parent().get(&root), Some(&vec![sleep]));
        assert_eq!((below(root, &[sleep], 8, drop), below(root, &[], 0, drop)), (Vec::new(), Vec::new()));
        nix::sys::signal::kill(sleep, nix::sys::signal::Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
    }
}
