//! Workers that do what a worker may be made to do.

use super::*;
use crate::fork;
use crate::link::{Core, WorkerIo};
use crate::syscall;
use crate::users::{self, NOBODY};
use crate::worker::Task;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_crash::core::FileMapping;
use telemetry_crash::elf::BuildId;
use telemetry_crash::files::Files;
use telemetry_crash::privacy::Privacy;
use telemetry_crash::report::CrashReport;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn task() -> Task {
    let core = Core::Regular(tempfile::tempfile().unwrap());
    Task { report: CrashReport::default(), executable: None, privacy: Privacy::Filters, core, process: None }
}

fn start(task: Task, work: impl FnOnce(WorkerIo)) -> Worker {
    Worker::start(task, users::is_root().then_some(NOBODY), work).unwrap()
}

fn run(work: impl FnOnce(WorkerIo)) -> WorkerResult {
    run_below(Path::new("/"), Deadline::after(Instant::now(), PATIENCE), work)
}

fn run_below(root: &Path, deadline: Deadline, work: impl FnOnce(WorkerIo)) -> WorkerResult {
    serve(start(task(), work), &mut Opener::of_core(root, i64::MAX).unwrap(), deadline)
}

fn report(io: &WorkerIo, text: &str) {
    let report = CrashReport { process: text.to_owned(), ..CrashReport::default() };
    io.broker.report(&report, None);
}

fn reported(result: &WorkerResult) -> Option<&str> {
    Some(result.report.as_ref()?.text.strip_prefix("Process: ")?.trim_end())
}

fn build_id() -> BuildId {
    BuildId::new(b"no such file").unwrap()
}

const MAPPING: FileMapping = FileMapping { start: 1, end: 2, file_offset: 0, file: 0 };

#[test]
fn the_last_report_is_the_one_that_counts() {
    let result = run(|io| {
        report(&io, "first");
        let report = CrashReport { error: Some("why".to_owned()), ..CrashReport::default() };
        io.broker.report(&report, Some("/usr/bin/x"));
    });
    let text = "Process: unknown\nError: why\n".to_owned();
    let report = Report {
        failed: true,
        is_third_party: false,
        program: Some("/usr/bin/x".to_owned()),
        subjects: [None, None],
        text,
    };
    assert_eq!(result, WorkerResult { report: Some(report), cut_short: None, other_process: false });
    assert_eq!(run(drop), WorkerResult { report: None, cut_short: None, other_process: false });
}

#[test]
fn a_worker_gets_the_files_that_it_asks_for_and_its_core() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("large"), vec![b'x'; 100_000]).unwrap();
    std::fs::write(root.path().join("empty"), "").unwrap();
    let mut task = task();
    let mut core = tempfile::tempfile().unwrap();
    core.write_all(b"core").unwrap();
    task.core = Core::Regular(core);
    let worker = start(task, |io| {
        use std::os::unix::fs::FileExt;
        let large = io.broker.mapped(&MAPPING, "/large").unwrap();
        let mut core = [0; 4];
        io.core.file().read_exact_at(&mut core, 0).unwrap();
        let others = [
            io.broker.mapped(&MAPPING, "/empty"),
            io.broker.mapped(&MAPPING, "/none"),
            io.broker.mapped(&MAPPING, "relative"),
        ];
        let debug_files =
            [io.broker.debug_by_build_id(&build_id()), io.broker.debug_link("/large", "x.debug")];
        let found = others.iter().flatten().count() + debug_files.iter().flatten().count();
        let is_right = large.bytes.len() == 100_000 && large.bytes.iter().all(|byte| *byte == b'x');
        report(&io, &format!("{is_right} {found} {}", core == *b"core"));
    });
    let deadline = Deadline::after(Instant::now(), PATIENCE);
    let result = serve(worker, &mut Opener::of_core(root.path(), i64::MAX).unwrap(), deadline);
    assert_eq!(reported(&result), Some("true 0 true"), "{result:?}");
}

#[test]
fn a_worker_that_never_ends_is_ended_with_its_report() {
    for is_chatty in [false, true] {
        let start = Instant::now().checked_sub(Duration::from_millis(9_800)).unwrap();
        let result = run_below(Path::new("/"), Deadline::after(start, Duration::from_secs(10)), |io| {
            report(&io, "here");
            loop {
                if is_chatty {
                    black_box(io.broker.debug_by_build_id(&build_id()));
                }
            }
        });
        assert_eq!(reported(&result), Some("here"));
        let reason = result.cut_short.unwrap();
        let broken = "The analysis ended early (it broke its protocol).";
        assert!(reason == "Time limit of 10 s reached." || (is_chatty && reason == broken), "{reason}");
    }
}

#[test]
fn a_worker_that_says_too_much_is_ended() {
    let result = run(|io| {
        loop {
            report(&io, "again");
        }
    });
    assert_eq!(reported(&result), Some("again"));
    assert_eq!(result.cut_short.as_deref(), Some("The analysis ended early (it broke its protocol)."));
}

