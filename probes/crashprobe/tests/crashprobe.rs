//! The crash probe as it is started: by the kernel's command line and by a person's, with telemprobd played by the test.
//! What it logs goes to standard error, which the kernel does not give it.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nix::errno::Errno;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::thread::JoinHandle;
use telemetry_record::header::Header;
use telemetry_record::wire;
use telemetry_store::crash_history::{CrashHistory, Disposition};
use test_harness::{Sandbox, frame, programs};

const KERNEL: [&str; 6] = ["--pid=2147483647", "--tid=1", "--dumpable=1", "--pidfd=", "-s", "11"];

/// A sandbox in which the directories are there, and a core.
struct Machine {
    sandbox: Sandbox,
}

/// Class and payload of a record.
type Sent = (String, String);

impl Machine {
    fn new(settings: &str) -> Self {
        let sandbox = Sandbox::bare(settings);
        for name in ["etc", "state", "run"] {
            std::fs::create_dir(sandbox.path(name)).unwrap();
        }
        sandbox.write("core", &"this is no core".repeat(10));
        Self { sandbox }
    }

    fn opted_in(settings: &str) -> Self {
        let machine = Self::new(settings);
        machine.sandbox.opt_in();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    fn crashprobe(&self, args: &[&str]) -> Output {
        let core = std::fs::File::open(self.path("core")).unwrap();
        self.sandbox.configured("crashprobe", args).stdin(Stdio::from(core)).output().unwrap()
    }

    /// As the kernel starts it for this executable.
    fn crash(&self, executable: &str) -> Output {
        self.crashprobe(&[&["-p", "x", "-E", &executable.replace('/', "!")], &KERNEL[..]].concat())
    }

    /// Answers so many connections in turn, and gives the records.
    fn telemprobd(&self, answers: Vec<Result<(), Errno>>) -> JoinHandle<Vec<Sent>> {
        let listener = self.sandbox.listen();
        std::thread::spawn(move || {
            let answer = |answer| take(listener.accept().unwrap().0, answer);
            answers.into_iter().map(answer).collect()
        })
    }

    fn dispositions(&self) -> Vec<Disposition> {
        let history = CrashHistory::read(&self.path("state")).unwrap().unwrap_or_default();
        history.entries.into_iter().map(|entry| entry.disposition).collect()
    }
}

fn take(mut connection: UnixStream, answer: Result<(), Errno>) -> Sent {
    let bytes = frame::receive(&mut connection);
    connection.write_all(&wire::encode_answer(answer.map_err(|errno| errno as i32))).unwrap();
    let message = wire::decode(&bytes).unwrap();
    (message.headers.value(Header::Classification).to_owned(), message.payload)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_consent_the_kernels_call_does_nothing() {
    let machine = Machine::new("");
    for executable in ["/usr/bin/x", "/home/x"] {
        let output = machine.crash(executable);
        assert!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
    assert_eq!(std::fs::read_dir(machine.path("state")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(machine.path("run")).unwrap().count(), 0);
}

#[test]
fn without_consent_a_person_is_told_and_may_look() {
    let machine = Machine::new("");
    let output = machine.crashprobe(&["-p", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && stderr(&output).contains("telemctl opt-in"), "{output:?}");
    let output = machine.crashprobe(&["-v", "-p", "x", "-E", "/usr/bin/x", "-s", "6"]);
    assert_eq!(output.status.code(), Some(1));
    let payload = "Process: /usr/bin/x\nSignal: 6\nError: this is no ELF core\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), payload);
    assert!(stderr(&output).contains("nothing was sent"), "{output:?}");
}

#[test]
fn what_can_not_be_unwound_is_sent_as_an_error() {
    let machine = Machine::opted_in("");
    let telemprobd = machine.telemprobd(vec![Ok(()), Ok(()), Ok(())]);
    let core = machine.path("core");
    for args in [&["-E", "/usr/bin/x", "-c", core.to_str().unwrap()][..], &["-p", "x", "-E", "!usr!bin!x"]] {
        let output = machine.crashprobe(args);
        assert!(output.status.success(), "{output:?}");
    }
    let output = machine.crash("/usr/bin/x");
    assert!(output.status.success(), "{output:?}");
    assert!(stderr(&output).contains("/proc/2147483647 cannot be opened"), "{output:?}");
    let class = "org.clearlinux/crash/error".to_owned();
    let payload = |facts: &str| format!("Process: /usr/bin/x\n{facts}Error: this is no ELF core\n");
    let (person, kernel) = (payload(""), payload("PID: 2147483647\nSignal: 11\n"));
    let expected = [(class.clone(), person.clone()), (class.clone(), person), (class, kernel)];
    assert_eq!(telemprobd.join().unwrap(), expected);
    assert!(
        matches!(&machine.dispositions()[..], [Disposition::Sent { class, .. }] if class == "org.clearlinux/crash/error")
    );
}

#[test]
fn of_programs_of_others_only_that_they_crashed_is_sent() {
    let machine = Machine::opted_in("");
    let telemprobd = machine.telemprobd(vec![Ok(()), Ok(()), Ok(())]);
    assert!(machine.crash("/home/me/x").status.success());
    assert!(machine.crash("/builddir/build/BUILD/x").status.success());
    std::fs::write(machine.path("etc/opt-in-no-privacy-filters"), "").unwrap();
    assert!(machine.crash("/home/me/x").status.success());
    let sent = telemprobd.join().unwrap();
    let class = |name: &str| format!("org.clearlinux/crash/{name}");
    assert_eq!(sent[0], (class("unknown"), "Crash from third party\n".to_owned()));
    assert_eq!(sent[1], (class("clr-build"), "Crash from Clear package build\n".to_owned()));
    assert_eq!(sent[2].0, class("error"));
}

#[test]
fn a_crash_loop_is_left_out_and_counted() {
    let machine = Machine::opted_in("crash_burst_limit=1\n");
    let telemprobd = machine.telemprobd(vec![Ok(())]);
    for _ in 0..3 {
        assert!(machine.crash("/home/me/x").status.success());
    }
    assert_eq!(telemprobd.join().unwrap().len(), 1);
    assert!(
        matches!(&machine.dispositions()[..], [Disposition::Sent { .. }, Disposition::LeftOut]),
        "{:?}",
        machine.dispositions()
    );
    let history = CrashHistory::read(&machine.path("state")).unwrap().unwrap();
    assert_eq!((history.totals.sent, history.totals.left_out), (1, 2));
}

#[test]
fn a_busy_telemprobd_is_asked_again() {
    let machine = Machine::opted_in("");
    let telemprobd = machine.telemprobd(vec![Err(Errno::EBUSY), Err(Errno::EAGAIN), Ok(())]);
    let output = machine.crash("/home/me/x");
    assert!(output.status.success(), "{output:?}");
    let sent = telemprobd.join().unwrap();
    assert!(sent.len() == 3 && sent.iter().all(|record| *record == sent[0]));
}

#[test]
fn what_telemprobd_will_never_take_is_told() {
    let machine = Machine::opted_in("");
    let telemprobd = machine.telemprobd(vec![Err(Errno::EINVAL)]);
    let output = machine.crash("/home/me/x");
    assert_eq!(output.status.code(), Some(1));
    let expected = "the crash of /home/me/x (pid 2147483647) is not reported";
    assert!(stderr(&output).contains(expected), "{output:?}");
    telemprobd.join().unwrap();
    assert!(matches!(&machine.dispositions()[..], [Disposition::NotSent { .. }]));
}

#[test]
fn wrong_arguments_are_told() {
    for args in [&["--nonsense"][..], &["--pid=1", "--nonsense"]] {
        let output = programs::command("crashprobe", args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("--nonsense"), "{output:?}");
    }
}
