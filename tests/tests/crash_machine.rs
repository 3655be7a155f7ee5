//! Crashes of every circumstance, through the kernel's core_pattern as an installation sets it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use system_tests::crash::{CorePattern, can_set_core_pattern, corpus, crashprobe_pattern, oracle};
use telemetry_record::message::Message;
use test_harness::{Collector, Sandbox, programs, until};

const CLASS: &str = "org.clearlinux/crash/clr";

/// A sandbox whose crashes are reported whole, wherever the program is; none if core_pattern cannot be set here.
fn sandbox(test: &str) -> Option<Sandbox> {
    can_set_core_pattern(test).then(|| {
        let mut sandbox = Sandbox::new();
        sandbox.set("crash_burst_limit", -1);
        sandbox.write("etc/opt-in-no-privacy-filters", "");
        sandbox
    })
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a program to its crash; returns its process id.
fn crash(command: &mut Command) -> u32 {
    let child = command.spawn().unwrap();
    crashed(child)
}

fn crashed(mut child: Child) -> u32 {
    let status = child.wait().unwrap();
    assert!(status.signal().is_some(), "it did not crash: {status}");
    child.id()
}

fn messages(sandbox: &Sandbox) -> Vec<Message> {
    sandbox.spooled().into_iter().map(|record| record.message).collect()
}

/// The record of the process with this number. Others may be there: any program of the machine may crash meanwhile.
fn record_if_any(sandbox: &Sandbox, pid: u32) -> Option<Message> {
    let line = format!("\nPID: {pid}\n");
    messages(sandbox).into_iter().find(|message| message.payload.contains(&line))
}

fn record_of(sandbox: &Sandbox, pid: u32) -> Message {
    until(&format!("a record of process {pid}"), || record_if_any(sandbox, pid))
}

fn class(message: &Message) -> String {
    let headers = message.headers.as_str();
    headers.lines().find_map(|line| line.strip_prefix("classification: ")).unwrap().to_owned()
}

fn assert_reported(payload: &str, entry: &corpus::Entry) {
    let functions = oracle::crashed(payload);
    let mut rest = functions.iter();
    for expected in entry.functions {
        assert!(rest.any(|function| *function == oracle::plain(expected)), "no {expected}: {payload}");
    }
    assert_eq!(functions[0], oracle::plain(entry.functions[0]), "{payload}");
}

/// Copies a program of the corpus into the sandbox.
fn copy(sandbox: &Sandbox, program: &Path, name: &str) -> PathBuf {
    let copy = sandbox.path(name);
    fs::copy(program, &copy).unwrap();
    copy
}

#[test]
fn a_crash_of_the_system_s_own_program_arrives_at_the_collector() {
    if !can_set_core_pattern("a_crash_of_the_system_s_own_program_arrives_at_the_collector") {
        return;
    }
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v3/collector");
    let _daemons = (sandbox.start_telemprobd(), sandbox.start("telempostd"));
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let child = command(Path::new("/usr/bin/sleep")).arg("1000").spawn().unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    until("sleep sleeps", || fs::read_to_string(&stat).unwrap().contains("(sleep) S ").then_some(()));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGSEGV).unwrap();
    let pid = crashed(child);
    // And one of a program that nobody knows: only that it was.
    crash(&mut command(&corpus::PLAIN.build()));
    let of_class = |class: &str| {
        until(&format!("a record of class {class}"), || {
            collector.records().into_iter().find(|record| record["classification"] == class)
        })
    };
    let own = of_class(CLASS);
    assert_eq!(own["severity"], 3);
    let payload = own["payload"].as_str().unwrap();
    let head =
        format!("Process: /usr/bin/sleep\nPID: {pid}\nSignal: 11\nCause: SIGSEGV: sent by a process\n");
    assert!(payload.starts_with(&head), "{payload}");
    // glibc before 2.41 waits in there itself.
    assert!(oracle::crashed(payload)[..2].iter().any(|name| name.contains("nanosleep")), "{payload}");
    let third = of_class("org.clearlinux/crash/unknown");
    assert_eq!(
        (third["severity"].as_i64(), third["payload"].as_str()),
        (Some(2), Some("Crash from third party\n"))
    );
}

