//! What `make install` puts into place: its list, and that configuration file and manuals say what the
//! programs do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use telemctl::programs;
use telemetry_config::{Configuration, Key, keys, server};
use test_harness::programs as executables;

/// A text file of the source tree, with its paths filled in as this build has them.
fn filled(path: &str) -> String {
    let root_of = |key: &Key<PathBuf>, below: &str| key.default.strip_suffix(below).unwrap().to_owned();
    fs::read_to_string(executables::source_root().join(path))
        .unwrap()
        .replace("@SERVER@", server::SERVER.default)
        .replace("@SYSCONFDIR@", &root_of(&keys::ETC_DIR, "/telemetrics"))
        .replace("@LOCALSTATEDIR@", &root_of(&keys::STATE_DIR, "/lib/telemetry"))
        .replace("@RUNSTATEDIR@", &root_of(&keys::RUN_DIR, "/telemetry"))
}

/// Every key with its default, as the code has them.
fn keys_of_the_code() -> BTreeMap<String, String> {
    programs::keys().map(|key| (key.name().to_owned(), key.default().to_owned())).collect()
}

/// The comment lines above each assignment of the default file, as one line, without headings.
fn comments(text: &str) -> BTreeMap<String, String> {
    let mut comments = BTreeMap::new();
    let mut comment = String::new();
    for line in text.lines() {
        let shown = shown_defaults(line).next();
        match (shown, line.strip_prefix("# ")) {
            (Some((key, _)), _) => {
                comments.insert(key.to_owned(), comment.trim().to_owned());
                comment.clear();
            }
            (None, Some(words)) if !words.starts_with("----") => comment.extend([words, " "]),
            _ => comment.clear(),
        }
    }
    comments
}

