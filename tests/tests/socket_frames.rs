//! What crosses the socket, to the byte: messages put together by hand, and noise.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use telemetry_record::header::Header;
use telemetry_record::limits::{MESSAGE_BYTES, PAYLOAD_BYTES};
use test_harness::{Sandbox, frame, until};

const EINVAL: Option<i32> = Some(-22);
const EMSGSIZE: Option<i32> = Some(-90);
const STORED: Option<i32> = Some(0);

#[test]
fn a_good_message_is_stored_as_it_is_but_for_the_machine_id() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let sent = frame::good("org.example/frame/good", "first line\nsecond\n");
    assert_eq!(frame::send(&sandbox.socket_path(), &sent), STORED);

    let names = sandbox.waiting();
    assert_eq!(names.len(), 1);
    let machine_id = std::fs::read_to_string(sandbox.path("state/machine_id")).unwrap();
    let expected = frame::header_lines("org.example/frame/good").replace("FFFFFFFF", &machine_id);
    let stored = std::fs::read_to_string(sandbox.spool_dir().join(&names[0])).unwrap();
    assert_eq!(stored, format!("{expected}first line\nsecond\n\n"));
}

#[test]
fn a_configuration_is_kept_with_its_record_if_it_may_be_trusted() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let own = sandbox.write("own.conf", "[settings]\nserver=http://127.0.0.1:2/\n");
    let open = sandbox.write("open.conf", "[settings]\nserver=http://127.0.0.1:2/\n");
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        &open,
        nix::sys::stat::Mode::from_bits_truncate(0o666),
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    )
    .unwrap();
    let lines = frame::header_lines("org.example/frame/config");
    let send = |path: &str| {
        let message = frame::message(None, Some(path), None, &lines, b"x");
        frame::send(&sandbox.socket_path(), &message)
    };
    assert_eq!(send(own.to_str().unwrap()), STORED);
    assert_eq!(send(open.to_str().unwrap()), Some(-1), "writable for others: EPERM");
    assert_eq!(send("/nonexistent/t.conf"), Some(-2), "ENOENT");
    assert_eq!(send("relative.conf"), EINVAL);
    let spooled = sandbox.spooled();
    assert_eq!(spooled.len(), 1);
    assert_eq!(spooled[0].message.config.as_deref(), Some(own.as_path()));
}

#[test]
fn lies_are_refused_and_harm_nobody() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let lines = frame::header_lines("org.example/frame/lie");
    let len = u32::try_from(lines.len()).unwrap();
    let good = frame::good("org.example/frame/lie", "payload");
    let size = u32::try_from(good.len()).unwrap();
    let swapped = lines.replace("arch: x86_64\nhost_type: blank|blank|blank\n", "host_type: x\narch: y\n");
    let large = "x".repeat(PAYLOAD_BYTES + 1);
    let huge = u32::try_from(MESSAGE_BYTES).unwrap() + 1;
    let message = |record_size, header_size, headers: &str, payload: &[u8]| {
        frame::message(record_size, None, header_size, headers, payload)
    };
    for (name, bytes, answer) in [
        ("cut short", good[..good.len() - 1].to_vec(), EINVAL),
        ("cut in the headers", good[..100].to_vec(), EINVAL),
        ("only a size", good[..4].to_vec(), EINVAL),
        ("half a size", good[..2].to_vec(), EINVAL),
        ("record size one more", message(Some(size + 1), None, &lines, b"payload"), EINVAL),
        ("record size one less", message(Some(size - 1), None, &lines, b"payload"), EINVAL),
        ("record size zero", message(Some(0), None, &lines, b"payload"), EINVAL),
        ("record size past the bound", message(Some(huge), None, &lines, b"payload"), EMSGSIZE),
        ("record size of 4 GiB", message(Some(u32::MAX), None, &lines, b"payload"), EMSGSIZE),
        ("header size of 4 GiB", message(None, Some(u32::MAX), &lines, b"payload"), EINVAL),
        ("header size past the end", message(None, Some(size), &lines, b"payload"), EINVAL),
        ("header size one less", message(None, Some(len - 1), &lines, b"payload"), EINVAL),
        ("headers out of order", message(None, None, &swapped, b"payload"), EINVAL),
        ("a header missing", message(None, None, &lines.replace("severity: 2\n", ""), b"payload"), EINVAL),
        ("no headers", message(None, None, "", b"payload"), EINVAL),
        ("a wrong class", good_with(&lines, "org.example/frame/lie", "two/parts"), EINVAL),
        ("a wrong severity", good_with(&lines, "severity: 2", "severity: 9"), EINVAL),
        ("payload too large", message(None, None, &lines, large.as_bytes()), EMSGSIZE),
        ("payload not UTF-8", message(None, None, &lines, &[0xff, 0xfe]), EINVAL),
        ("payload with control characters", message(None, None, &lines, b"\x1b[2J"), EINVAL),
        ("no terminator", replace_last(&good, b'x'), EINVAL),
    ] {
        assert_eq!(frame::send(&sandbox.socket_path(), &bytes), answer, "{name}");
    }
    assert_eq!(sandbox.spooled(), []);
    assert_eq!(frame::send(&sandbox.socket_path(), &good), STORED);
    daemon.stop();
}