#[test]
fn a_worker_that_breaks_the_protocol_is_ended() {
    for junk in [vec![], vec![0], vec![1; 30], vec![6, 6], vec![b'x'; DATAGRAM_BYTES + 1]] {
        let result = run(|io| {
            report(&io, "before");
            let _ = nix::sys::socket::send(io.broker.descriptor(), &junk, MsgFlags::empty());
            black_box(io.broker.debug_by_build_id(&build_id()));
            report(&io, "after");
        });
        assert_eq!(reported(&result), Some("before"), "{junk:?}");
        assert!(result.cut_short.unwrap().starts_with("The analysis ended early ("), "{junk:?}");
    }
}

#[test]
fn the_death_of_a_worker_has_a_name() {
    let deaths: [(&str, fn()); 3] = [
        ("a fault of crashprobe", || std::panic::resume_unwind(Box::new("on purpose"))),
        ("SIGABRT", || std::process::abort()),
        ("SIGABRT", || {
            let mut hog = Vec::new();
            loop {
                hog.push(black_box(vec![1_u8; 1 << 20]));
            }
        }),
    ];
    for (name, die) in deaths {
        let result = run(move |io| {
            report(&io, "before");
            die();
        });
        assert_eq!(reported(&result), Some("before"));
        assert_eq!(result.cut_short, Some(format!("The analysis ended early ({name}).")));
    }
}

#[test]
fn a_file_that_is_cut_short_ends_the_worker_and_not_the_report() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x");
    std::fs::write(&path, vec![1; 10_000]).unwrap();
    let worker = start(task(), |io| {
        let bytes = io.broker.mapped(&MAPPING, "/x").unwrap();
        report(&io, "mapped");
        black_box(io.broker.debug_by_build_id(&build_id()));
        black_box(bytes.bytes.iter().copied().max());
        report(&io, "read");
    });
    let mut opener = Opener::of_core(root.path(), i64::MAX).unwrap();
    let mut result = WorkerResult { report: None, cut_short: None, other_process: false };
    let deadline = Deadline::after(Instant::now(), PATIENCE);
    while result.report.is_none() {
        assert!(wait(worker.socket.as_fd(), deadline));
        assert!(matches!(turn(&worker, &mut opener, &mut result), Next::Serve));
    }
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    result = WorkerResult { report: result.report, ..serve(worker, &mut opener, deadline) };
    assert_eq!(reported(&result), Some("mapped"));
    assert_eq!(result.cut_short.as_deref(), Some("The analysis ended early (SIGBUS)."));
}

#[test]
fn nothing_but_reading_and_its_own_memory_is_left_to_a_worker() {
    let mut task = task();
    let writable = tempfile::tempfile().unwrap();
    task.core = Core::Regular(writable.try_clone().unwrap());
    let parent = i64::from(std::process::id());
    let worker = start(task, |io| {
        use std::os::fd::AsRawFd;
        let file = i64::from(io.core.file().as_raw_fd());
        let anonymous = i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let executable = i64::from(libc::PROT_READ | libc::PROT_EXEC);
        // With arguments that the kernel would find other faults with, or none.
        let calls = [
            ("openat", libc::SYS_openat, [libc::AT_FDCWD.into(), 0, 0, 0, 0, 0]),
            ("openat2", libc::SYS_openat2, [libc::AT_FDCWD.into(), 0, 0, 0, 0, 0]),
            ("statx", libc::SYS_statx, [libc::AT_FDCWD.into(), 0, 0, 0, 0, 0]),
            ("newfstatat", libc::SYS_newfstatat, [libc::AT_FDCWD.into(), 0, 0, 0, 0, 0]),
            ("socket", libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]),
            ("connect", libc::SYS_connect, [file, 0, 0, 0, 0, 0]),
            ("sendto elsewhere", libc::SYS_sendto, [file, 0, 0, 0, 0, 0]),
            ("execve", libc::SYS_execve, [0, 0, 0, 0, 0, 0]),
            ("clone", libc::SYS_clone, [-1, 0, 0, 0, 0, 0]),
            ("clone3", libc::SYS_clone3, [0, 0, 0, 0, 0, 0]),
            ("write", libc::SYS_write, [file, 0, 0, 0, 0, 0]),
            ("pwrite64", libc::SYS_pwrite64, [file, 0, 0, 0, 0, 0]),
            ("writev", libc::SYS_writev, [file, 0, 0, 0, 0, 0]),
            ("ftruncate", libc::SYS_ftruncate, [file, 0, 0, 0, 0, 0]),
            ("unlinkat", libc::SYS_unlinkat, [libc::AT_FDCWD.into(), 0, 0, 0, 0, 0]),
            ("kill", libc::SYS_kill, [parent, 999, 0, 0, 0, 0]),
            ("tgkill", libc::SYS_tgkill, [parent, parent, libc::SIGABRT.into(), 0, 0, 0]),
            ("ptrace", libc::SYS_ptrace, [-1, -1, 0, 0, 0, 0]),
            ("process_vm_readv", libc::SYS_process_vm_readv, [parent, 0, 0, 0, 0, 99]),
            ("ioctl", libc::SYS_ioctl, [-1, 0, 0, 0, 0, 0]),
            ("prctl", libc::SYS_prctl, [-1, 0, 0, 0, 0, 0]),
            ("setuid", libc::SYS_setuid, [-1, 0, 0, 0, 0, 0]),
            ("dup", libc::SYS_dup, [file, 0, 0, 0, 0, 0]),
            ("memfd_create", libc::SYS_memfd_create, [0, 0, 0, 0, 0, 0]),
            ("io_uring_setup", libc::SYS_io_uring_setup, [0, 0, 0, 0, 0, 0]),
            ("bpf", libc::SYS_bpf, [-1, 0, 0, 0, 0, 0]),
            ("userfaultfd", libc::SYS_userfaultfd, [-1, 0, 0, 0, 0, 0]),
            ("unshare", libc::SYS_unshare, [-1, 0, 0, 0, 0, 0]),
            ("mmap of code", libc::SYS_mmap, [0, 4096, executable, anonymous, -1, 0]),
            ("mprotect to code", libc::SYS_mprotect, [0, 0, executable, 0, 0, 0]),
        ];
        let allowed: Vec<_> = calls
            .into_iter()
            .filter(|(_, number, arguments)| syscall::call(*number, *arguments) != Err(Errno::EPERM))
            .map(|(name, ..)| name)
            .collect();
        report(&io, &format!("allowed: {allowed:?}"));
    });
    let deadline = Deadline::after(Instant::now(), PATIENCE);
    let result = serve(worker, &mut Opener::of_core(Path::new("/"), i64::MAX).unwrap(), deadline);
    assert_eq!((reported(&result), &result.cut_short), (Some("allowed: []"), &None));
    assert_eq!(writable.metadata().unwrap().len(), 0);
}