/// The assignments that the default file shows behind a `#`.
fn shown_defaults(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

#[test]
fn the_default_file_shows_every_key_with_its_default() {
    let text = filled("etc/telemetrics.conf");
    let shown: Vec<_> = shown_defaults(&text).collect();
    let shown_once: BTreeMap<_, _> =
        shown.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    assert_eq!(shown_once, keys_of_the_code());
    assert_eq!(shown.len(), keys::NAMES.len(), "a key is shown twice");
}

#[test]
fn the_default_file_explains_each_key_as_the_code_does() {
    let comments = comments(&filled("etc/telemetrics.conf"));
    for key in programs::keys() {
        assert_eq!(comments[key.name()], key.doc(), "{}", key.name());
    }
}

#[test]
fn the_default_file_changes_nothing_as_it_is_and_uncommented() {
    let text = filled("etc/telemetrics.conf");
    let uncommented: String = shown_defaults(&text).map(|(key, value)| format!("{key}={value}\n")).collect();
    let path = Path::new("/f.conf");
    let defaults = Configuration::parse(path, "").unwrap();
    for text in [text, format!("[settings]\n{uncommented}")] {
        assert!(text.len() as u64 <= telemetry_config::limits::CONFIG_FILE_BYTES);
        let configuration = Configuration::parse(path, &text).unwrap();
        assert_eq!(configuration.warnings(), []);
        for key in programs::keys() {
            assert_eq!(configuration.shown(key).0, defaults.shown(key).0, "{}", key.name());
        }
    }
}

#[test]
fn the_manual_has_every_key_with_its_default_and_its_bounds() {
    let text = filled("docs/man/telemetrics.conf.5");
    let mut documented = BTreeMap::new();
    for item in text.split("\n.It Cm ").skip(1) {
        let (head, rest) = item.split_once('\n').unwrap();
        let (key, default) = head.split_once(" Ns =").unwrap();
        let default = default.strip_prefix(" Ns Ar ").unwrap_or(default).replace("\\e", "\\");
        let key_of_code = programs::key(key).unwrap_or_else(|| panic!("{key} is no key"));
        let body = rest.split("\n.El").next().unwrap();
        let allowed = key_of_code.allowed();
        for bound in allowed.split(|c: char| !c.is_ascii_digit()).filter(|text| text.len() > 1) {
            assert!(body.contains(bound), "{key}: {bound} of `{allowed}` is missing");
        }
        documented.insert(key.to_owned(), default);
    }
    assert_eq!(documented, keys_of_the_code());
}

#[test]
fn the_manuals_tell_every_option() {
    for (program, words, manual) in [
        ("telemprobd", &[][..], "telemprobd.1"),
        ("telempostd", &[], "telempostd.1"),
        ("hprobe", &[], "hprobe.1"),
        ("telem-record-gen", &[], "telem-record-gen.1"),
        ("telem_journal", &[], "telemctl.1"),
        ("telemctl", &[], "telemctl.1"),
        ("telemctl", &["journal"], "telemctl.1"),
        ("telemctl", &["status"], "telemctl.1"),
        ("telemctl", &["preview"], "telemctl.1"),
        ("telemctl", &["doctor"], "telemctl.1"),
        ("telemctl", &["check"], "telemctl.1"),
        ("telemctl", &["check", "list"], "telemctl.1"),
        ("telemctl", &["check", "run"], "telemctl.1"),
        ("telemctl", &["crash-test"], "telemctl.1"),
        ("telemctl", &["config", "show"], "telemctl.1"),
        ("telemctl", &["config", "check"], "telemctl.1"),
        ("telemctl", &["config", "set"], "telemctl.1"),
        ("crashprobe", &[], "crashprobe.1"),
        ("journalprobe", &[], "journalprobe.1"),
        ("klogscanner", &[], "klogscanner.1"),
        ("pstoreclean", &[], "pstoreclean.1"),
        ("pstoreprobe", &[], "pstoreprobe.1"),
        ("envprobe", &[], "envprobe.1"),
        ("checkprobe", &[], "checkprobe.1"),
        ("telempulld", &[], "telempulld.1"),
        ("telem-collector", &[], "../../tests/backend/system/telem-collector.1"),
        ("telem-collector", &["migrate"], "../../tests/backend/system/telem-collector.1"),
        ("telem-collector", &["setup"], "../../tests/backend/system/telem-collector.1"),
        ("telem-collector", &["export"], "../../tests/backend/system/telem-collector.1"),
        ("telem-collector", &["import"], "../../tests/backend/system/telem-collector.1"),
        ("telemctl", &["rejected", "list"], "telemctl.1"),
        ("telemctl", &["rejected", "show"], "telemctl.1"),
        ("telemctl", &["rejected", "retry"], "telemctl.1"),
        ("telemctl", &["rejected", "drop"], "telemctl.1"),
    ] {
        let help = Command::new(executables::path(program)).args(words).arg("--help").output().unwrap();
        assert!(help.status.success(), "{program}");
        let manual = filled(&format!("docs/man/{manual}"));
        let help = String::from_utf8(help.stdout).unwrap();
        let options: BTreeSet<_> = help
            .split(|c: char| c.is_whitespace() || ",:;.[]|()`".contains(c))
            .filter_map(|word| word.strip_prefix("--"))
            .filter(|name| !name.is_empty())
            .collect();
        assert!(options.contains("help"), "{help}");
        for option in options {
            let is_documented =
                manual.lines().any(|line| line.contains("Fl") && line.contains(&format!(" -{option}")));
            assert!(is_documented, "{program}: --{option} is not in the manual");
        }
    }
}

#[test]
fn core_pattern_has_options_that_crashprobe_has() {
    let text = filled("etc/40-crash-probe.conf").replace("@BINDIR@", "/usr/local/bin");
    let settings: BTreeMap<_, _> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('=').unwrap())
        .collect();
    assert_eq!(
        settings.keys().copied().collect::<Vec<_>>(),
        ["kernel.core_pattern", "kernel.core_pipe_limit"]
    );
    let pattern = settings["kernel.core_pattern"];
    // CORENAME_MAX_SIZE of the kernel, the terminator included: what is beyond it is cut off in silence.
    assert!(pattern.len() < 128, "{}", pattern.len());
    assert!(pattern.starts_with("|/usr/local/bin/crashprobe "), "{pattern}");
    // 0 would let the process go while the probe reads it.
    assert!(settings["kernel.core_pipe_limit"].parse::<u32>().unwrap() > 0);
    let manual = filled("docs/man/crashprobe.1");
    let options = pattern.split(' ').filter_map(|word| word.strip_prefix('-')?.split('=').next());
    let options: Vec<_> = options.collect();
    assert_eq!(options, ["p", "E", "s", "-pid", "-tid", "-dumpable", "-pidfd"]);
    for option in options {
        assert!(manual.contains(&format!("\n.It Fl {option} ")), "{option} is not in the manual");
    }
}

