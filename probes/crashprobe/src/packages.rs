//! The packages of the files of a report, by the lists of this machine: dpkg's, which are read, or else `rpm`, which is asked.
//! Only of files that are this machine's own and proven to be those that crashed; and for half a second at the longest.

use super::deadline::Deadline;
use super::protocol::Report;
use super::users::{self, NOBODY};
use crate::limits::{PACKAGE_LIST_BYTES, PACKAGE_TIME};
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use telemetry_crash::package::Package;
use telemetry_crash::package::dpkg::{self, Owner, Search};
use telemetry_crash::report::Subject;

const DPKG: &str = "/var/lib/dpkg";
const RPM: &str = "/usr/bin/rpm";

/// What rpm is asked for.
const RPM_FORMAT: &str = "%{NAME} %{VERSION}-%{RELEASE}\\n";

/// Between two looks at whether rpm is done.
const PAUSE: Duration = Duration::from_millis(2);

/// Completes the report by dpkg's lists.
pub(super) fn complete(report: &mut Report, is_own: &dyn Fn(&str) -> bool) {
    let deadline = Deadline::after(Instant::now(), PACKAGE_TIME);
    let mut unknown = unknown(report, is_own);
    if !unknown.is_empty() {
        by_dpkg(&mut unknown, Path::new(DPKG), deadline);
    }
}

/// Completes the report by rpm, on machines that have no dpkg.
pub(super) fn complete_by_rpm(report: &mut Report, is_own: &dyn Fn(&str) -> bool) {
    if Path::new(DPKG).join("status").exists() || !Path::new(RPM).exists() {
        return;
    }
    let deadline = Deadline::after(Instant::now(), PACKAGE_TIME);
    for subject in unknown(report, is_own) {
        subject.package = by_rpm(Path::new(RPM), &subject.path, deadline);
    }
}

fn unknown<'r>(report: &'r mut Report, is_own: &dyn Fn(&str) -> bool) -> Vec<&'r mut Subject> {
    let subjects = report.subjects.iter_mut().flatten();
    subjects.filter(|subject| subject.package.is_none() && is_own(&subject.path)).collect()
}

/// One pass over all lists. A file with two owners has none.
fn by_dpkg(subjects: &mut [&mut Subject], root: &Path, deadline: Deadline) -> Option<()> {
    let diversions = text(&root.join("diversions")).unwrap_or_default();
    let searches: Vec<Search> =
        subjects.iter().map(|subject| Search::new(&subject.path, &diversions)).collect();
    let mut owners: Vec<Vec<Owner>> = vec![Vec::new(); searches.len()];
    let mut list = Vec::new();
    for entry in std::fs::read_dir(root.join("info")).ok()? {
        deadline.left()?;
        let entry = entry.ok()?;
        let Some(owner) = entry.file_name().to_str().and_then(Owner::of_list) else { continue };
        list.clear();
        read(&entry.path(), &mut list)?;
        for (search, owners) in searches.iter().zip(&mut owners) {
            if search.is_in(&owner, &list) {
                owners.push(owner.clone());
            }
        }
    }
    drop(list);
    let status = text(&root.join("status"))?;
    for (subject, owners) in subjects.iter_mut().zip(owners) {
        if let [owner] = owners.as_slice() {
            subject.package = dpkg::installed(&status, owner);
        }
    }
    Some(())
}

/// What rpm says of a path, in an empty environment, with nobody's rights.
fn by_rpm(rpm: &Path, path: &str, deadline: Deadline) -> Option<Package> {
    let mut command = Command::new(rpm);
    command.args(["-qf", "--qf", RPM_FORMAT, "--", path]).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if users::is_root() {
        command.uid(NOBODY.uid).gid(NOBODY.gid);
    }
    let mut child = command.spawn().ok()?;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if deadline.left().is_some() => std::thread::sleep(PAUSE),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let mut answer = String::new();
    child.stdout.take()?.take(1024).read_to_string(&mut answer).ok()?;
    status.success().then(|| Package::parse(&answer)).flatten()
}

/// Reads a list behind what is there, in memory of its size: it does not grow while it is read.
fn read(path: &Path, bytes: &mut Vec<u8>) -> Option<()> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len().min(PACKAGE_LIST_BYTES);
    bytes.reserve_exact(usize::try_from(size).ok()?.saturating_add(1));
    file.take(PACKAGE_LIST_BYTES).read_to_end(bytes).ok().map(drop)
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    read(path, &mut bytes)?;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn soon() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_secs(60))
    }

    fn package(root: &Path, path: &str, deadline: Deadline) -> Option<String> {
        let mut subject = Subject { path: path.to_owned(), package: None };
        by_dpkg(&mut [&mut subject], root, deadline);
        subject.package.map(|package| package.to_string())
    }

    #[test]
    fn dpkg_s_lists_say_whose_a_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        fs::create_dir(dir.path().join("info")).unwrap();
        write("info/one.list", "/usr/bin/one\n/usr/share/both\n");
        write("info/two:amd64.list", "/lib/two.so\n/usr/share/both\n");
        write("info/two:amd64.md5sums", "x");
        write(
            "status",
            "Package: one\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\nPackage: two\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n",
        );
        let of = |path: &str| package(dir.path(), path, soon());
        assert_eq!(of("/usr/bin/one").as_deref(), Some("one 1"));
        assert_eq!(of("/usr/lib/two.so").as_deref(), Some("two 2"));
        assert_eq!((of("/usr/share/both"), of("/usr/bin/none")), (None, None));
        let over = Deadline::after(Instant::now(), Duration::ZERO);
        assert_eq!(package(dir.path(), "/usr/bin/one", over), None);
        assert_eq!(package(&dir.path().join("none"), "/usr/bin/one", soon()), None);
    }

    #[test]
    fn rpm_is_asked_and_not_for_long() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let rpm = dir.path().join("rpm");
        let answer = |script: &str, deadline| {
            fs::write(&rpm, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&rpm, fs::Permissions::from_mode(0o755)).unwrap();
            by_rpm(&rpm, "/usr/bin/x", deadline).map(|package| package.to_string())
        };
        assert_eq!(
            answer("[ \"$5\" = /usr/bin/x ] && echo x 1-2.fc40", soon()).as_deref(),
            Some("x 1-2.fc40")
        );
        assert_eq!(answer("[ -z \"$HOME\" ] && echo y 1-2", soon()).as_deref(), Some("y 1-2"));
        assert_eq!(answer("echo x 1-2; exit 1", soon()), None);
        assert_eq!(answer("echo file /usr/bin/x is not owned by any package", soon()), None);
        let start = Instant::now();
        let brief = Deadline::after(start, Duration::from_millis(50));
        assert_eq!(answer("exec sleep 60", brief), None);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
