//! The control group of a machine. systemd manages the one that it starts in as a whole, so that two machines in one
//! would stop each other's services.

use std::fs;
use std::path::{Path, PathBuf};

/// One group by its name, below this process's, in each hierarchy that systemd uses.
#[derive(Debug)]
pub(super) struct ControlGroup {
    /// One with version 2, two in a hybrid set-up.
    directories: Vec<PathBuf>,
}

impl ControlGroup {
    /// The group of this name, which need not exist.
    pub(super) fn named(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let directories =
            parents(&mounts, &own).into_iter().map(|parent| parent.join(format!("telemetry-{name}")));
        Self { directories: directories.collect() }
    }

    /// Makes it; returns the files that a process id is written to.
    pub(super) fn make(&self) -> Vec<PathBuf> {
        let processes = |directory: &PathBuf| {
            fs::create_dir_all(directory).unwrap();
            directory.join("cgroup.procs")
        };
        self.directories.iter().map(processes).collect()
    }

    /// Removes it once no process is in it any more; whether it is gone.
    pub(super) fn remove(&self) -> bool {
        self.directories.iter().for_each(|directory| remove_with_children(directory));
        self.directories.iter().all(|directory| !directory.exists())
    }
}

/// A group's directory can be removed, but not the files in it.
fn remove_with_children(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_with_children(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}

/// The directories of the process whose `/proc/PID/cgroup` is `own`.
fn parents(mounts: &str, own: &str) -> Vec<PathBuf> {
    let mut parents = Vec::new();
    for line in mounts.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [_, mount, kind, options, ..] = words.as_slice() else { continue };
        let beginning = match *kind {
            "cgroup2" => "0::/",
            "cgroup" if options.split(',').any(|option| option == "name=systemd") => ":name=systemd:/",
            _ => continue,
        };
        let path = own.lines().find_map(|line| line.split_once(beginning)).map_or("", |(_, path)| path);
        let mount = Path::new(mount);
        // A process may see a path of its own that the mount does not reach.
        let parent = Some(mount.join(path)).filter(|parent| parent.exists());
        parents.push(parent.unwrap_or_else(|| mount.to_owned()));
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_set_ups_are_understood() {
        let hybrid = "cgroup /nowhere/memory cgroup rw,memory 0 0\n\
            cgroup /nowhere/systemd cgroup rw,relatime,name=systemd 0 0\n\
            cgroup2 /nowhere/unified cgroup2 rw,relatime 0 0\n";
        let own = "9:name=systemd:/\n4:memory:/a\n0::/\n";
        assert_eq!(parents(hybrid, own), ["/nowhere/systemd", "/nowhere/unified"].map(PathBuf::from));
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("user.slice/a")).unwrap();
        let unified = format!("cgroup2 {} cgroup2 rw 0 0\n", dir.path().display());
        assert_eq!(parents(&unified, "0::/user.slice/a\n"), [dir.path().join("user.slice/a")]);
    }
}