#[test]
fn files_are_those_of_the_process_wherever_it_lives() {
    let Some(sandbox) = sandbox("files_are_those_of_the_process_wherever_it_lives") else { return };
    let waiting = corpus::WAITING.build();
    let _telemprobd = sandbox.start_telemprobd();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));

    // Deleted.
    let program = copy(&sandbox, &waiting, "deleted");
    let mut child = command(&program).stdin(Stdio::piped()).spawn().unwrap();
    fs::remove_file(&program).unwrap();
    drop(child.stdin.take());
    let payload = record_of(&sandbox, crashed(child)).payload;
    assert_reported(&payload, &corpus::WAITING);
    assert!(payload.contains("innermost() - [deleted] - waiting.c:8"), "{payload}");

    // Replaced by something else of the same name.
    let program = copy(&sandbox, &waiting, "replaced");
    let mut child = command(&program).stdin(Stdio::piped()).spawn().unwrap();
    fs::remove_file(&program).unwrap();
    fs::copy(corpus::PLAIN.build(), &program).unwrap();
    drop(child.stdin.take());
    assert_reported(&record_of(&sandbox, crashed(child)).payload, &corpus::WAITING);

    // In a mount namespace of its own, on a file system that nobody else sees.
    let folder = sandbox.path("private");
    fs::create_dir(&folder).unwrap();
    let script = r#"mount -t tmpfs none "$1" && cp "$2" "$1/hidden" && exec "$1/hidden""#;
    let mut unshare = command(Path::new("unshare"));
    unshare.args(["-m", "sh", "-ec", script, "sh"]).args([&folder, &waiting]);
    assert_reported(&record_of(&sandbox, crash(&mut unshare)).payload, &corpus::WAITING);
    assert!(!folder.join("hidden").exists());

    // In a process namespace of its own, where it has another number.
    let mut unshare = command(Path::new("unshare"));
    unshare.args(["-p", "-f"]).arg(&waiting);
    let status = unshare.status().unwrap();
    assert!(!status.success());
    let payloads = || messages(&sandbox).into_iter().map(|message| message.payload);
    let inside = until("the record of the inner process", || {
        payloads().find(|payload| payload.contains("Backtrace (TID 1):"))
    });
    assert_reported(&inside, &corpus::WAITING);
}

