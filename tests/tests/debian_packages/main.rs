//! The Debian packages hold what `make install` installs, each its part, and Debian's rules are kept. What
//! installing and purging them does needs a machine to do it to, and is not seen here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::package::{Package, folder, said};
use test_harness::programs;

const CLIENT: &str = "telemetrics-client";
const LIBRARY: &str = "libtelemetry4";
const DEVELOPMENT: &str = "libtelemetry-dev";
const ENVIRONMENT: &str = "telemetrics-environment";
const COLLECTOR: &str = "telemetrics-collector";
const ALL: [&str; 5] = [CLIENT, LIBRARY, DEVELOPMENT, ENVIRONMENT, COLLECTOR];

/// Where debhelper adds changelogs, licences and the like.
const DEBIANS_OWN: [&str; 2] = ["/usr/share/doc/", "/usr/share/lintian/"];

/// The paths that `make install` fills with the variables of `debian/rules`, manuals packed as Debian has them.
fn installed(target: &str) -> BTreeSet<String> {
    let root = programs::source_root();
    let list = said(
        Command::new(root.join("debian/rules"))
            .arg(target)
            .current_dir(&root)
            // Variables of a `make check-deb` around this one are not meant for it.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL"),
    );
    let packed = |path: &str| if path.contains("/man/man") { format!("{path}.gz") } else { path.to_owned() };
    list.lines().map(packed).collect()
}

fn held_by(package: &str) -> impl Iterator<Item = String> {
    let is_ours = |path: &String| !DEBIANS_OWN.iter().any(|folder| path.starts_with(folder));
    Package::named(package).files().into_iter().filter(is_ours)
}

fn version() -> String {
    let version = Package::named(CLIENT).field("Version");
    let (upstream, revision) = version.split_once('-').unwrap();
    assert_eq!(upstream, env!("CARGO_PKG_VERSION"));
    assert!(!revision.is_empty());
    version
}

#[test]
fn the_packages_hold_what_is_installed_and_share_nothing() {
    for (packages, target) in [
        (&[CLIENT, LIBRARY, DEVELOPMENT][..], "list-installed"),
        (&[ENVIRONMENT], "list-installed-environment"),
        (&[COLLECTOR], "list-installed-collector"),
    ] {
        let held: Vec<_> = packages.iter().copied().flat_map(held_by).collect();
        let once: BTreeSet<_> = held.iter().cloned().collect();
        assert_eq!(held.len(), once.len(), "a file is in two packages: {held:?}");
        let installed = installed(target);
        let differing: Vec<_> = once.symmetric_difference(&installed).collect();
        assert!(differing.is_empty(), "in the packages or installed, not both: {differing:?}");
    }
}

#[test]
fn each_part_is_where_it_is_expected() {
    let libraries = library_folder();
    let runtime: BTreeSet<_> = held_by(LIBRARY).collect();
    let expected = ["libtelemetry.so.4", "libtelemetry.so.4.0.1"].map(|name| format!("{libraries}/{name}"));
    assert_eq!(runtime, BTreeSet::from(expected));
    for path in held_by(DEVELOPMENT) {
        let expected = ["/usr/include/", &libraries, "/usr/share/man/man3/"];
        assert!(expected.iter().any(|folder| path.starts_with(folder)), "{DEVELOPMENT} holds {path}");
    }
    // Configuration, consent and records are made on the machine.
    let own: Vec<_> =
        held_by(CLIENT).filter(|path| path.starts_with("/etc") || path.starts_with("/var")).collect();
    assert!(own.is_empty(), "{own:?}");
    for (package, file) in [
        (COLLECTOR, "/etc/default/telemetrics-collector"),
        (ENVIRONMENT, "/etc/snmp/snmpd.conf.d/telemetrics.conf"),
    ] {
        assert_eq!(Package::named(package).control_file("conffiles").trim_end(), file);
    }
}

