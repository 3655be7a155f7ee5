//! What crosses telemprobd's socket: programs of any release are linked with the library, and the daemon of another
//! release answers.

use crate::counters::pretty;
use crate::expected::assert_expected;
use crate::inheritance::Inheritance;
use crate::normal::normal;
use serde_json::{Map, Value};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;
use test_harness::{Sandbox, frame};

/// Headers that say something of the machine, and the time.
pub(crate) const OF_MACHINE: [&str; 9] = [
    "creation_timestamp",
    "arch",
    "host_type",
    "build",
    "kernel_version",
    "system_name",
    "board_name",
    "cpu_model",
    "bios_version",
];

/// A message, part by part; its sizes are checked, since they depend on the machine.
fn described(message: &[u8], sandbox: &Sandbox) -> String {
    let size = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().unwrap()) as usize;
    assert_eq!(size(&message[..4]), message.len());
    let config_end = 4 + message[4..].iter().position(|byte| *byte == 0).unwrap();
    let headers_at = config_end + 5;
    let headers_end = headers_at + size(&message[config_end + 1..headers_at]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers: String = text(&message[headers_at..headers_end])
        .lines()
        .map(|line| match line.split_once(": ") {
            Some((name, _)) if OF_MACHINE.contains(&name) => format!("{name}: @MACHINE@\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = text(&message[4..config_end]);
    let payload = text(&message[headers_end..]).replace('\0', "[0]");
    normal(&format!("[size]{config}[0][size of headers]{headers}{payload}\n"), sandbox)
}

#[test]
fn the_message_of_the_library() {
    let sandbox = Sandbox::new();
    let listener = UnixListener::bind(sandbox.socket_path()).unwrap();
    let config = sandbox.config_arg();
    let id = "0123456789abcdef0123456789abcdef";
    let args = ["-f", &config, "-c", "org.example/golden/sent", "-s", "3", "-e", id];
    let mut command = sandbox.command("telem-record-gen", &args);
    let mut program = command.stdin(Stdio::piped()).spawn().unwrap();
    program.stdin.take().unwrap().write_all("a payload: ü\n".as_bytes()).unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    let mut message = vec![0; 4];
    connection.read_exact(&mut message).unwrap();
    let size = u32::from_ne_bytes(message[..4].try_into().unwrap());
    message.resize(size as usize, 0);
    connection.read_exact(&mut message[4..]).unwrap();
    connection.write_all(&0_i32.to_ne_bytes()).unwrap();
    assert!(program.wait().unwrap().success());
    assert_expected("message.txt", &described(&message, &sandbox).replace(id, "@EVENT@"));
}

/// The answers by what is sent, and the reasons by which they are counted.
#[test]
fn the_answers_of_telemprobd() {
    let machine = Inheritance::new(Duration::ZERO, &["state/machine_id"]);
    let mut sandbox = machine.sandbox;
    let mut answers = Map::new();
    let mut telemprobd = sandbox.start_telemprobd();
    let lines = frame::header_lines("org.example/golden/answer");
    let with_config = |config| frame::message(None, Some(config), None, &lines, b"x");
    for (name, message) in [
        ("not a classification", frame::good("one_part", "x")),
        ("cut short", frame::good("org.example/golden/answer", "x")[..50].to_vec()),
        ("too large", 0x4000_0000_u32.to_ne_bytes().to_vec()),
        ("its configuration is not there", with_config("/nonexistent/t.conf")),
        ("good", frame::good("org.example/golden/answer", "x")),
    ] {
        answers.insert(name.to_owned(), Value::from(frame::send(&sandbox.socket_path(), &message)));
    }
    telemprobd.stop();
    sandbox.set("spool_max_size", 0);
    // What is on its way has room whatever the limit: as much as this.
    let full = sandbox.write("spool/0de9de8d5f3c6a7d445d75ba01cc3322.0", &"x".repeat(256 * 1024));
    let mut telemprobd = sandbox.start_telemprobd();
    let answer = frame::send(&sandbox.socket_path(), &frame::good("org.example/golden/answer", "x"));
    answers.insert("the spool is full".to_owned(), Value::from(answer));
    telemprobd.stop();
    std::fs::remove_file(full).unwrap();
    assert_expected("answers.json", &pretty(&Value::Object(answers)));
    let counters = std::fs::read_to_string(sandbox.path("state/telemprobd.counters.json")).unwrap();
    assert_expected("state/telemprobd.counters.json", &counters);
    let name = sandbox.waiting().remove(0);
    let stored = std::fs::read_to_string(sandbox.spool_dir().join(name)).unwrap();
    assert_expected("stored_record.txt", &normal(&stored, &sandbox));
}