#[test]
fn a_report_says_path_package_and_thread() {
    let Some(sandbox) = sandbox("a_report_says_path_package_and_thread") else {
        return;
    };
    let _telemprobd = sandbox.start_telemprobd();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let program = copy(&sandbox, &corpus::WAITING.build(), "a!b");
    let payload = record_of(&sandbox, crash(&mut command(&program))).payload;
    let head = format!("Process: {}\n", program.display());
    assert!(payload.starts_with(&head) && payload.contains("innermost() - [a!b]"), "{payload}");
    assert!(!payload.contains("\nPackage: "), "it is of no package: {payload}");
    let payload = record_of(&sandbox, crash(&mut command(&corpus::NAMED_THREAD.build()))).payload;
    assert_reported(&payload, &corpus::NAMED_THREAD);
    let threads = payload.split_once("\n\nThread: renderer-\nBacktrace (TID ").map(|(_, rest)| rest);
    // The other thread is called as the program is.
    assert!(threads.is_some_and(|rest| !rest.contains("\nThread: ")), "{payload}");
    if !Path::new("/var/lib/dpkg/status").exists() {
        println!("packages: skipped, since this is no system of dpkg");
        return;
    }
    let child = command(Path::new("/usr/bin/sleep")).arg("1000").spawn().unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    until("sleep sleeps", || fs::read_to_string(&stat).unwrap().contains("(sleep) S ").then_some(()));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGSEGV).unwrap();
    let payload = record_of(&sandbox, crashed(child)).payload;
    let query = |package: &str| {
        let output =
            Command::new("dpkg-query").args(["-Wf", "${Package} ${Version}", package]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for line in [format!("\nPackage: {}\n", query("coreutils")), format!("\nLibrary: {}\n", query("libc6"))] {
        assert!(payload.contains(&line), "{line}{payload}");
    }
}

#[test]
fn what_is_no_part_of_the_distribution_is_not_named() {
    if !can_set_core_pattern("what_is_no_part_of_the_distribution_is_not_named") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("crash_burst_limit", -1);
    let _telemprobd = sandbox.start_telemprobd();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let third =
        || messages(&sandbox).iter().filter(|message| message.payload == "Crash from third party\n").count();
    // By the dynamic linker, which is the distribution's.
    let loader = fs::canonicalize("/lib64/ld-linux-x86-64.so.2").unwrap();
    let program = copy(&sandbox, &corpus::PLAIN.build(), "private");
    crash(command(&loader).arg(&program));
    until("the record of the program that a dynamic linker ran", || (third() == 1).then_some(()));
    // A library of somebody's own in a program of the distribution.
    let library = sandbox.path("private.so");
    let source = sandbox.write(
        "private.c",
        "#include <signal.h>\n__attribute__((constructor)) void private_function(void) { raise(SIGSEGV); }\n",
    );
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-g", "-o"]).args([&library, &source]).status().unwrap();
    assert!(built.success());
    crash(command(Path::new("/usr/bin/true")).env("LD_PRELOAD", &library));
    until("the record of the program with a library", || (third() == 2).then_some(()));
    assert!(messages(&sandbox).iter().all(|message| !message.payload.contains("private")));
}

#[test]
fn a_set_user_id_program_is_reported_from_the_files_that_it_has_mapped() {
    let Some(sandbox) = sandbox("a_set_user_id_program_is_reported_from_the_files_that_it_has_mapped") else {
        return;
    };
    let program = copy(&sandbox, &corpus::WAITING.build(), "privileged");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let _telemprobd = sandbox.start_telemprobd();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let pid = crash(command(&program).uid(65534).gid(65534));
    assert_reported(&record_of(&sandbox, pid).payload, &corpus::WAITING);
}

#[test]
fn what_cannot_be_unwound_is_an_error_that_says_why() {
    let Some(sandbox) = sandbox("what_cannot_be_unwound_is_an_error_that_says_why") else { return };
    let _telemprobd = sandbox.start_telemprobd();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let program = corpus::BITS_32.build();
    let record = record_of(&sandbox, crash(&mut command(&program)));
    assert_eq!(class(&record), "org.clearlinux/crash/error");
    assert!(record.headers.as_str().contains("\nseverity: 4\n"));
    let expected =
        "\nSignal: 11\nError: 32-bit process (i386): only processes of x86-64 and aarch64 are unwound\n";
    assert!(record.payload.contains(expected), "{}", record.payload);
}

#[test]
fn older_kernels_and_older_patterns_do() {
    let Some(sandbox) = sandbox("older_kernels_and_older_patterns_do") else { return };
    let _telemprobd = sandbox.start_telemprobd();
    let program = corpus::WAITING.build();
    let whole = crashprobe_pattern(&sandbox);
    // A kernel that does not know %F leaves nothing in its place.
    let without_pidfd = whole.replace("--pidfd=%F", "--pidfd=");
    // What the C client had: the process is not named, and only the stream is there.
    let (stream_only, _) = whole.split_once(" --pid=").unwrap();
    for pattern in [without_pidfd.as_str(), stream_only] {
        let _pattern = CorePattern::set(pattern);
        assert_reported(&record_of(&sandbox, crash(&mut command(&program))).payload, &corpus::WAITING);
    }
    let _pattern = CorePattern::set(stream_only);
    // The file of that path is another one than the process had mapped: no name of it is reported.
    let folder = sandbox.path("container");
    fs::create_dir(&folder).unwrap();
    fs::copy(corpus::PLAIN.build(), folder.join("program")).unwrap();
    let script = r#"mount -t tmpfs none "$1" && cp "$2" "$1/program" && exec "$1/program""#;
    let mut unshare = command(Path::new("unshare"));
    unshare.args(["-m", "sh", "-ec", script, "sh"]).args([&folder, &program]);
    let payload = record_of(&sandbox, crash(&mut unshare)).payload;
    let (_, offset) = payload.split_once("\n#0 ??? - [program] +").unwrap_or_else(|| panic!("{payload}"));
    // Whoever has the program can finish the job.
    let (offset, _) = offset.split_once('\n').unwrap();
    let names = Command::new("addr2line").arg("-fe").arg(&program).arg(offset).output().unwrap().stdout;
    assert!(names.starts_with(b"innermost\n"), "{offset}: {payload}");
    // Many stacks out of the stream.
    let payload = record_of(&sandbox, crash(&mut command(&corpus::THREADS.build()))).payload;
    assert_reported(&payload, &corpus::THREADS);
    assert!(payload.contains("wait_for_work()") && payload.len() <= 8192, "{payload}");
}

#[test]
fn a_process_that_is_killed_while_it_is_read_leaves_a_record() {
    let Some(sandbox) = sandbox("a_process_that_is_killed_while_it_is_read_leaves_a_record") else { return };
    let _telemprobd = sandbox.start_telemprobd();
    let script = format!(
        "#!/bin/sh\nkill -KILL $1\nexec {} -f {} -p killed -E \"$2\" -s 11 --pid=$1 --tid=$1 --dumpable=1 --pidfd=$3\n",
        programs::path("crashprobe").display(),
        sandbox.config_arg()
    );
    let handler = sandbox.write("h", &script);
    fs::set_permissions(&handler, fs::Permissions::from_mode(0o755)).unwrap();
    let _pattern = CorePattern::set(&format!("|{} %P %E %F", handler.display()));
    let record = record_of(&sandbox, crash(&mut command(&corpus::WAITING.build())));
    // How far the kernel got before it noticed is not to be known.
    assert!(["org.clearlinux/crash/error", CLASS].contains(&class(&record).as_str()), "{record:?}");
}

#[test]
fn without_consent_nothing_is_kept_and_with_it_telemprobd_is_waited_for() {
    let test = "without_consent_nothing_is_kept_and_with_it_telemprobd_is_waited_for";
    let Some(sandbox) = sandbox(test) else { return };
    let program = corpus::WAITING.build();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    sandbox.opt_out();
    let unheard = crash(&mut command(&program));
    sandbox.opt_in();
    let pid = crash(&mut command(&program));
    assert!(messages(&sandbox).is_empty());
    // The process is gone, and its handler goes on trying. What it writes down comes after what it sends.
    let _telemprobd = sandbox.start_telemprobd();
    record_of(&sandbox, pid);
    let is_in = |history: &str, pid: u32| history.contains(&format!("\"pid\":{pid},"));
    let history = until("the crash in the crash history", || {
        let history = fs::read_to_string(sandbox.path("state/crashes.json")).ok()?.replace(": ", ":");
        is_in(&history, pid).then_some(history)
    });
    assert!(!is_in(&history, unheard), "{history}");
    assert!(record_if_any(&sandbox, unheard).is_none(), "the crash without consent was reported");
}

#[test]
fn a_program_that_crashes_in_a_loop_is_reported_five_times_an_hour() {
    let Some(mut sandbox) = sandbox("a_program_that_crashes_in_a_loop_is_reported_five_times_an_hour") else {
        return;
    };
    sandbox.set("crash_burst_limit", 5);
    let _telemprobd = sandbox.start_telemprobd();
    let program = corpus::WAITING.build();
    let pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let pids: Vec<_> = (0..7).map(|_| crash(&mut command(&program))).collect();
    let (reported, left_out) = pids.split_at(5);
    reported.iter().for_each(|pid| drop(record_of(&sandbox, *pid)));
    // Another program has a limit of its own, and comes after the others.
    record_of(&sandbox, crash(&mut command(&corpus::PLAIN.build())));
    assert!(left_out.iter().all(|pid| record_if_any(&sandbox, *pid).is_none()));
    drop(pattern);
    sandbox.set("crash_burst_limit", 6);
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let payload = record_of(&sandbox, crash(&mut command(&program))).payload;
    let note = "\nNote: 2 reports of this program were left out before this one.\n";
    assert!(payload.contains(note), "{payload}");
    assert!(left_out.iter().all(|pid| record_if_any(&sandbox, *pid).is_none()));
}

#[test]
fn six_crashes_at_once_all_arrive() {
    let Some(sandbox) = sandbox("six_crashes_at_once_all_arrive") else { return };
    let _telemprobd = sandbox.start_telemprobd();
    let program = corpus::THREADS.build();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let children: Vec<_> = (0..6).map(|_| command(&program).spawn().unwrap()).collect();
    for pid in children.into_iter().map(crashed).collect::<Vec<_>>() {
        assert_reported(&record_of(&sandbox, pid).payload, &corpus::THREADS);
    }
}

#[test]
fn no_secret_of_the_process_is_reported() {
    let Some(sandbox) = sandbox("no_secret_of_the_process_is_reported") else { return };
    let _telemprobd = sandbox.start_telemprobd();
    let program = corpus::SECRET.build();
    let _pattern = CorePattern::set(&crashprobe_pattern(&sandbox));
    let pid = crash(command(&program).arg("Tr0ub4dor-argument").env("SECRET", "Tr0ub4dor-environment"));
    let record = record_of(&sandbox, pid);
    assert_reported(&record.payload, &corpus::SECRET);
    let everything = format!("{}{}", record.headers.as_str(), record.payload);
    assert!(!everything.contains("Tr0ub4dor"), "{everything}");
    // Nor four bytes of it as a number, in either byte order. Fewer bytes than that also occur in ids by chance.
    for part in b"Tr0ub4dor-argument-environment".windows(4) {
        let number = u32::from_be_bytes(part.try_into().unwrap());
        for hex in [format!("{number:08x}"), format!("{:08x}", number.swap_bytes())] {
            assert!(!everything.contains(&hex), "{hex}: {everything}");
        }
    }
    // No address of the process either, which would show where the kernel put things.
    for number in everything.split("0x").skip(1) {
        let digits = number.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap();
        assert!(u64::from_str_radix(digits, 16).unwrap() < 1 << 32, "0x{digits}: {everything}");
    }
}