#[test]
fn no_privilege_and_no_descriptor_is_left_to_a_worker() {
    let worker = start(task(), |io| {
        black_box(io.broker.debug_by_build_id(&build_id()));
    });
    // The request says that it is confined.
    assert!(wait(worker.socket.as_fd(), Deadline::after(Instant::now(), PATIENCE)));
    let read = |name| std::fs::read_to_string(format!("/proc/{}/{name}", worker.pid())).unwrap();
    let status = read("status");
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(value(set), "0000000000000000", "{set}");
    }
    assert_eq!((value("NoNewPrivs:"), value("Seccomp:")), ("1", "2"));
    if !users::is_root() {
        eprintln!("skipped: what only root sees, and the change of the user, since this is not root");
        return;
    }
    assert_eq!(value("Uid:"), "65534\t65534\t65534\t65534");
    assert_eq!(value("Gid:"), "65534\t65534\t65534\t65534");
    assert_eq!(value("Groups:"), "");
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", worker.pid())).unwrap().count();
    assert_eq!(descriptors, 2, "the core and the socket");
    let limits = read("limits").split_whitespace().collect::<Vec<_>>().join(" ");
    for limit in
        ["Max core file size 1 1 bytes", "Max data size 67108864 67108864 bytes", "Max file size 0 0 "]
    {
        assert!(limits.contains(limit), "{limit}: {limits}");
    }
}

#[test]
fn the_core_is_the_workers_alone() {
    let (read_end, write_end) = nix::unistd::pipe().unwrap();
    let mut task = task();
    task.core = Core::Stream(read_end.into());
    let _worker = start(task, |io| {
        let WorkerIo { core, broker, .. } = io;
        drop(core);
        black_box(broker.debug_by_build_id(&build_id()));
    });
    // A pipe that nobody reads is an error to its writer, here the kernel.
    let mut polled = [PollFd::new(write_end.as_fd(), PollFlags::empty())];
    assert_eq!(poll(&mut polled, PollTimeout::from(60_000_u16)), Ok(1));
    assert_eq!(polled[0].revents(), Some(PollFlags::POLLERR));
}

#[test]
fn a_worker_does_not_outlive_its_supervisor() {
    let (read_end, write_end) = nix::unistd::pipe().unwrap();
    let child = fork::run_in_child(|| {
        let mut task = task();
        task.core = Core::Stream(File::from(write_end.try_clone().unwrap()));
        let worker = start(task, |io| {
            report(&io, "here");
            loop {
                black_box(&io.core);
            }
        });
        assert!(wait(worker.socket.as_fd(), Deadline::after(Instant::now(), PATIENCE)));
        std::mem::forget(worker);
        0
    })
    .unwrap();
    drop(write_end);
    nix::sys::wait::waitpid(child, None).unwrap();
    let mut polled = [PollFd::new(read_end.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut polled, PollTimeout::from(60_000_u16)), Ok(1));
    assert_eq!(File::from(read_end).read(&mut [0]).unwrap(), 0, "the last writer is gone");
}
