//! The pristine tree: Debian's smallest system with systemd, and what our packages depend on, so that they can be
//! installed without a network. Made once by debootstrap, kept, and only ever copied.

use super::folder;
use super::mirror::Mirror;
use crate::package::Package;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a machine has beside the packages that Debian calls required, and our packages' dependencies.
const PACKAGES: [&str; 3] = ["dbus", "systemd", "systemd-sysv"];

/// The base for these packages of ours.
///
/// # Panics
/// debootstrap fails.
pub fn base(packages: &[&str]) -> PathBuf {
    let mirror = Mirror::of_this_system();
    let mut needed: BTreeSet<_> = PACKAGES.iter().map(|name| (*name).to_owned()).collect();
    for name in packages {
        let package = Package::named(name);
        let all =
            ["Depends", "Recommends"].into_iter().flat_map(|field| package.relations(field).into_keys());
        // Up to the first `|`, and what is not one of ours.
        needed.extend(all.filter(|name| !packages.contains(&name.as_str())));
    }
    let mut hasher = DefaultHasher::new();
    (&mirror.url, &needed).hash(&mut hasher);
    let base = folder().join(format!("base-{}-{:016x}", mirror.suite, hasher.finish()));
    // Whoever comes second waits, and finds it.
    let lock = File::create(folder().join("base.lock")).unwrap();
    lock.lock().unwrap();
    if !base.exists() {
        remove_all_bases();
        make(&base.with_extension("new"), &mirror, &needed);
        fs::rename(base.with_extension("new"), &base).unwrap();
    }
    base
}

/// Those that are of other packages, or not finished.
fn remove_all_bases() {
    for entry in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name().to_string_lossy().starts_with("base-") {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

fn make(tree: &Path, mirror: &Mirror, packages: &BTreeSet<String>) {
    println!("making a Debian tree of {} from {}; it is kept", mirror.suite, mirror.url);
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={}", packages.join(",")), &mirror.suite]);
    command.arg(tree).arg(&mirror.url);
    if let Some(proxy) = &mirror.proxy {
        command.env("http_proxy", proxy).env("https_proxy", proxy);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "debootstrap: {}: {said}", output.status);
    for file in fs::read_dir(tree.join("var/cache/apt/archives")).unwrap().map(|entry| entry.unwrap().path())
    {
        if file.extension().is_some_and(|extension| extension == "deb") {
            fs::remove_file(file).unwrap();
        }
    }
    // The disk of a machine that is thrown away may lose what it likes.
    fs::write(tree.join("etc/dpkg/dpkg.cfg.d/unsafe-io"), "force-unsafe-io\n").unwrap();
    // Nobody logs in on a console that is not there.
    fs::write(tree.join("etc/hostname"), "machine\n").unwrap();
}
