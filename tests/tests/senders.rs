//! The sending side against daemons of every kind: ours, an old one, a silent one, none.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;
use telemetry::{Client, Error, Record};
use test_harness::{Sandbox, frame};

/// Serves one client on the sandbox's socket as `serve` does.
fn fake_daemon(sandbox: &Sandbox, serve: impl FnOnce(UnixStream) + Send + 'static) -> thread::JoinHandle<()> {
    let listener = sandbox.listen();
    thread::spawn(move || serve(listener.accept().unwrap().0))
}

#[test]
fn an_old_daemon_that_answers_nothing_means_success() {
    let sandbox = Sandbox::new();
    let daemon = fake_daemon(&sandbox, |mut stream| {
        frame::receive(&mut stream);
    });
    let output = sandbox.run("hprobe", &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Successfully sent record to daemon.\n");
    daemon.join().unwrap();
}

#[test]
fn the_message_is_that_of_the_contract() {
    let sandbox = Sandbox::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let daemon = fake_daemon(&sandbox, move |mut stream| sender.send(frame::receive(&mut stream)).unwrap());
    let record = Record::new(1, "org.example/sender/frame", 1).unwrap();
    Client::with_config_file(&sandbox.config()).unwrap().send(&record).unwrap();
    let lines = record.headers().as_str();
    let by_hand = frame::message(None, Some(&sandbox.config_arg()), None, lines, b"");
    assert_eq!(receiver.recv().unwrap(), by_hand);
    daemon.join().unwrap();
}

#[test]
fn wrong_values_of_other_programs_do_not_stop_a_sender() {
    let mut sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    for key in
        ["byte_window_length", "crash_burst_limit", "spool_max_size", "spool_dir", "recycling_idle_time"]
    {
        sandbox.set(key, "?!");
    }
    let record = Record::new(1, "org.example/sender/values", 1).unwrap();
    Client::with_config_file(&sandbox.config()).unwrap().send(&record).unwrap();
}

#[test]
fn a_daemon_that_hangs_is_given_up_on() {
    let sandbox = Sandbox::new();
    let listener = sandbox.listen();
    let client = Client::with_config_file(&sandbox.config()).unwrap();
    let mut record = Record::new(1, "org.example/sender/hang", 1).unwrap();
    record.set_payload(&"x".repeat(8000)).unwrap();
    assert!(matches!(client.send(&record), Err(Error::NoAnswer { .. })));
    drop(listener);
}

#[test]
fn a_refusal_reaches_the_caller_with_its_reason() {
    let sandbox = Sandbox::new();
    let daemon = fake_daemon(&sandbox, |mut stream| {
        frame::receive(&mut stream);
        std::io::Write::write_all(&mut stream, &(-28_i32).to_ne_bytes()).unwrap();
    });
    let output = sandbox.run("hprobe", &[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("the spool is full"), "{stderr}");
    daemon.join().unwrap();
}

/// Notes the socket as a telemprobd of ours does once it listens.
fn note_answering(sandbox: &Sandbox) {
    let socket = fs::metadata(sandbox.socket_path()).unwrap();
    let note = format!("{} {} {} {}\n", socket.dev(), socket.ino(), socket.ctime(), socket.ctime_nsec());
    sandbox.write("run/telemprobd.answers", &note);
}

/// The end of a connection without an answer: what our daemon leaves that is killed, or any that is of the C implementation.
#[test]
fn no_answer_is_an_error_where_our_daemon_listens_and_success_elsewhere() {
    // With bytes unread, which is a reset; between reading and storing, or after it.
    let ends: [fn(UnixStream); 2] = [
        |mut stream| stream.read_exact(&mut [0; 4]).unwrap(),
        |mut stream| drop(frame::receive(&mut stream)),
    ];
    for end in ends {
        for is_ours in [true, false] {
            let sandbox = Sandbox::new();
            let daemon = fake_daemon(&sandbox, end);
            // The pid file of one that ran here before says nothing.
            sandbox.write("run/telemprobd.pid", "1\n");
            if is_ours {
                note_answering(&sandbox);
            }
            let client = Client::with_config_file(&sandbox.config()).unwrap();
            let sent = client.send(&Record::new(1, "org.example/sender/ends", 1).unwrap());
            assert_eq!(matches!(sent, Err(Error::Socket { .. })), is_ours, "{sent:?}");
            assert_eq!(sent.is_ok(), !is_ours);
            daemon.join().unwrap();
        }
    }
}

#[test]
fn no_daemon_and_no_consent_are_reported() {
    let sandbox = Sandbox::new();
    let output = sandbox.run("hprobe", &[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("telem-0") && stderr.contains("is it running?"), "{stderr}");

    sandbox.opt_out();
    for (program, args) in [("hprobe", [].as_slice()), ("telem-record-gen", &["-c", "a/b/c", "-p", "x"])] {
        let output = sandbox.run(program, args);
        assert_eq!(output.status.code(), Some(1), "{program}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("run `telemctl opt-in` first"), "{program}: {stderr}");
    }
}

#[test]
fn two_hundred_senders_at_once_are_all_answered() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let children: Vec<_> = (0..200)
        .map(|n| {
            let payload = format!("sender {n}");
            let args = ["-f", &sandbox.config_arg(), "-c", "org.example/many/senders", "-p", &payload];
            sandbox.command("telem-record-gen", &args).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let mut payloads: Vec<_> = sandbox.spooled().into_iter().map(|record| record.message.payload).collect();
    payloads.sort();
    let mut expected: Vec<_> = (0..200).map(|n| format!("sender {n}")).collect();
    expected.sort();
    assert_eq!(payloads, expected);
    daemon.stop();
}

#[test]
fn threads_share_a_client_and_what_is_ready_together_is_one_file() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let client = Client::with_config_file(&sandbox.config()).unwrap();
    thread::scope(|scope| {
        for thread in 0..32 {
            let client = &client;
            scope.spawn(move || {
                for n in 0..25 {
                    let mut record = Record::new(2, "org.example/many/threads", 1).unwrap();
                    record.set_payload(&format!("{thread} {n}")).unwrap();
                    client.send(&record).unwrap();
                }
            });
        }
    });
    let mut spooled = sandbox.spooled();
    assert_eq!(spooled.len(), 800);
    spooled.sort_by_key(|record| record.id);
    spooled.dedup_by_key(|record| record.id);
    assert_eq!(spooled.len(), 800, "ids are not shared");
    let files = sandbox.waiting().len();
    assert!(files < 800, "{files} files: no two records shared a commit");
    daemon.stop();
}
