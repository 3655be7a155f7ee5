//! `telemctl config`: what holds, what is wrong, and what changing a value leaves in the file.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use telemetry_runtime::instance::InstanceLock;
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::{Printed, Sandbox, programs};

fn text(instance: &Sandbox) -> String {
    fs::read_to_string(instance.config()).unwrap()
}

#[test]
fn show_has_every_key_with_its_origin_and_who_obeys_it() {
    let instance =
        Sandbox::bare("server=http://me:secret@h/v3/collector\nrecord_expiry=5\nbyte_window_length=99\n");
    let said = instance.say(&["config"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert_eq!(said, instance.say(&["config", "show"]));
    assert!(!said.out.contains("secret"), "{}", said.out);
    let lines: Vec<_> =
        said.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], instance.config().display().to_string());
    assert_eq!(lines.len(), 1 + telemetry_config::keys::NAMES.len());
    for line in [
        "server=http://h/v3/collector line 9 telempostd",
        "record_expiry=5 line 10 telempostd",
        "byte_window_length=99 line 11 telempostd; wrong: must be 0 to 59 minutes",
        "spool_max_size=5120 default telemprobd telempostd",
        "crash_burst_limit=5 default crashprobe",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "{line}: {}", said.out);
    }
}

#[test]
fn show_as_json() {
    let instance = Sandbox::bare("spool_max_size=-1\n");
    let said = instance.say(&["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown["source"], instance.config().to_str().unwrap());
    let keys = shown["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["key"] == "spool_max_size").unwrap();
    assert_eq!((&key["value"], &key["line"], &key["is_allowed"]), (&"-1".into(), &9.into(), &true.into()));
    assert_eq!(key["programs"], serde_json::json!(["telemprobd", "telempostd"]));
    assert_eq!(key["allowed"], "0 to 1073741824 KiB, or -1 for no limit");
    let unset = keys.iter().find(|key| key["key"] == "record_expiry").unwrap();
    assert_eq!((&unset["value"], &unset["line"]), (&"1200".into(), &Value::Null));
}

#[test]
fn two_that_set_at_the_same_time_both_count() {
    let instance = Sandbox::bare("");
    let keys = ["spool_max_size", "record_burst_limit", "byte_burst_limit", "record_expiry"];
    for round in 1..=10 {
        let value = (100 * round).to_string();
        let mut children: Vec<_> = keys
            .iter()
            .map(|key| {
                instance.telemctl(&["config", "set", key, &value]).stdout(Stdio::null()).spawn().unwrap()
            })
            .collect();
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        let text = fs::read_to_string(instance.config()).unwrap();
        for key in keys {
            assert!(text.lines().any(|line| line == format!("{key}={value}")), "{key}={value}: {text}");
        }
    }
    assert!(!instance.path(".telemetrics.conf.lock").exists());
}

#[test]
fn check_lists_what_is_wrong_or_odd() {
    let instance = Sandbox::bare(
        "spool_dri=/x\nserver=htp://me:secret@h/\ncainfo=/a\ncainfo=ca.pem\nspool_max_size=5120KB\n[other]\nspool_dir=/x\n",
    );
    let said = instance.say(&["config", "check"]);
    let file = instance.config().display().to_string();
    let expected = [
        "10: server=...@h/: must be an http:// or https:// URL",
        "12: cainfo=ca.pem: must be an absolute path, or nothing for the system's certificates",
        "9: unknown key `spool_dri`; did you mean `spool_dir`?",
        "12: `cainfo` is set twice; the last one counts",
        "13: spool_max_size=5120KB is taken as spool_max_size=5120",
        "15: `spool_dir` stands outside [settings], in [other], and has no effect",
    ];
    let expected: String = expected.iter().map(|line| format!("{file}:{line}\n")).collect();
    assert_eq!(
        (said.code, said.out, said.err.as_str()),
        (Some(1), expected, "telemctl: the configuration has 6 faults\n")
    );

    let well = Sandbox::bare("");
    let said = well.say(&["config", "check"]);
    assert_eq!((said.code, said.out), (Some(0), format!("{}: nothing is wrong\n", well.config().display())));
}

#[test]
fn set_changes_one_line_and_keeps_the_rest() {
    let instance = Sandbox::bare("# about the server\nserver=http://old/\n\n#record_expiry=1200\n# end\n");
    fs::set_permissions(instance.config(), Permissions::from_mode(0o640)).unwrap();
    let before = text(&instance);
    let said = instance.say(&["config", "set", "server", "http://me:secret@new/"]);
    let place = instance.config().display().to_string();
    let expected = format!("server=http://new/ is set in {place}, line 10.\n");
    assert_eq!((said.code, said.out, said.err.as_str()), (Some(0), expected, ""));
    let changed = before.replace("http://old/", "http://me:secret@new/");
    assert_eq!(text(&instance), changed);
    assert_eq!(instance.say(&["config", "set", "record_expiry", "30"]).code, Some(0));
    let added = changed.replace("#record_expiry=1200\n", "#record_expiry=1200\nrecord_expiry=30\n");
    assert_eq!(text(&instance), added);
    assert_eq!(instance.say(&["config", "set", "spool_max_size", "-1"]).code, Some(0));
    assert_eq!(text(&instance), format!("{added}spool_max_size=-1\n"));
    assert_eq!(fs::metadata(instance.config()).unwrap().permissions().mode() & 0o777, 0o640);
    let left: Vec<_> =
        fs::read_dir(instance.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["telemetrics.conf"]);
}

#[test]
fn set_refuses_what_the_programs_would() {
    let instance = Sandbox::bare("");
    let before = text(&instance);
    for (key, value, reason) in [
        ("spool_dri", "/x", "unknown key `spool_dri`; did you mean `spool_dir`?"),
        ("colour_of_the_sky", "blue", "unknown key `colour_of_the_sky`; `telemctl config show` lists them"),
        ("record_expiry", "soon", "record_expiry=soon: must be 1 to 5256000 minutes"),
        ("server", "htp://me:secret@h/", "server=...@h/: must be an http:// or https:// URL"),
        ("cainfo", "/a\nserver=http://h/", "cainfo=/a\\nserver=http://h/: must be "),
    ] {
        let said = instance.say(&["config", "set", key, value]);
        assert!(said.code == Some(1) && said.err.contains(reason), "{reason}: {said:?}");
    }
    assert_eq!(text(&instance), before);
    let missing = instance.path("none.conf");
    let said = Printed::from_command(&mut programs::command(
        "telemctl",
        &["-f", missing.to_str().unwrap(), "config", "set", "cainfo", ""],
    ));
    assert_eq!((said.code, missing.exists()), (Some(1), false), "{said:?}");
}

#[test]
fn set_mends_a_file_with_wrong_values_and_follows_no_link() {
    let instance = Sandbox::bare("spool_dir=spool\nbyte_window_length=99\n");
    assert_eq!(instance.say(&["config", "set", "spool_dir", "/x"]).code, Some(0));
    assert_eq!(instance.say(&["config", "set", "byte_window_length", "20"]).code, Some(0));
    let said = instance.say(&["config", "check"]);
    // The first of the two lines of spool_dir is the instance's.
    assert!(said.out.contains("`spool_dir` is set twice") && said.out.lines().count() == 1, "{}", said.out);

    let link = instance.path("link.conf");
    symlink(instance.config(), &link).unwrap();
    let before = text(&instance);
    let said = Printed::from_command(&mut programs::command(
        "telemctl",
        &["-f", link.to_str().unwrap(), "config", "set", "cainfo", "/x"],
    ));
    assert!(said.code == Some(1) && said.err.contains("is a link"), "{said:?}");
    assert!(link.is_symlink() && text(&instance) == before);
}

#[test]
fn the_running_daemons_that_obey_the_key_are_reloaded() {
    let instance = Sandbox::bare("");
    fs::create_dir(instance.path("run")).unwrap();
    // A stand-in of this name, which SIGHUP ends, is found by its process id.
    programs::copy(Path::new("/bin/sleep"), &instance.path("telempostd"));
    let mut stand_in = Command::new(instance.path("telempostd")).arg("600").spawn().unwrap();
    let _lock = InstanceLock::acquire(&instance.path("run"), "telempostd").unwrap();
    fs::write(instance.path("run/telempostd.pid"), format!("{}\n", stand_in.id())).unwrap();
    let said = instance.say(&["config", "set", "user_spool_share", "40"]);
    assert!(!said.out.contains("reads it now"), "{}", said.out);
    let said = instance.say(&["config", "set", "run_dir", "/x"]);
    assert!(said.out.ends_with("It takes effect when the daemons are started again.\n"), "{}", said.out);
    fs::write(
        instance.config(),
        text(&instance).replace("run_dir=/x", &format!("run_dir={}", instance.path("run").display())),
    )
    .unwrap();
    let said = instance.say(&["config", "set", "record_expiry", "30"]);
    assert!(said.out.ends_with("telempostd reads it now.\n"), "{}", said.out);
    assert_eq!(stand_in.wait().unwrap().signal(), Some(nix::libc::SIGHUP));
}

#[test]
fn only_root_changes_the_systems_file_and_everybody_sees_it() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (_dir, program) = for_every_user("telemctl");
    let said = |arguments: &[&str]| {
        Printed::from_command(Command::new(&program).args(arguments).uid(NOBODY).gid(NOBODY))
    };
    let set = said(&["config", "set", "record_expiry", "30"]);
    assert_eq!((set.code, set.err.as_str()), (Some(1), "Must be root to run this command. Exiting...\n"));
    assert_eq!(said(&["config", "show"]).code, Some(0));
}
