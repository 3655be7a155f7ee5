//! Consent is given once, withdrawn once, and what was kept goes with it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::records::record;
use test_harness::{Printed, Sandbox};

#[test]
fn opting_in_twice_makes_one_file_and_says_what_it_means() {
    let instance = Sandbox::bare("");
    let said = instance.say(&["opt-in"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for part in ["crashes", "telemctl --config", "preview", "journal", "opt-out", "`telemprobd -f "] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let mode = |name: &str| fs::metadata(instance.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("etc"), mode("etc/opt-in")), (0o755, 0o644));

    let again = instance.say(&["opt-in"]);
    assert_eq!((again.code, again.out.as_str()), (Some(0), "Already opted in. Nothing to do.\n"));
}

/// What telemetry leaves in the work directories besides records.
const OWN: [(&str, &str); 19] = [
    ("spool/.new-1", "half"),
    ("spool/.seg-0de9de8d5f3c6a7d445d75ba01cc3322", ""),
    // What a power cut leaves.
    ("spool/1de9de8d5f3c6a7d445d75ba01cc3322.1000", "\0\0\0"),
    ("spool/2de9de8d5f3c6a7d445d75ba01cc3322.0", "#telemetry-records 1\nhalf"),
    ("spool/.telemprobd.lock", "17\n"),
    ("spool/.telempostd.lock", ""),
    ("spool/.rejected/0de9de8d5f3c6a7d445d75ba01cc3322", "x"),
    ("spool/.rejected/0de9de8d5f3c6a7d445d75ba01cc3322.answer", "x"),
    ("spool/.damaged/fWx9aC", "no record"),
    ("state/machine_id", "0de9de8d5f3c6a7d445d75ba01cc3322"),
    ("state/crashes.lock", ""),
    ("state/crashes.json", "{}"),
    ("state/delivery.json", "{}"),
    ("state/telemprobd.counters.json", "{}"),
    ("state/klogscanner.json", "{}"),
    ("log/journal", ""),
    ("log/records/0de9de8d5f3c6a7d445d75ba01cc3322", "x"),
    ("cache/pstore/dmesg-ramoops-0", "x"),
    ("etc/opt-in-static-machine-id", "x"),
];

/// What is somebody else's there, each at a place or with a name or a form that is nearly right.
const FOREIGN: [(&str, &str); 15] = [
    ("spool/thesis.txt", "years of work"),
    ("spool/fWx9aC", ""),
    ("spool/3de9de8d5f3c6a7d445d75ba01cc3322.1000", "years of work"),
    ("spool/.profile", "x"),
    ("spool/.telempostd.lock.mine", "x"),
    ("spool/.git/config", "x"),
    ("spool/.damaged/mine/kept", "x"),
    ("state/machine_id", "not an id"),
    ("state/delivery.json", "not JSON"),
    ("state/settings.json", "{}"),
    ("state/crashes.lock", "not empty"),
    ("log/journal", "Dear diary\n"),
    ("log/records/letter", "x"),
    ("cache/dmesg-ramoops-0", "x"),
    ("cache/pstore/photo", "x"),
];

#[test]
fn what_telemetry_did_not_make_stays_and_is_named() {
    for (name, text) in FOREIGN {
        let instance = Sandbox::bare("");
        instance.opt_in();
        instance.spool();
        instance.store("1");
        OWN.into_iter()
            .filter(|(own, _)| *own != name)
            .for_each(|(own, text)| drop(instance.write(own, text)));
        let path = instance.write(name, text);
        let said = instance.say(&["opt-out"]);
        assert_eq!(said.code, Some(1), "{name}: {said:?}");
        // A directory of somebody else is named, and not what is in it.
        let named = path.ancestors().any(|path| {
            said.err.contains(&format!("telemctl: left {}: telemetry did not make it\n", path.display()))
        });
        assert!(named && said.err.matches("telemctl: left").count() == 1, "{name}: {}", said.err);
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}");
        for (own, _) in OWN.into_iter().filter(|(own, _)| *own != name && !own.starts_with("etc")) {
            assert!(!instance.path(own).exists(), "{name}: {own}");
        }
        assert_eq!(
            instance.waiting(),
            Vec::<String>::new().into_iter().chain(visible(name)).collect::<Vec<_>>()
        );
    }
}

/// The name in the spool that this file has to leave there, if it is no hidden one.
fn visible(name: &str) -> Option<String> {
    name.strip_prefix("spool/").filter(|name| !name.starts_with('.')).map(str::to_owned)
}

