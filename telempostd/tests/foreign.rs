//! Records with a configuration of their own (`CFG:`), which any user may have written: what he names, sends or replaces
//! delays nobody else's records.

use std::fs;
use std::os::unix::fs::chown;
use test_harness::Sandbox;
use test_harness::records::record_for;
use test_harness::server::Server;

/// Another user of this machine.
const STRANGER: u32 = 1001;

/// Whether files can be given to another user here.
fn can_be_others() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("not run: only root can act for a second user");
    }
    is_root
}

#[test]
fn a_configuration_counts_only_if_it_is_roots_or_the_senders() {
    if !can_be_others() {
        return;
    }
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let config = sandbox.configure_record("own.conf", &server.url(), "");
    let of_root = sandbox.configure_record("root.conf", &server.url(), "");
    chown(&config, Some(STRANGER), None).unwrap();
    for (sender, config) in [(0, &config), (1000, &config), (STRANGER, &config), (1000, &of_root)] {
        sandbox.store_from(sender, &record_for(config, &format!("of {sender}")));
    }
    sandbox.store_as_c("aB3xY9", &record_for(&config, "of nobody known"));
    sandbox.store_as_c("aB3xY8", &record_for(&of_root, "of C"));
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let mut arrived: Vec<_> = server.requests().iter().map(|request| request.text()).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, ["of 1000", "of 1001", "of C"]);
    let answers = sandbox.names("spool/.rejected").into_iter().filter(|name| name.ends_with(".answer"));
    let mut reasons: Vec<_> = answers
        .map(|name| fs::read_to_string(sandbox.path("spool/.rejected").join(name)).unwrap())
        .map(|text| text.split_once("own.conf: ").unwrap().1.lines().collect::<Vec<_>>().join("; "))
        .collect();
    reasons.sort_unstable();
    let whose = "it belongs to user 1001, ";
    assert_eq!(
        reasons,
        [
            format!("{whose}and without a known sender only root's counts"),
            format!("{whose}neither to root nor to the sender, user 0; sender: 0"),
            format!("{whose}neither to root nor to the sender, user 1000; sender: 1000"),
        ]
    );
}
