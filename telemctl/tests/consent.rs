//! Consent is given once, withdrawn once, and what was kept goes with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use test_harness::Sandbox;
use test_harness::programs::NOBODY;

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

#[test]
fn opting_out_removes_consent_and_all_that_was_kept() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    for name in [
        "spool/fWx9aB",
        "spool/.new-1",
        "spool/.rejected/r",
        "state/machine_id",
        "log/journal",
        "log/records/r",
        "cache/pstore/p",
        "etc/opt-in-static-machine-id",
    ] {
        instance.write(name, "x");
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
    instance.write("spool/r", "x");
    symlink(instance.path("elsewhere"), instance.path("spool/link")).unwrap();
    symlink(instance.path("elsewhere"), instance.path("log")).unwrap();
    let said = instance.say(&["opt-out"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.err, format!("telemctl: left {}: it is no directory\n", instance.path("log").display()));
    assert!(!instance.path("spool").exists());
    assert!(instance.path("elsewhere/kept").exists());
}

#[test]
fn a_directory_that_is_not_telemetrys_alone_is_left_and_named() {
    let person = tempfile::TempDir::new().unwrap();
    let home = person.path().join("person");
    fs::create_dir_all(home.join("project/src")).unwrap();
    let home = home.display();
    // Each is one slip away from a line that is right.
    for (line, left) in [
        (format!("spool_dir={home}"), "spool_dir holds the directory "),
        (format!("log_dir={home}/project"), "log_dir holds the directory "),
        (format!("spool_dir={home}/etc\netc_dir={home}/etc"), "spool_dir holds etc_dir"),
        ("cache_dir=/".to_owned(), "cache_dir is too near to the root"),
        ("state_dir=/tmp".to_owned(), "state_dir is too near to the root"),
    ] {
        let instance = Sandbox::bare(&line);
        assert_eq!(instance.say(&["opt-in"]).code, Some(0));
        let said = instance.say(&["opt-out"]);
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
        assert!(said.err.contains("telemctl: left /") && said.err.contains(left), "{line}: {}", said.err);
        assert!(fs::exists(format!("{home}/project/src")).unwrap(), "{line}");
    }
}

#[test]
fn a_directory_of_another_user_is_left_and_named() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.write("spool/r", "x");
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
    let begin = format!("telemctl: {} cannot be made: ", instance.path("etc/opt-in").display());
    assert!(said.code == Some(1) && said.err.starts_with(&begin), "{said:?}");
    assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""));
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