#[test]
fn opting_out_removes_consent_and_all_that_was_kept() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.spool();
    instance.store("1");
    instance.store_batch(["2".to_owned(), "3".to_owned()]);
    instance.store_as_c("fWx9aB", &record("4"));
    for (name, text) in OWN {
        instance.write(name, text);
    }
    let said = instance.say(&["opt-out"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for name in ["spool", "state", "log", "cache"] {
        assert!(!instance.path(name).exists(), "{name}");
        assert!(said.out.contains(&format!("Removed {}.\n", instance.path(name).display())), "{}", said.out);
    }
    assert!(!instance.path("etc/opt-in").exists());
    assert!(instance.path("etc/opt-in-static-machine-id").exists());

    let again = instance.say(&["opt-out"]);
    assert_eq!((again.code, again.out.as_str()), (Some(0), "Already opted out. Nothing to do.\n"));
}

#[test]
fn opting_out_follows_no_link() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.write("elsewhere/kept", "x");
    instance.spool();
    instance.store("1");
    symlink(instance.path("elsewhere"), instance.path("spool/link")).unwrap();
    symlink(instance.path("elsewhere"), instance.path("log")).unwrap();
    let said = instance.say(&["opt-out"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let left = |name: &str, why: &str| format!("telemctl: left {}: {why}\n", instance.path(name).display());
    assert!(said.err.contains(&left("log", "it is no directory")), "{}", said.err);
    assert!(said.err.contains(&left("spool/link", "telemetry did not make it")), "{}", said.err);
    assert_eq!(instance.names("spool"), ["link"]);
    assert!(instance.path("elsewhere/kept").exists());
}

#[test]
fn a_directory_that_is_not_telemetrys_alone_is_left_and_named() {
    let person = tempfile::TempDir::new().unwrap();
    let home = person.path().join("person");
    fs::create_dir_all(home.join("project/src")).unwrap();
    let home = home.display();
    // Each is one slip away from a line that is right.
    for (line, code, left) in [
        (format!("spool_dir={home}"), 1, "project: telemetry did not make it"),
        (format!("log_dir={home}/project"), 1, "src: telemetry did not make it"),
        (format!("spool_dir={home}/etc\netc_dir={home}/etc"), 0, "spool_dir holds etc_dir"),
        ("cache_dir=/".to_owned(), 0, "cache_dir is too near to the root"),
        ("state_dir=/tmp".to_owned(), 0, "state_dir is too near to the root"),
    ] {
        let instance = Sandbox::bare(&line);
        assert_eq!(instance.say(&["opt-in"]).code, Some(0));
        let said = instance.say(&["opt-out"]);
        assert_eq!(said.code, Some(code), "{line}: {said:?}");
        assert!(said.err.contains("telemctl: left /") && said.err.contains(left), "{line}: {}", said.err);
        assert!(fs::exists(format!("{home}/project/src")).unwrap(), "{line}");
    }
}

#[test]
fn a_directory_of_another_user_is_left_and_named() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.spool();
    instance.store("1");
    instance.write("log/journal", "x");
    if !nix::unistd::geteuid().is_root() {
        return; // Only root can give a directory away.
    }
    chown(instance.path("log"), Some(NOBODY), None).unwrap();
    let said = instance.say(&["opt-out"]);
    let left = format!("telemctl: left {}: it belongs to {NOBODY}:", instance.path("log").display());
    assert!(said.code == Some(0) && said.err.starts_with(&left), "{said:?}");
    assert!(instance.path("log/journal").exists() && !instance.path("spool").exists());
}

#[test]
fn consent_that_cannot_be_written_is_an_error() {
    let instance = Sandbox::bare("");
    instance.write("etc", "a file");
    let said = instance.say(&["opt-in"]);
    let file = instance.path("etc/opt-in").display().to_string();
    let begin = format!("telemctl: whether telemetry is opted in cannot be seen: {file}: Not a directory ");
    assert!(said.code == Some(1) && said.err.starts_with(&begin), "{said:?}");
    assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""));
}

/// Every program of ours, as another user to whom `etc_dir` is closed.
#[test]
fn consent_that_another_user_cannot_see_is_not_called_missing() {
    if !nix::unistd::geteuid().is_root() {
        return; // Only root can start programs as somebody else.
    }
    let instance = Sandbox::bare("server=http://h.invalid/\n");
    instance.opt_in();
    instance.open_to_all("");
    fs::set_permissions(instance.path("etc"), Permissions::from_mode(0o700)).unwrap();
    let config = instance.config_arg();
    let expected = format!(
        "whether telemetry is opted in cannot be seen: {0}/opt-in: Permission denied (os error 13); every user must be able to enter {0} ",
        instance.path("etc").display()
    );
    let hello = ["-c", "a/b/c", "-p", "x"];
    for (name, args) in [
        ("telemctl", &["opt-out"][..]),
        ("telemctl", &["opt-in"]),
        ("telemctl", &["status"]),
        ("telemctl", &["preview"]),
        ("telem-record-gen", &hello),
        ("hprobe", &[]),
        ("telemprobd", &[]),
        ("telempostd", &[]),
        ("klogscanner", &[]),
        ("pstoreprobe", &[]),
        ("pstoreclean", &[]),
        ("journalprobe", &[]),
    ] {
        let (_dir, program) = for_every_user(name);
        let mut command = Command::new(program);
        command.args(["-f", &config]).args(args).uid(NOBODY).gid(NOBODY).current_dir("/");
        let said = Printed::from_command(&mut command);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(&expected), "{name} {args:?}: {all}");
        assert!(!all.contains("lready opted out") && !all.contains("not opted in"), "{name}: {all}");
    }
    assert!(instance.path("etc/opt-in").exists());
}

#[test]
fn a_link_that_leads_nowhere_does_not_keep_anyone_from_opting_in() {
    let instance = Sandbox::bare("");
    fs::create_dir(instance.path("etc")).unwrap();
    symlink("nowhere", instance.path("etc/opt-in")).unwrap();
    let said = instance.say(&["opt-in"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(instance.path("etc/opt-in").is_file() && !instance.path("etc/opt-in").is_symlink());
    assert!(!instance.path("etc/nowhere").exists());
}