#[test]
fn the_examples_of_the_c_manuals_compile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("example.c");
    for page in ["telemetry.3", "tm_create_record.3", "tm_set_event_id.3"] {
        let manual = filled(&format!("docs/man/{page}"));
        let (_, examples) = manual.split_once("\n.Sh EXAMPLES\n").unwrap();
        let (_, example) = examples.split_once(".Bd -literal -offset indent\n").unwrap();
        fs::write(&file, example.split_once(".Ed\n").unwrap().0.replace("\\e", "\\")).unwrap();
        let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
            .arg(executables::source_root().join("libtelemetry/include"))
            .arg(&file)
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{page}: {}", String::from_utf8_lossy(&compiled.stderr));
    }
}

/// Everything that is installed below `prefix=/usr`. Other programs and packages rely on these names.
const INSTALLED: &[&str] = &[
    "usr/bin/crashprobe",
    "usr/bin/hprobe",
    "usr/bin/journalprobe",
    "usr/bin/klogscanner",
    "usr/bin/pstoreclean",
    "usr/bin/pstoreprobe",
    "usr/bin/telem-record-gen",
    "usr/bin/telem_journal",
    "usr/bin/telemctl",
    "usr/bin/telempostd",
    "usr/bin/telemprobd",
    "usr/include/telemetry.h",
    "usr/lib/libtelemetry.a",
    "usr/lib/libtelemetry.so",
    "usr/lib/libtelemetry.so.4",
    "usr/lib/libtelemetry.so.4.0.1",
    "usr/lib/pkgconfig/libtelemetry.pc",
    "usr/lib/sysctl.d/40-crash-probe.conf",
    "usr/lib/systemd/system.conf.d/40-core-ulimit.conf",
    "usr/lib/systemd/system/hprobe.service",
    "usr/lib/systemd/system/hprobe.timer",
    "usr/lib/systemd/system/journal-probe-tail.service",
    "usr/lib/systemd/system/journal-probe.service",
    "usr/lib/systemd/system/klogscanner.service",
    "usr/lib/systemd/system/pstore-clean.service",
    "usr/lib/systemd/system/pstore-probe.service",
    "usr/lib/systemd/system/telempost-forget-done.service",
    "usr/lib/systemd/system/telempost-forget.service",
    "usr/lib/systemd/system/telempost-forget.timer",
    "usr/lib/systemd/system/telempostd.path",
    "usr/lib/systemd/system/telempostd.service",
    "usr/lib/systemd/system/telemprobd-update-trigger.service",
    "usr/lib/systemd/system/telemprobd.service",
    "usr/lib/systemd/system/telemprobd.socket",
    "usr/lib/sysusers.d/telemetrics.conf",
    "usr/lib/tmpfiles.d/telemetrics-dirs.conf",
    "usr/libexec/telemetrics/telempost-forget",
    "usr/libexec/telemetrics/telempost-identity",
    "usr/libexec/telemetrics/telempost-upload",
    "usr/share/defaults/telemetrics/telemetrics.conf",
    "usr/share/man/man1/crashprobe.1",
    "usr/share/man/man1/hprobe.1",
    "usr/share/man/man1/journalprobe.1",
    "usr/share/man/man1/klogscanner.1",
    "usr/share/man/man1/pstoreclean.1",
    "usr/share/man/man1/pstoreprobe.1",
    "usr/share/man/man1/telem-record-gen.1",
    "usr/share/man/man1/telem_journal.1",
    "usr/share/man/man1/telemctl.1",
    "usr/share/man/man1/telempostd.1",
    "usr/share/man/man1/telemprobd.1",
    "usr/share/man/man3/telemetry.3",
    "usr/share/man/man3/tm_create_record.3",
    "usr/share/man/man3/tm_send_record.3",
    "usr/share/man/man3/tm_set_event_id.3",
    "usr/share/man/man3/tm_set_payload.3",
    "usr/share/man/man5/telemetrics.conf.5",
];

