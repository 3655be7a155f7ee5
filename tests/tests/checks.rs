//! Checks: a record at the first result and at each change, whatever plugins do, and nothing of them left running.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use system_tests::torture::needs_root;
use telemetry_record::header::Header;
use telemetry_store::check_states::{CheckStates, State};
use test_harness::hung_fs::{Hang, HungFs};
use test_harness::{Process, Sandbox, programs, until};

const CLASS: &str = "org.telemetrics/check/state";

/// A sandbox with these definitions, whose plugins are found at `@DIR@`.
fn sandbox(definitions: &str) -> Sandbox {
    let sandbox = Sandbox::with_spool();
    fs::create_dir_all(sandbox.path("etc/checks.d")).unwrap();
    define(&sandbox, definitions);
    sandbox
}

fn define(sandbox: &Sandbox, definitions: &str) {
    let path = sandbox.path("etc/checks.d/a.conf");
    let text = definitions.replace("@DIR@", &sandbox.path("").display().to_string());
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
}

/// A plugin that is a script.
fn plugin(sandbox: &Sandbox, name: &str, script: &str) -> PathBuf {
    let path = sandbox.path(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

/// The payloads that wait, by time of the change that they report.
fn payloads(sandbox: &Sandbox) -> Vec<String> {
    let records = sandbox.spooled().into_iter().map(|record| record.message);
    let of_class = records.filter(|record| record.headers.value(Header::Classification) == CLASS);
    of_class.map(|record| record.payload).collect()
}

fn states(sandbox: &Sandbox) -> CheckStates {
    CheckStates::read(&sandbox.path("state")).ok().flatten().unwrap_or_default()
}

fn wait_for_state(sandbox: &Sandbox, check: &str, state: State) {
    until(&format!("{check} to be {}", state.word()), || {
        (states(sandbox).checks.get(check)?.state == Some(state)).then_some(())
    });
}

fn is_running(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == marker.as_bytes()))
}

