//! A spool has one telemprobd and one telempostd, whatever run_dirs they are given.

use nix::sys::signal::Signal;
use std::fs;
use test_harness::server::Server;
use test_harness::{Process, Sandbox};

/// Starts a second daemon of this name with a run_dir and a socket of its own on the same spool.
fn start_second(sandbox: &Sandbox, daemon: &str) -> Process {
    let text = fs::read_to_string(sandbox.config()).unwrap();
    let moved = |key: &str, text: &str| {
        let old = text.lines().find(|line| line.starts_with(key)).unwrap();
        text.replace(old, &format!("{old}-second"))
    };
    let config = sandbox.write("second.conf", &moved("run_dir", &moved("socket_path", &text)));
    Process::start(&sandbox.path(""), daemon, &["-f", config.to_str().unwrap()])
}

/// Starts a second one, which has to end with one line that names the spool, the first one and the remedy.
fn assert_refused(sandbox: &Sandbox, daemon: &str, first_pid: u32) {
    let (status, log) = start_second(sandbox, daemon).wait_with_log();
    let expected = format!(
        "{daemon}: spool_dir={}: another {daemon} works in it (pid {first_pid}); stop that one first, or set another \
         spool_dir\n",
        sandbox.spool_dir().display()
    );
    assert_eq!((status.code(), log), (Some(1), expected));
}

#[test]
fn a_second_telempostd_sends_nothing() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let mut first = sandbox.start_telempostd();
    sandbox.store("before");
    server.wait_for(1);
    assert_refused(&sandbox, "telempostd", first.pid());
    // The lock goes along with another configuration, and goes with its holder, however that ends.
    first.signal(Signal::SIGHUP);
    first.wait_for_log("the configuration was read again");
    assert_refused(&sandbox, "telempostd", first.pid());
    first.kill();
    let mut second = start_second(&sandbox, "telempostd");
    sandbox.store("after");
    assert_eq!(server.wait_for(2).len(), 2);
    sandbox.wait_until_empty();
    second.stop();
}

#[test]
fn a_second_telemprobd_sweeps_nothing() {
    let sandbox = Sandbox::new();
    let mut first = sandbox.start_telemprobd();
    let unfinished = sandbox.write("spool/.new-of-the-first", "half");
    assert_refused(&sandbox, "telemprobd", first.pid());
    assert!(unfinished.exists());
    first.signal(Signal::SIGHUP);
    first.wait_for_log("configuration reloaded");
    assert_refused(&sandbox, "telemprobd", first.pid());
    first.kill();
    let mut second = start_second(&sandbox, "telemprobd");
    second.wait_for_log("listening on");
    second.stop();
}

#[test]
fn a_reload_onto_the_spool_of_another_leaves_the_configuration_in_force() {
    let sandbox = Sandbox::new();
    let mut first = sandbox.start_telemprobd();
    let other = Sandbox::new();
    let mut second = other.start_telemprobd();
    let text = fs::read_to_string(other.config()).unwrap();
    let own = other.spool_dir().display().to_string();
    fs::write(other.config(), text.replace(&own, &sandbox.spool_dir().display().to_string())).unwrap();
    second.signal(Signal::SIGHUP);
    second.wait_for_log(&format!("works in it (pid {})", first.pid()));
    assert!(second.log().contains("the configuration in force stays"), "{}", second.log());
    first.stop();
    second.stop();
}