/// What reads how the machine is, in targets of its own.
const ENVIRONMENT: &[&str] = &[
    "usr/bin/checkprobe",
    "usr/bin/envprobe",
    "usr/bin/telempulld",
    "usr/lib/systemd/system-generators/telemetrics-generator",
    "usr/lib/systemd/system/checkprobe.service",
    "usr/lib/systemd/system/envprobe.service",
    "usr/lib/systemd/system/envprobe.timer",
    "usr/lib/systemd/system/telempulld.service",
    "usr/lib/sysusers.d/telemetrics-environment.conf",
    "usr/share/man/man1/checkprobe.1",
    "usr/share/man/man1/envprobe.1",
    "usr/share/man/man1/telempulld.1",
    "usr/share/man/man5/telemetrics-checks.5",
    "usr/share/snmp/mibs/TELEMETRICS-MIB",
];

/// Lines for snmpd, which an administrator may have switched on.
const SNMPD_LINES: &str = "etc/snmp/snmpd.conf.d/telemetrics.conf";

/// What the collector adds, in targets of its own.
const COLLECTOR: &[&str] = &[
    "usr/bin/telem-collector",
    "usr/lib/systemd/system/telemetrics-collector.service",
    "usr/lib/sysusers.d/telemetrics-collector.conf",
    "usr/share/man/man1/telem-collector.1",
];

/// Stays when the collector is uninstalled.
const COLLECTOR_OPTIONS: &str = "etc/default/telemetrics-collector";

/// `files`, with the completions of the programs among them.
fn with_completions(files: &[&str]) -> BTreeSet<String> {
    let completions = files.iter().filter_map(|file| file.strip_prefix("usr/bin/")).flat_map(|program| {
        [
            format!("usr/share/bash-completion/completions/{program}"),
            format!("usr/share/zsh/site-functions/_{program}"),
            format!("usr/share/fish/vendor_completions.d/{program}.fish"),
        ]
    });
    files.iter().map(ToString::to_string).chain(completions).collect()
}

/// Users as they are installed, with the name of each.
const USERS: [(&str, &str); 3] = [
    ("etc/telemetrics.sysusers.conf", "telemetry"),
    ("etc/telemetrics-environment.sysusers.conf", "telemetry-check"),
    ("tests/backend/system/sysusers.conf", "telemetrics-collector"),
];

/// A package whose users cannot be made is not installed.
#[test]
fn systemd_makes_the_users_without_objection() {
    for (path, name) in USERS {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        let file = dir.path().join("users.conf");
        fs::write(&file, filled(path)).unwrap();
        let root = format!("--root={}", dir.path().join("root").display());
        let Ok(output) = Command::new("systemd-sysusers").arg(root).arg(&file).output() else {
            return println!("skipped: no systemd-sysusers here (Debian package systemd)");
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("not a valid"), "{path}: {said}");
        let passwd = fs::read_to_string(dir.path().join("root/etc/passwd")).unwrap();
        assert!(passwd.lines().any(|line| line.starts_with(&format!("{name}:"))), "{passwd}");
    }
}

