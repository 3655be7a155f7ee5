//! `telemctl config set` beside daemons that run: those that obey the key read it, and the others do not.

use test_harness::{Sandbox, until};

#[test]
fn a_value_that_is_set_holds_in_the_running_daemon() {
    let sandbox = Sandbox::new();
    let mut telemprobd = sandbox.start_telemprobd();
    let output = sandbox.run("telemctl", &["config", "set", "record_expiry", "30"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("reads it now"), "{output:?}");

    let output = sandbox.run("telemctl", &["config", "set", "spool_keep_free", "0"]);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("\ntelemprobd reads it now.\n"), "{output:?}");
    telemprobd.wait_for_log("configuration reloaded");
    assert_eq!(telemprobd.log().matches("configuration reloaded").count(), 1, "{}", telemprobd.log());

    // Another socket, without systemd: the daemon binds it at the reload.
    let socket = sandbox.path("another");
    let output = sandbox.run("telemctl", &["config", "set", "socket_path", socket.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    until("telemprobd listens at the new path", || socket.exists().then_some(()));
    let output = sandbox.run("hprobe", &[]);
    assert!(output.status.success(), "{output:?}");
    telemprobd.stop();
}
