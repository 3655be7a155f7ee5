//! Services and privileges: the words and exit codes that scripts rely on.

use std::os::unix::process::CommandExt;
use std::process::Command;
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::{Printed, Sandbox, programs};

/// Every command.
const COMMANDS: [&str; 17] = [
    "start",
    "stop",
    "restart",
    "is-active",
    "opt-in",
    "opt-out",
    "journal",
    "status",
    "doctor",
    "config show",
    "config check",
    "config set",
    "preview",
    "rejected list",
    "rejected show",
    "rejected retry",
    "rejected drop",
];

#[test]
fn start_needs_consent() {
    let instance = Sandbox::bare("");
    for command in ["start", "restart"] {
        let said = instance.say(&[command]);
        let expected =
            Printed { code: Some(1), out: String::new(), err: "Opt in to telemetry first.\n".into() };
        assert_eq!(said, expected, "{command}");
    }
}

#[test]
fn a_private_instance_is_started_by_hand() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    let stopped = instance.say(&["stop"]);
    let nobody = "telemctl: systemd does not run the daemons of a private instance, and no daemon runs\n";
    assert_eq!((stopped.code, stopped.err.as_str()), (Some(1), nobody));
    let daemon = instance.start_telemprobd();
    let pid = daemon.pid();
    let by_hand = format!(
        "telemctl: systemd does not run the daemons of a private instance; stop them with `kill {pid}`\n"
    );
    assert_eq!(instance.say(&["stop"]).err, by_hand);
    drop(daemon);
    for command in ["start", "restart"] {
        let said = instance.say(&[command]);
        let config = instance.config();
        let config = config.display();
        assert_eq!(
            (said.code, said.err),
            (
                Some(1),
                format!(
                    "telemctl: systemd does not run the daemons of a private instance; start the daemons \
                     by hand with `telemprobd -f {config} &` and `telempostd -f {config} &`\n"
                )
            ),
            "{command}"
        );
    }
}

#[test]
fn nothing_is_active_in_an_instance_that_was_never_started() {
    let said = Sandbox::bare("").say(&["is-active"]);
    let expected = "telemprobd : inactive\ntelempostd : inactive\n".to_owned();
    assert_eq!(said, Printed { code: Some(0), out: expected, err: String::new() });
}

#[test]
fn root_is_needed_for_the_system() {
    let (_dir, program) = for_every_user("telemctl");
    let (_other_dir, journal) = for_every_user("telem_journal");
    let as_nobody = |program: &std::path::Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/");
        if nix::unistd::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Printed::from_command(&mut command)
    };
    let refused = Printed {
        code: Some(1),
        out: String::new(),
        err: "Must be root to run this command. Exiting...\n".into(),
    };
    for command in ["start", "stop", "restart", "opt-in", "opt-out", "journal", "rejected list"] {
        let words: Vec<_> = command.split(' ').collect();
        assert_eq!(as_nobody(&program, &words), refused, "{command}");
    }
    assert_eq!(as_nobody(&journal, &["-V"]), refused);
    let active = as_nobody(&program, &["is-active"]);
    assert_eq!(active.code, Some(0), "{active:?}");
    assert!(active.out.starts_with("telemprobd : ") && active.out.contains("\ntelempostd : "), "{active:?}");
}

#[test]
fn wrong_arguments_are_2_and_show_the_usage() {
    for arguments in [&[][..], &["begin"], &["start", "now"], &["--colour"], &["journal", "-x"]] {
        let said = Printed::from_command(&mut programs::command("telemctl", arguments));
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(said.err.contains("Usage: telemctl"), "{arguments:?}: {}", said.err);
    }
    assert_eq!(
        Printed::from_command(&mut programs::command("telemctl", &["status", "--config"])).code,
        Some(2)
    );
}

#[test]
fn help_and_version_are_everywhere() {
    for command in COMMANDS {
        let words = |last| command.split(' ').chain([last]).collect::<Vec<_>>();
        let help = Printed::from_command(&mut programs::command("telemctl", &words("--help")));
        assert!(help.code == Some(0) && help.out.contains("--config <FILE>"), "{command}: {help:?}");
        let version = Printed::from_command(&mut programs::command("telemctl", &words("--version")));
        assert!(version.code == Some(0) && version.out.contains(env!("CARGO_PKG_VERSION")), "{command}");
    }
    let version = Printed::from_command(&mut programs::command("telemctl", &["-V"]));
    assert_eq!((version.code, version.out), (Some(0), format!("telemctl {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_wrong_configuration_names_file_line_key_and_what_is_allowed() {
    let instance = Sandbox::bare("log_dir=log\n");
    let config = instance.config();
    for command in COMMANDS
        .into_iter()
        .filter(|command| !["doctor", "config"].iter().any(|own| command.starts_with(own)))
    {
        // Those that need an id are given one.
        let id = ["show", "retry", "drop"].iter().any(|word| command.ends_with(word)).then_some("abcd");
        let said = instance.say(&command.split(' ').chain(id).collect::<Vec<_>>());
        let expected = format!("telemctl: {}:9: log_dir=log: must be an absolute path\n", config.display());
        assert_eq!(said, Printed { code: Some(1), out: String::new(), err: expected }, "{command}");
    }
    let missing = instance.path("none");
    let said = Printed::from_command(&mut programs::command(
        "telemctl",
        &["status", "-f", missing.to_str().unwrap()],
    ));
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with(&format!("telemctl: {}: ", missing.display())), "{}", said.err);
}

#[test]
fn a_wrong_value_of_a_daemon_is_a_warning() {
    let instance = Sandbox::bare("record_expiry=soon\n");
    let said = instance.say(&["is-active"]);
    let expected = format!(
        "telemctl: warning: {}:9: record_expiry=soon: must be 1 to 5256000 minutes\n",
        instance.config().display()
    );
    assert_eq!((said.code, said.err), (Some(0), expected));
}

#[test]
fn an_unknown_key_is_a_warning() {
    let instance = Sandbox::bare("spool_dri=/x\n");
    let said = instance.say(&["is-active"]);
    assert_eq!(said.code, Some(0));
    let expected = "unknown key `spool_dri`; did you mean `spool_dir`?\n";
    assert!(said.err.starts_with("telemctl: warning: ") && said.err.ends_with(expected), "{}", said.err);
}

#[test]
fn a_relative_configuration_counts_from_the_working_directory() {
    let instance = Sandbox::bare("");
    let mut command = programs::command("telemctl", &["-f", "telemetrics.conf", "is-active"]);
    assert_eq!(Printed::from_command(command.current_dir(instance.path(""))).code, Some(0));
}