/// Runs `make` on what this build made, with `prefix=/usr` below `destination`, and answers its output.
fn make(target: &str, destination: &Path) -> String {
    let built = executables::folder();
    let output = Command::new("make")
        .arg("-C")
        .arg(executables::source_root())
        .args([target, "prefix=/usr"])
        .arg(format!("DESTDIR={}", destination.display()))
        .arg(format!("PROFILE={}", built.file_name().unwrap().display()))
        .env("CARGO_TARGET_DIR", built.parent().unwrap())
        // Variables of a `make test` around this one are not meant for it.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap();
    assert!(output.status.success(), "make {target}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The files that a `list-installed` target names.
fn listed(target: &str) -> BTreeSet<String> {
    let words = make(target, Path::new("/"));
    words.lines().filter_map(|line| line.strip_prefix('/')).map(str::to_owned).collect()
}

/// The paths of all files and links below `root`.
fn files_below(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}

/// Whether it has passed through `make`'s filling in of paths.
fn is_text(name: &str) -> bool {
    !name.contains("bin/") && !name.contains("telempost-") && !name.contains(".so") && !name.ends_with(".a")
}

/// No file among `names` below `root` has an `@NAME@` left. `@` alone may stand in a completion.
fn all_are_filled(root: &Path, names: &BTreeSet<String>) {
    for name in names.iter().filter(|name| is_text(name)) {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let pieces: Vec<_> = text.split('@').collect();
        let inner = pieces.get(1..pieces.len() - 1).unwrap_or_default();
        let unfilled =
            inner.iter().find(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic()));
        assert_eq!(unfilled, None, "{name}: nothing filled it in");
    }
}

#[test]
fn install_and_uninstall_touch_exactly_the_named_files() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("etc/telemetrics/telemetrics.conf");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "the administrator's").unwrap();
    let own = BTreeSet::from(["etc/telemetrics/telemetrics.conf".to_owned()]);

    make("install-files", dir.path());
    let installed = with_completions(INSTALLED);
    assert_eq!(listed("list-installed"), installed);
    let expected: BTreeSet<_> = installed.union(&own).cloned().collect();
    assert_eq!(files_below(dir.path()), expected);
    all_are_filled(dir.path(), &installed);
    let unit = fs::read_to_string(dir.path().join("usr/lib/systemd/system/telemprobd.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/telemprobd\n"), "{unit}");

    make("install-files", dir.path());
    assert_eq!(files_below(dir.path()), expected, "a second installation is the same");
    make("uninstall", dir.path());
    assert_eq!(files_below(dir.path()), own);
    assert_eq!(fs::read_to_string(dir.path().join(own.first().unwrap())).unwrap(), "the administrator's");
    assert!(!dir.path().join("usr/share/defaults").join("telemetrics").exists());
}

#[test]
fn the_environment_comes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    make("install-environment-files", dir.path());
    let installed = with_completions(&[ENVIRONMENT, &[SNMPD_LINES]].concat());
    assert_eq!(files_below(dir.path()), installed);
    assert_eq!(listed("list-installed-environment"), installed);
    let texts = installed.iter().filter(|name| !name.contains("generators")).cloned().collect();
    all_are_filled(dir.path(), &texts);
    let lines = dir.path().join(SNMPD_LINES);
    let as_installed = fs::read_to_string(&lines).unwrap();
    assert!(as_installed.lines().all(|line| line.starts_with('#')), "{as_installed}");
    fs::write(&lines, "the administrator's").unwrap();
    make("install-environment-files", dir.path());
    make("uninstall-environment", dir.path());
    assert_eq!(files_below(dir.path()), BTreeSet::from([SNMPD_LINES.to_owned()]));
    assert_eq!(fs::read_to_string(lines).unwrap(), "the administrator's");
}

#[test]
fn the_collector_comes_and_goes_but_for_its_options() {
    let dir = tempfile::tempdir().unwrap();
    make("install-collector-files", dir.path());
    let installed = with_completions(&[COLLECTOR, &[COLLECTOR_OPTIONS]].concat());
    assert_eq!(files_below(dir.path()), installed);
    assert_eq!(listed("list-installed-collector"), installed);
    all_are_filled(dir.path(), &installed);

    let options = dir.path().join(COLLECTOR_OPTIONS);
    fs::write(&options, "the administrator's").unwrap();
    make("install-collector-files", dir.path());
    make("uninstall-collector", dir.path());
    assert_eq!(files_below(dir.path()), BTreeSet::from([COLLECTOR_OPTIONS.to_owned()]));
    assert_eq!(fs::read_to_string(options).unwrap(), "the administrator's");
}