fn good_with(lines: &str, from: &str, to: &str) -> Vec<u8> {
    frame::message(None, None, None, &lines.replace(from, to), b"payload")
}

fn replace_last(bytes: &[u8], last: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() = last;
    bytes
}

#[test]
fn firmware_text_in_latin_1_is_taken() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let mut bytes = frame::good("org.example/frame/latin", "x");
    let at = bytes.windows(8).position(|window| window == b"Some CPU").unwrap();
    bytes[at] = 0xae;
    assert_eq!(frame::send(&sandbox.socket_path(), &bytes), STORED);
    assert_eq!(sandbox.spooled()[0].message.headers.value(Header::CpuModel), "\u{fffd}ome CPU");
}

#[test]
fn ten_thousand_random_messages_stop_nobody() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let socket = sandbox.socket_path();
    let good = frame::good("org.example/frame/random", "good");
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let mut stored = 0;
    for round in 0..10_000 {
        let mut bytes = match round % 3 {
            // Noise from the first byte, noise behind a plausible size, and a good message with bytes changed.
            0 => random.bytes(600),
            1 => {
                let mut bytes = random.bytes(600);
                let size = u32::try_from(bytes.len() + 4).unwrap();
                bytes.splice(..0, size.to_ne_bytes());
                bytes
            }
            _ => good.clone(),
        };
        if round % 3 == 2 {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
        }
        match frame::send(&socket, &bytes) {
            Some(0) => stored += 1,
            Some(answer) => assert!([-22, -90, -1, -2].contains(&answer), "{answer}"),
            // Nothing was sent, or the daemon had closed before the answer could be read.
            None => {}
        }
        if round % 1000 == 0 {
            assert_eq!(frame::send(&socket, &good), STORED, "after {round} messages");
            stored += 1;
        }
    }
    assert_eq!(sandbox.spooled().len(), stored);
    assert!(daemon.log().lines().count() < 20, "noise fills the log: {}", daemon.log());
    daemon.stop();
}

#[test]
fn an_old_sender_that_closes_without_reading_is_served() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    for n in 0..100 {
        let bytes = frame::good("org.example/old/sender", &format!("{n}"));
        UnixStream::connect(sandbox.socket_path()).unwrap().write_all(&bytes).unwrap();
    }
    until("all records of old senders", || (sandbox.spooled().len() == 100).then_some(()));
    daemon.stop();
}

#[test]
fn a_message_in_single_bytes_is_a_message() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let mut slow = UnixStream::connect(sandbox.socket_path()).unwrap();
    let bytes = frame::good("org.example/frame/slow", "slow");
    let (last, head) = bytes.split_last().unwrap();
    for byte in head {
        slow.write_all(&[*byte]).unwrap();
    }
    // Others are not held up meanwhile.
    let quick = frame::good("org.example/frame/quick", "quick");
    assert_eq!(frame::send(&sandbox.socket_path(), &quick), STORED);
    slow.write_all(&[*last]).unwrap();
    let mut answer = [1; 4];
    std::io::Read::read_exact(&mut slow, &mut answer).unwrap();
    assert_eq!(i32::from_ne_bytes(answer), 0);
}

/// Reproducible noise (Marsaglia's xorshift64).
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, maximum: usize) -> Vec<u8> {
        (0..self.below(maximum)).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn after_the_answer_comes_the_end_and_no_reset() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let good = frame::good("org.example/frames/end", "x");
    let refused = frame::good("no class", "x");
    for (message, more) in [(&good, 0), (&good, 10), (&good, 5000), (&refused, 0), (&refused, 5000)] {
        for is_parted in [false, true] {
            let mut client = UnixStream::connect(sandbox.socket_path()).unwrap();
            let bytes = [message.as_slice(), &vec![b'x'; more]].concat();
            let (first, rest) = bytes.split_at(if is_parted { 100 } else { 0 });
            client.write_all(first).unwrap();
            client.write_all(rest).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            assert_eq!(answer.len(), 4, "{more} bytes more");
        }
    }
    daemon.stop();
}
