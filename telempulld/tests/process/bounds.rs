//! Bounds of connections: how many one certificate has, and how long one may wait and stand still.

use crate::machine::{Machine, OWNER, SOAP, request};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const QUESTION: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Longer than any bound, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(200);

/// A connection by TLS that stays open.
fn connect(machine: &Machine, name: &str) -> Child {
    let key = |ending: &str| machine.path(&format!("keys/{name}.{ending}")).display().to_string();
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", machine.port)])
        .args(["-key", &key("key"), "-cert", &key("pem")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(QUESTION.as_bytes()).unwrap();
    child
}

fn status(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn one_certificate_has_eight_connections_and_others_are_unhurt() {
    let mut machine = Machine::new("pull_rate=0");
    machine.trust(&[("greedy", ""), ("modest", "")]);
    machine.start();
    let mut children: Vec<_> = (0..8).map(|_| connect(&machine, "greedy")).collect();
    let statuses: Vec<_> = children.iter_mut().map(status).collect();
    let mut ninth = connect(&machine, "greedy");
    let refused = status(&mut ninth);
    let other = machine.ask("modest", "/metrics", &[]).status;
    let gone = children.pop().map(|mut child| {
        child.kill().unwrap();
        child.wait().unwrap()
    });
    crate::machine::wait_until("there is room again", || {
        machine.ask("greedy", "/metrics", &[]).status == 200
    });
    for child in children.iter_mut().chain([&mut ninth]) {
        let _ = child.kill();
        let _ = child.wait();
    }
    assert_eq!((statuses, refused.as_str(), other), (vec!["200".to_owned(); 8], "503", 200));
    assert!(gone.is_some());
}

/// Whether the process that listens at a port has accepted a connection from this other one, and not closed it since.
fn is_held(port: u16, from: u16) -> bool {
    let [port, from] = [port, from].map(|port| format!(":{port:04X}"));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        // What belongs to no process has the inode 0.
        columns[1].ends_with(&port) && columns[2].ends_with(&from) && columns[9] != "0"
    })
}

#[test]
fn who_does_not_read_what_he_asked_for_is_ended() {
    let mut machine = Machine::new(&format!("{SOAP}\npull_local=127.0.0.1:LOCAL"));
    machine.start();
    let mut stream = TcpStream::connect(("127.0.0.1", machine.local_port)).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let body = request(OWNER);
    let one = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // More than all buffers between two ends hold.
    for _ in 0..200 {
        if stream.write_all(one.as_bytes()).is_err() {
            break;
        }
    }
    let own_port = stream.local_addr().unwrap().port();
    crate::machine::wait_until("it is served", || is_held(machine.local_port, own_port));
    assert_eq!(machine.ask_here("/metrics", &[]).status, 200, "others are unhurt");
    crate::machine::wait_until("it is ended", || !is_held(machine.local_port, own_port));
    drop(stream);
}

#[test]
fn programs_of_this_machine_leave_room_for_others() {
    let mut machine = Machine::new("pull_local=127.0.0.1:LOCAL");
    machine.trust(&[("known", "")]);
    machine.start();
    let ask = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", machine.local_port)).unwrap();
        stream.write_all(QUESTION.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (stream, String::from_utf8_lossy(&status[9..]).into_owned())
    };
    let held: Vec<_> = (0..32).map(ask).collect();
    assert!(held.iter().all(|(_, status)| status == "200"));
    assert!((0..40).map(ask).all(|(_, status)| status == "503"));
    assert_eq!(machine.ask("known", "/metrics", &[]).status, 200);
    drop(held);
    crate::machine::wait_until("there is room again", || machine.ask_here("/metrics", &[]).status == 200);
}

/// Sends this on a connection of this machine, and says how long it is until the other end closes it.
fn time_to_close(port: u16, bytes: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let begin = Instant::now();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    begin.elapsed()
}

#[test]
fn a_connection_waits_75_seconds_for_a_request_and_stands_still_for_30() {
    let mut machine = Machine::new("pull_local=127.0.0.1:LOCAL");
    machine.start();
    let port = machine.local_port;
    let half =
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\nhalf";
    let (idle, stalled) = std::thread::scope(|scope| {
        let idle = scope.spawn(|| time_to_close(port, QUESTION.as_bytes()));
        let stalled = scope.spawn(|| time_to_close(port, half));
        (idle.join().unwrap(), stalled.join().unwrap())
    });
    // The longest is that of a busy machine.
    assert!(idle >= Duration::from_secs(74) && idle < DEADLINE, "{idle:?}");
    assert!(stalled >= Duration::from_secs(29) && stalled < idle, "{stalled:?}");
}