#[test]
fn the_first_result_and_each_change_are_a_record_and_a_restart_is_none() {
    let sandbox = sandbox(
        "[mail]\nkind=plugin\ncommand=@DIR@/plugin --password=planted-secret\ninterval=10\nretry=1\nattempts=1\ngroup=g\n",
    );
    plugin(&sandbox, "plugin", "echo 'all is well | size=5MB;10;20'; exit 0");
    let _telemprobd = sandbox.start_telemprobd();
    let checkprobe = sandbox.start("checkprobe");
    wait_for_state(&sandbox, "mail", State::Ok);
    let [first] = <[_; 1]>::try_from(payloads(&sandbox)).unwrap();
    for line in [
        "Check: mail",
        "Kind: plugin",
        "Group: g",
        "State: OK",
        "Was: PENDING",
        "Output: all is well",
        "Perfdata: size=5MB;10;20",
    ] {
        assert!(first.lines().any(|there| there == line), "{line}: {first}");
    }
    plugin(&sandbox, "plugin", "echo no more room; exit 2");
    wait_for_state(&sandbox, "mail", State::Critical);
    assert_eq!(payloads(&sandbox).len(), 2);
    drop(checkprobe);
    let _checkprobe = sandbox.start("checkprobe");
    let updated = states(&sandbox).updated_unix_secs;
    until("another run", || (states(&sandbox).updated_unix_secs > updated + 1).then_some(()));
    let all = payloads(&sandbox);
    assert_eq!(all.len(), 2, "{all:?}");
    let change = all.iter().find(|payload| payload.contains("State: CRITICAL")).unwrap();
    assert!(change.contains("\nWas: OK\n") && change.contains("\nOutput: no more room\n"), "{change}");
    assert!(!all.concat().contains("planted-secret"));
    let everybody = fs::read_to_string(sandbox.path("state/checks/state.json")).unwrap();
    assert!(!everybody.contains("room") && !everybody.contains("planted-secret"), "{everybody}");
    let mode = fs::metadata(sandbox.path("state/checks/output.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let listed = sandbox.say(&["check", "list"]);
    assert!(listed.out.contains("mail  CRITICAL") && listed.out.contains("no more room"), "{listed:?}");
    let run = sandbox.say(&["check", "run", "mail"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.out.starts_with("mail: CRITICAL, value 2, no more room"), "{run:?}");
    // They ride along with a sample.
    let preview = sandbox.say(&["preview", "--environment"]);
    assert!(preview.out.contains("telemetry_check_state{check=\"mail\"} 2\n"), "{preview:?}");
}

#[test]
fn whatever_plugins_do_nothing_is_left_and_good_ones_go_on() {
    let marker = format!("{}.75", 40_000 + std::process::id() % 9000);
    let scripts = [
        ("forks", format!("for i in 1 2 3; do sleep {marker} & done; exit 0"), State::Ok),
        (
            "leaves",
            format!("setsid setsid sleep {marker} & setsid sh -c 'sleep {marker} & sleep {marker}' & exit 1"),
            State::Warning,
        ),
        ("floods", "yes 0123456789".to_owned(), State::Unknown),
        ("ignores", format!("trap '' TERM HUP INT; while :; do sleep {marker}; done"), State::Unknown),
        ("binary", "head -c 20000 /dev/urandom; exit 2".to_owned(), State::Critical),
        // Without memory for its block it ends with 1.
        ("eats", "exec dd if=/dev/zero of=/dev/null bs=2G count=1".to_owned(), State::Warning),
        ("kills", "kill -9 $$".to_owned(), State::Unknown),
        ("odd", "exit 77".to_owned(), State::Unknown),
        ("stops", "kill -STOP $$".to_owned(), State::Unknown),
        ("good", "exit 0".to_owned(), State::Ok),
    ];
    let definition = |name: &str| {
        format!("[{name}]\nkind=plugin\ncommand=@DIR@/{name}\ninterval=10\nretry=1\ntimeout=1\nattempts=1\n")
    };
    let text: String = scripts.iter().map(|(name, ..)| definition(name)).collect();
    let sandbox = sandbox(&format!("{text}[none]\nkind=plugin\ncommand=/none/such\nattempts=1\nretry=1\n"));
    for (name, script, _) in &scripts {
        plugin(&sandbox, name, script);
    }
    let _telemprobd = sandbox.start_telemprobd();
    let mut checkprobe = sandbox.start("checkprobe");
    for (name, _, state) in &scripts {
        wait_for_state(&sandbox, name, *state);
    }
    wait_for_state(&sandbox, "none", State::Unknown);
    // What was known of each when all of its own were gone.
    assert_eq!(payloads(&sandbox).len(), scripts.len() + 1);
    let since = states(&sandbox).updated_unix_secs;
    until("another round", || (states(&sandbox).updated_unix_secs > since + 10).then_some(()));
    // Between two rounds, while it goes on: what plugins leave does not wait for its end.
    until("all that plugins left to be gone", || (!is_running(&marker)).then_some(()));
    checkprobe.stop();
    assert!(!is_running(&marker), "something of a check still runs");
}

/// The runners of these checks that have not ended, and what they wait for.
fn hanging(sandbox: &Sandbox, checkprobe: &Process) -> usize {
    let is_hanging = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains(") D ") || stat.contains("(checkprobe-run)")
    };
    assert!(sandbox.path("hung").exists());
    checkprobe.children().iter().filter(|pid| is_hanging(pid)).count()
}

#[test]
fn what_hangs_on_a_file_system_is_there_once_and_its_check_unknown() {
    if !needs_root("mounting") {
        return;
    }
    let check =
        |name: &str, keys: &str| format!("[{name}]\n{keys}\ninterval=10\nretry=1\ntimeout=1\nattempts=100\n");
    let sandbox = sandbox(
        &[
            check("disk", "kind=disk\npath=@DIR@/hung"),
            check("plugin", "kind=plugin\ncommand=/usr/bin/stat -f @DIR@/hung"),
            check("good", "kind=load"),
        ]
        .concat(),
    );
    let hung = HungFs::mount(&sandbox.path("hung"), Hang::StatFs, 0);
    let _telemprobd = sandbox.start_telemprobd();
    let mut checkprobe = sandbox.start("checkprobe");
    let output = |name: &str| {
        let text = fs::read_to_string(sandbox.path("state/checks/output.json")).unwrap_or_default();
        let outputs: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
        outputs.get(name).cloned().unwrap_or_default()
    };
    for name in ["disk", "plugin"] {
        wait_for_state(&sandbox, name, State::Unknown);
        until("the next run", || output(name).starts_with("its last run hangs").then_some(()));
    }
    wait_for_state(&sandbox, "good", State::Ok);
    let updated = states(&sandbox).updated_unix_secs;
    until("some more runs", || (states(&sandbox).updated_unix_secs > updated + 4).then_some(()));
    assert!(hanging(&sandbox, &checkprobe) <= 2, "{:?}", checkprobe.children());
    // It answers, by an error, and so do they.
    drop(hung);
    until("the end of what hung", || (!output("disk").starts_with("its last run hangs")).then_some(()));
    checkprobe.stop();
}

#[test]
fn without_consent_or_a_definition_nothing_runs() {
    let sandbox = sandbox("");
    let output = sandbox.run("checkprobe", &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    define(&sandbox, "[touch]\nkind=plugin\ncommand=/usr/bin/touch @DIR@/touched\nretry=1\n");
    sandbox.opt_out();
    let output = sandbox.run("checkprobe", &[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("telemctl opt-in"));
    assert!(!sandbox.path("touched").exists());
}

#[test]
fn what_is_wrong_is_logged_with_its_line_and_the_others_run() {
    let sandbox = sandbox("[a]\nkind=magic\n[b]\nkind=load\nretry=1\n[c]\nkind=swap\nretry=1\ndepends=c\n");
    fs::write(sandbox.path("etc/checks.d/b.conf"), "[d]\nkind=load\n").unwrap();
    fs::set_permissions(sandbox.path("etc/checks.d/b.conf"), Permissions::from_mode(0o666)).unwrap();
    let _telemprobd = sandbox.start_telemprobd();
    let checkprobe = sandbox.start("checkprobe");
    wait_for_state(&sandbox, "b", State::Ok);
    let log = checkprobe.log();
    for part in [
        "a.conf:2: [a]: kind=magic is unknown",
        "a.conf:6: [c]: depends on itself",
        "b.conf: others than its owner can write it",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(states(&sandbox).checks.len(), 1);
}

#[test]
fn a_program_that_cannot_be_started_is_named_with_the_reason() {
    let cases = [
        ("absent", None, "is not there"),
        ("folder", None, "is a directory"),
        ("plain", Some(("#!/bin/sh\nexit 0\n", 0o644)), "is not executable"),
        ("old", Some(("#!/none/python2\nexit 0\n", 0o755)), "needs /none/python2, which is not there"),
        ("windows", Some(("#!/bin/sh\r\nexit 0\r\n", 0o755)), "has a carriage return"),
        // A shell would run it.
        ("shell-less", Some(("exit 0\n", 0o755)), "is not a program"),
    ];
    let definition = |name: &str| {
        format!(
            "[{name}]\nkind=plugin\ncommand=@DIR@/{name} --password=planted-secret\nattempts=1\nretry=1\n"
        )
    };
    let sandbox = sandbox(&cases.iter().map(|(name, ..)| definition(name)).collect::<String>());
    for (name, file, _) in &cases {
        if let Some((text, mode)) = file {
            fs::write(sandbox.path(name), text).unwrap();
            fs::set_permissions(sandbox.path(name), Permissions::from_mode(*mode)).unwrap();
        }
    }
    fs::create_dir(sandbox.path("folder")).unwrap();
    let _telemprobd = sandbox.start_telemprobd();
    let _checkprobe = sandbox.start("checkprobe");
    for (line, (name, _, reason)) in cases.iter().enumerate() {
        wait_for_state(&sandbox, name, State::Unknown);
        let expected = format!("{}/{name} {reason}", sandbox.path("").display());
        let payload = until("its record", || {
            payloads(&sandbox).into_iter().find(|payload| payload.starts_with(&format!("Check: {name}\n")))
        });
        assert!(payload.contains(&format!("\nOutput: cannot be run: {expected}")), "{expected}: {payload}");
        let said = sandbox.say(&["check", "run", name]);
        assert!(said.code == Some(3) && said.out.contains(&expected), "{expected}: {said:?}");
        // Before it is run.
        let doctor = sandbox.say(&["doctor"]);
        let place = format!("a.conf:{}: [{name}]: {expected}", line * 5 + 3);
        assert!(doctor.out.contains(&place), "{place}: {doctor:?}");
        assert!(!payload.contains("planted-secret") && !doctor.out.contains("planted-secret"));
    }
}

#[test]
fn what_the_kernel_does_not_take_goes_to_no_shell() {
    let sandbox = sandbox("[a]\nkind=plugin\ncommand=@DIR@/damaged\nattempts=1\nretry=1\n");
    let damaged = sandbox.path("damaged");
    fs::write(&damaged, format!("\u{7f}ELF\ntouch {}\n", sandbox.path("done").display())).unwrap();
    fs::set_permissions(&damaged, Permissions::from_mode(0o755)).unwrap();
    let _telemprobd = sandbox.start_telemprobd();
    let _checkprobe = sandbox.start("checkprobe");
    let payload = until("its record", || payloads(&sandbox).into_iter().next());
    let expected =
        format!("cannot be run: {}/damaged is for another processor, or damaged", sandbox.path("").display());
    assert!(payload.contains(&expected), "{payload}");
    assert!(!sandbox.path("done").exists());
}

#[test]
fn a_program_that_others_may_run_is_named_too() {
    if !needs_root("to be another user") {
        return;
    }
    let sandbox = sandbox(
        "[closed]\nkind=plugin\ncommand=@DIR@/closed/plugin\n[mode]\nkind=plugin\ncommand=@DIR@/mode\n",
    );
    fs::create_dir(sandbox.path("closed")).unwrap();
    plugin(&sandbox, "closed/plugin", "exit 0");
    plugin(&sandbox, "mode", "exit 0");
    fs::set_permissions(sandbox.path("closed"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(sandbox.path("mode"), Permissions::from_mode(0o754)).unwrap();
    fs::set_permissions(sandbox.path("etc/checks.d/a.conf"), Permissions::from_mode(0o644)).unwrap();
    let (_folder, checkprobe) = programs::for_every_user("checkprobe");
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(checkprobe)
        .args(["--faults", "-f", &sandbox.config_arg()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let closed = format!("may not enter {}/closed\n", sandbox.path("").display());
    assert!(
        said.contains(&closed) && said.contains("/mode may not be executed by the user of the checks"),
        "{output:?}"
    );
}