#[test]
fn files_belong_to_root_and_give_nobody_rights() {
    for package in ALL {
        for entry in Package::named(package).entries() {
            let expected = match entry.mode.as_bytes()[0] {
                b'd' => &["drwxr-xr-x"][..],
                b'l' => &["lrwxrwxrwx"],
                _ if ["/bin/", "/libexec/", "/system-generators/"]
                    .iter()
                    .any(|folder| entry.path.contains(folder)) =>
                {
                    &["-rwxr-xr-x"]
                }
                _ => &["-rw-r--r--"],
            };
            assert!(expected.contains(&entry.mode.as_str()), "{package}: {entry:?}");
            assert_eq!(entry.owner, "root/root", "{package}: {entry:?}");
        }
    }
}

#[test]
fn dependencies_are_those_of_what_is_linked() {
    let version = version();
    for (package, needed) in [
        (CLIENT, &["libc6", "libcurl4", "systemd"][..]),
        (LIBRARY, &["libc6"]),
        (ENVIRONMENT, &["libc6", CLIENT]),
        (COLLECTOR, &["libc6", "libsqlite3-0", "systemd"]),
    ] {
        let package = Package::named(package);
        assert_eq!(package.field("Version"), version);
        let depends = package.relations("Depends");
        for name in needed {
            // With a mark of the size of time_t on Debian 13.
            let is_it = |depended: &String| depended.strip_suffix("t64").unwrap_or(depended) == *name;
            assert!(depends.keys().any(is_it), "{name} is not in {depends:?}");
        }
    }
    let development = Package::named(DEVELOPMENT);
    assert_eq!(development.relations("Depends").get(LIBRARY), Some(&format!("(= {version})")));
    for name in [LIBRARY, DEVELOPMENT] {
        assert_eq!(Package::named(name).field("Multi-Arch"), "same");
    }
    // Programs that are linked with the library get their dependency from here.
    let symbols = Package::named(LIBRARY).control_file("symbols");
    let map = fs::read_to_string(programs::source_root().join("libtelemetry/libtelemetry.map")).unwrap();
    let names = map.split_whitespace().filter_map(|word| word.strip_suffix(';'));
    let names: Vec<_> = names.filter(|name| name.starts_with("tm_")).collect();
    assert!(names.len() >= 7, "{map}");
    for name in names {
        assert!(symbols.contains(&format!("\n {name}@TM_")), "{name} is not in {symbols}");
    }
}

#[test]
fn scripts_name_every_unit_and_no_consent() {
    let units = fs::read_dir(programs::source_root().join("units")).unwrap();
    let scripts =
        |package| ["postinst", "prerm", "postrm"].map(|name| Package::named(package).control_file(name));
    let (client, environment) = (scripts(CLIENT), scripts(ENVIRONMENT));
    let of_environment: Vec<_> = held_by(ENVIRONMENT).collect();
    for unit in units.map(|entry| entry.unwrap()) {
        let name = unit.file_name().into_string().unwrap();
        let text = fs::read_to_string(unit.path()).unwrap();
        let is_of_environment = of_environment.iter().any(|path| path.ends_with(&format!("/{name}")));
        let [postinst, prerm, postrm] = if is_of_environment { &environment } else { &client };
        assert!(prerm.contains(&name), "{name} is not stopped on removal");
        assert!(postinst.contains(&name), "{name} is not started again after an upgrade");
        if text.contains("\nAlso=") {
            // What it names is enabled in its place; where it was enabled, it stays so.
            assert!(postinst.contains(&format!("debian-installed '{name}'")), "{name} is enabled by default");
        } else if text.contains("\nWantedBy=") {
            assert!(postinst.contains(&format!("enable '{name}'")), "{name} is not enabled");
            // Installed is enabled and started: only this keeps it from working. What asks servers to forget works where
            // consent is gone.
            let condition = match name.as_str() {
                "telempost-forget.timer" => "@LOCALSTATEDIR@/lib/telemetry/forget/pending.json",
                _ => "@SYSCONFDIR@/telemetrics/opt-in",
            };
            assert!(text.contains(&format!("\nConditionPathExists={condition}\n")), "{name}");
            // What a start of the machine does once is not done by installing.
            let invoked =
                |line: &str| line.contains("deb-systemd-invoke") && line.contains(&format!("'{name}'"));
            assert_eq!(postinst.lines().any(invoked), !text.contains("\nType=oneshot\n"), "{name}");
        }
        if name.ends_with(".timer") {
            let is_named = postrm.contains(&format!("stamp-{name}")) || postrm.contains("stamp-$timer");
            assert!(postrm.contains(&name) && is_named, "{name}: its stamp is not purged");
        }
    }
    let lines = [&client, &environment].into_iter().flat_map(|[postinst, ..]| postinst.lines());
    for line in lines.filter(|line| line.contains("/etc/telemetrics/opt-in")) {
        assert!(line.contains("[ ! -e /etc/telemetrics/opt-in ]"), "{line}");
    }
}

