//! What cannot work is reported in one line that names the thing and the remedy, and nothing is half done.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use telemctl::programs::{PROGRAMS, Program, keys as all_keys};
use test_harness::{Process, Sandbox};

/// Starts the daemon, expects it to refuse, and returns its one line.
fn startup_error(sandbox: &Sandbox, daemon: &str) -> String {
    let mut daemon = sandbox.start(daemon);
    let status = daemon.wait();
    assert_eq!(status.code(), Some(1), "{}", daemon.log());
    assert_eq!(daemon.log().lines().count(), 1, "{}", daemon.log());
    daemon.log()
}

#[test]
fn a_wrong_value_names_file_line_key_and_what_is_allowed() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(sandbox.config()).unwrap();
    let line = text.lines().count() + 1;
    sandbox.write("telemetrics.conf", &format!("{text}recycling_idle_time=soon\n"));
    for daemon in ["telemprobd", "telempostd"] {
        let startup_error = startup_error(&sandbox, daemon);
        let expected = format!(
            "{daemon}: {}:{line}: recycling_idle_time=soon: must be 1 to 86400 seconds\n",
            sandbox.config_arg()
        );
        assert_eq!(startup_error, expected);
    }
    assert!(!sandbox.path("spool").exists());
}

/// What a program writes that is started with these lines in its configuration.
fn written(sandbox: &Sandbox, program: &str, lines: &str) -> String {
    let config = sandbox
        .write("lines.conf", &format!("[settings]\netc_dir={}\n{lines}", sandbox.path("etc").display()));
    let (name, arguments): (_, &[&str]) = match program {
        "libtelemetry" => ("hprobe", &[]),
        "crashprobe" => ("crashprobe", &["-p", "x"]),
        "telemctl" => ("telemctl", &["status"]),
        _ => (program, &[]),
    };
    let output = sandbox
        .command(name, &["-f", config.to_str().unwrap()])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // What stops other programs is a warning to telemctl, which shows it with the rest.
    let written = String::from_utf8(output.stderr).unwrap();
    assert!(!written.is_empty() || program == "telemctl", "{program} has started");
    written
}

#[test]
fn a_wrong_value_stops_only_the_programs_that_obey_the_key() {
    let sandbox = Sandbox::new();
    // So that whatever a program obeys, it ends before it does anything. crashprobe asks for the consent before it reads
    // what the library obeys, and ends with its core, which is empty.
    sandbox.opt_out();
    for Program { name: program, keys } in PROGRAMS {
        let asks_for_consent_first = program == "crashprobe";
        if asks_for_consent_first {
            sandbox.opt_in();
        }
        let (mut others, mut obeyed) = (String::new(), 0);
        for key in all_keys() {
            let line = format!("{}=?!\n", key.name());
            if !keys.iter().any(|own| own.name() == key.name()) {
                others.push_str(&line);
            } else if !key.allows("?!") {
                let written = written(&sandbox, program, &line);
                let wrong = format!("{}=?!: must be {}\n", key.name(), key.allowed());
                assert!(written.ends_with(&wrong), "{program}, {}: {written}", key.name());
                obeyed += 1;
            }
        }
        assert!(obeyed >= 3, "{program}");
        if asks_for_consent_first {
            sandbox.opt_out();
        }
        let written = written(&sandbox, program, &others);
        assert!(!written.contains("must be"), "{program}: {written}");
    }
}

