//! What the system refuses telemprobd while it serves: the sender gets its error number, and the counter its own reason.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use system_tests::torture::needs_root;
use telemetry_store::counters::{Counter, Counts};
use test_harness::{Fault, Sandbox, frame, until};

#[test]
fn a_fault_of_the_system_is_counted_by_its_own_reason() {
    if !needs_root("making calls of another process fail") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    for (call, reason) in [("getsockopt", "peer_credentials"), ("epoll_ctl", "poller"), ("fsync", "storage")]
    {
        let message = frame::good("org.example/fault/record", reason);
        let fault = Fault::inject(&daemon, &sandbox.path(""), call, "ENOMEM", "1");
        let mut client = UnixStream::connect(sandbox.socket_path()).unwrap();
        // Half of it, so that the daemon has to wait for the rest, unless that is what fails later.
        let sent = if reason == "storage" { message.len() } else { message.len() / 2 };
        // It may have refused and closed by now.
        let _ = client.write_all(&message[..sent]);
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(i32::from_ne_bytes(answer), -12, "{call}: {}", daemon.log());
        assert!(fault.lift(), "{call}");
        until(&format!("{reason} in the counters"), || {
            let counts = Counts::read(&sandbox.path("state"));
            counts.by_reason(Counter::Refused).any(|found| found == (reason, 1)).then_some(())
        });
        assert_eq!(frame::send(&sandbox.socket_path(), &message), Some(0), "{call}");
    }
    assert_eq!(sandbox.waiting().len(), 3);
    daemon.stop();
}