/// What the Makefile has been given for packages to name, `make check-deb`'s variables included.
fn contact(variable: &str) -> String {
    let root = programs::source_root();
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("text");
    fs::write(&source, format!("@{variable}@")).unwrap();
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(root).arg("fill-file").arg(format!("source={}", source.display()));
    said(make.env_remove("MAKELEVEL"))
}

fn packed_text(root: &Path, path: &str) -> String {
    said(Command::new("gzip").args(["--decompress", "--stdout"]).arg(root.join(path)))
}

#[test]
fn whoever_publishes_them_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for name in ALL {
        let package = Package::named(name);
        assert_eq!(package.field("Maintainer"), contact("MAINTAINER"), "{name}");
        assert_eq!(package.field("Homepage"), contact("REPOSITORY"), "{name}");
        package.unpack(dir.path());
        let changelog = packed_text(dir.path(), &format!("usr/share/doc/{name}/changelog.Debian.gz"));
        assert!(changelog.contains(&format!("\n -- {}  ", contact("MAINTAINER"))), "{name}: {changelog}");
    }
    let security = packed_text(dir.path(), "usr/share/doc/telemetrics-client/SECURITY.md.gz");
    assert!(security.contains(&format!("Write to {}, ", contact("SECURITY_CONTACT"))), "{security}");
}

fn library_folder() -> String {
    let multiarch = said(Command::new("dpkg-architecture").args(["-q", "DEB_HOST_MULTIARCH"]));
    format!("/usr/lib/{}", multiarch.trim_end())
}

/// Builds `tests/c/send_hello.c` with packages that were unpacked below `root`, as their pkg-config file says.
fn link(root: &Path, library: &str) -> PathBuf {
    let program = root.join(library);
    let flags = said(
        Command::new("pkg-config")
            .args(["--static", "--cflags", "--libs", "libtelemetry"])
            .env("PKG_CONFIG_LIBDIR", format!("{}{}/pkgconfig", root.display(), library_folder()))
            .env("PKG_CONFIG_SYSROOT_DIR", root),
    );
    let source = programs::source_root().join("tests/c/send_hello.c");
    let flags = flags.replace("-ltelemetry", &format!("-l:{library}"));
    said(Command::new("cc").arg(source).arg("-o").arg(&program).args(flags.split_whitespace()));
    program
}

#[test]
fn programs_can_be_linked_with_either_library() {
    let dir = tempfile::tempdir().unwrap();
    for package in [LIBRARY, DEVELOPMENT] {
        Package::named(package).unpack(dir.path());
    }
    let config = dir.path().join("t.conf");
    fs::write(&config, format!("[settings]\netc_dir={}\n", dir.path().join("etc").display())).unwrap();
    for (library, is_needed) in [("libtelemetry.so", true), ("libtelemetry.a", false)] {
        let program = link(dir.path(), library);
        let needed = said(Command::new("readelf").arg("-d").arg(&program));
        assert_eq!(needed.contains("[libtelemetry.so.4]"), is_needed, "{needed}");
        let libraries = format!("{}{}", dir.path().display(), library_folder());
        let output = Command::new(&program).arg(&config).env("LD_LIBRARY_PATH", libraries).output().unwrap();
        // There is no consent, which is the library's to find out.
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && errors.contains("Connection refused"),
            "{library}: {errors}"
        );
    }
}

#[test]
fn lintian_finds_no_error() {
    let changes = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let changes: Vec<_> =
        changes.filter(|path| path.extension().is_some_and(|end| end == "changes")).collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    // On other systems, too, these are Debian's packages.
    let output = Command::new("lintian")
        .args(["--profile", "debian"])
        .args(["--allow-root", "--fail-on", "error", "--tag-display-limit", "0"])
        .args(changes)
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
}