#[test]
fn what_the_c_programs_took_is_taken_with_a_warning() {
    let mut sandbox = Sandbox::new();
    sandbox.set("spool_max_size", "5120KB # as ever").set("user_records_per_minute", "-3");
    let telemprobd = sandbox.start_telemprobd();
    sandbox.set("server", "user:secret@127.0.0.1:1/v2/collector");
    let telempostd = sandbox.start("telempostd");
    telempostd.wait_for_log("server=");
    for (log, warnings) in [
        (
            telemprobd.log(),
            [
                "spool_max_size=5120KB # as ever is taken as spool_max_size=5120\n",
                "user_records_per_minute=-3 is taken as user_records_per_minute=-1\n",
            ],
        ),
        (
            telempostd.log(),
            [
                "spool_max_size=5120KB # as ever is taken as spool_max_size=5120\n",
                "server=...@127.0.0.1:1/v2/collector is taken as server=http://127.0.0.1:1/v2/collector\n",
            ],
        ),
    ] {
        for warning in warnings {
            assert!(log.contains(warning) && log.contains(&sandbox.config_arg()), "{warning}: {log}");
        }
    }
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_one() {
    let mut sandbox = Sandbox::new();
    sandbox.set("record_expire", "5");
    let daemon = sandbox.start_telemprobd();
    assert!(daemon.log().contains("unknown key `record_expire`; did you mean `record_expiry`?"));
}

#[test]
fn a_configuration_that_is_not_there_or_is_a_directory() {
    let sandbox = Sandbox::new();
    for daemon in ["telemprobd", "telempostd"] {
        for path in [sandbox.path("none.conf"), sandbox.path("etc")] {
            let path = path.to_str().unwrap();
            let mut process = Process::start(&sandbox.path(""), daemon, &["-f", path]);
            assert_eq!(process.wait().code(), Some(1));
            assert!(process.log().contains(path), "{}", process.log());
            assert_eq!(process.log().lines().count(), 1, "{}", process.log());
        }
    }
}

#[test]
fn a_socket_path_that_is_taken_or_no_socket_or_nowhere() {
    let mut sandbox = Sandbox::new();
    let listener = UnixListener::bind(sandbox.socket_path()).unwrap();
    assert!(startup_error(&sandbox, "telemprobd").contains("another program listens there"));
    drop(listener);
    let file = sandbox.write("precious", "data");
    sandbox.set("socket_path", file.display());
    assert!(startup_error(&sandbox, "telemprobd").contains("no socket is there"));
    assert_eq!(fs::read_to_string(file).unwrap(), "data");
    let nowhere = sandbox.path("none/telem-0");
    sandbox.set("socket_path", nowhere.display());
    assert!(startup_error(&sandbox, "telemprobd").contains(nowhere.to_str().unwrap()));
}

#[test]
fn a_spool_that_cannot_be_written() {
    let mut sandbox = Sandbox::new();
    let file = sandbox.write("file", "no directory");
    for key in ["spool_dir", "state_dir", "run_dir"] {
        let old = sandbox.path(key.trim_end_matches("_dir"));
        sandbox.set(key, file.join("below").display());
        let startup_error = startup_error(&sandbox, "telemprobd");
        assert!(
            startup_error.contains("file") && startup_error.contains("writable"),
            "{key}: {startup_error}"
        );
        sandbox.set(key, old.display());
    }
}

#[test]
fn a_spool_of_somebody_else() {
    // Root may write anywhere; then an ordinary user tries.
    let sandbox = Sandbox::new();
    let nobody = 65_534;
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for name in ["spool", "state", "run"] {
        fs::create_dir(sandbox.path(name)).unwrap();
        let mode = if is_root && name != "spool" { 0o777 } else { 0o755 };
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = sandbox.command("telemprobd", &["-f", &sandbox.config_arg()]);
    if is_root {
        command.uid(nobody).gid(nobody);
    } else {
        fs::set_permissions(sandbox.path("spool"), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let mut daemon = Process::spawn(&sandbox.path(""), "telemprobd", &mut command);
    assert_eq!(daemon.wait().code(), Some(1), "{}", daemon.log());
    assert!(daemon.log().contains("spool") && daemon.log().contains("writable"), "{}", daemon.log());
    assert!(!sandbox.socket_path().exists(), "nothing half done");
}

#[test]
fn a_second_daemon_on_the_same_place() {
    let sandbox = Sandbox::new();
    let first = sandbox.start_telemprobd();
    let startup_error = startup_error(&sandbox, "telemprobd");
    assert!(startup_error.contains(&format!("pid {}", first.pid())), "{startup_error}");
}
