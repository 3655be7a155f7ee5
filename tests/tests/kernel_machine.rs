//! A real kernel that really fails: Debian's, in qemu, with our programs in its initramfs. `tests/kernel/init.sh` is what
//! happens there, this is what has to have come of it, at a collector.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use telemetry_record::message::Message;
use test_harness::{Collector, Sandbox, programs};

/// Far beyond the minute or two that both boots take in software emulation.
const MACHINE_SECS: &str = "600";

/// Programs that the machine runs.
const PROGRAMS: [&str; 4] = ["telemprobd", "klogscanner", "pstoreclean", "pstoreprobe"];

/// Whether this machine has what it takes. If not, says so; where CI=true that is a failure.
fn has_what_it_takes(test: &str) -> bool {
    let headers = fs::read_dir("/usr/src").into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("linux-headers-") && name.to_string_lossy().ends_with("-amd64")
    });
    let runs = |program: &str| {
        let command =
            Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        command.is_ok()
    };
    let there = headers && runs("qemu-system-x86_64") && runs("busybox") && runs("apt-get");
    if !there {
        println!("{test}: skipped, since it needs Debian's linux-headers-amd64, qemu-system-x86 and busybox");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    there
}

/// Kernel and initramfs, in the build's folder, where the kernel is kept.
fn prepare() -> PathBuf {
    let output = programs::folder().join("kernel-machine");
    let script = programs::source_root().join("tests/kernel/prepare.sh");
    let prepared = Command::new(script).arg(&output).args(PROGRAMS.map(programs::path)).output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    output
}

/// The configuration of the machine: its sockets and locks are its own, the rest is in the directory that it shares.
fn write_guest_config(sandbox: &Sandbox) {
    let paths = ["spool", "state", "log", "cache", "etc"].map(|name| format!("{name}_dir=/shared/{name}\n"));
    let text = format!(
        "[settings]\nserver=http://127.0.0.1:1/\nsocket_path=/run/telem-0\nrun_dir=/run\nspool_keep_free=0\n{}",
        paths.concat()
    );
    sandbox.write("guest.conf", &text);
}

/// Runs the machine until it switches itself off; returns what its console said.
fn run_machine(prepared: &Path, shared: &Path) -> String {
    let share = format!("local,path={},mount_tag=shared,security_model=mapped-xattr", shared.display());
    let output = Command::new("timeout")
        .args([MACHINE_SECS, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "512"])
        .args(["-nodefaults", "-display", "none", "-serial", "stdio", "-virtfs", &share, "-kernel"])
        .arg(prepared.join("vmlinuz"))
        .arg("-initrd")
        .arg(prepared.join("initramfs"))
        // The memory at 0xf000000 is for ramoops, and a panic is followed by a reboot.
        .args(["-append", "console=ttyS0 quiet printk.devkmsg=on log_buf_len=128K memmap=2M$0xf000000"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let console = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}: {}\n{console}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    console
}

fn header<'a>(message: &'a Message, name: &str) -> &'a str {
    let lines = message.headers.as_str().lines();
    lines.filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn a_kernel_that_fails_is_reported_once_and_so_is_its_panic() {
    if !has_what_it_takes("a_kernel_that_fails_is_reported_once_and_so_is_its_panic") {
        return;
    }
    let mut sandbox = Sandbox::new();
    write_guest_config(&sandbox);
    let console = run_machine(&prepare(), &sandbox.path(""));
    assert!(console.contains("kernel-test: complete") && !console.contains("FAILED"), "{console}");

    let records: Vec<_> = sandbox.spooled().into_iter().map(|record| record.message).collect();
    let reported: Vec<_> =
        records.iter().map(|record| (header(record, "classification"), &record.payload)).collect();
    let count = |class: &str, parts: &[&str]| {
        let has_parts = |payload: &str| parts.iter().all(|part| payload.contains(part));
        reported
            .iter()
            .filter(|(of, payload)| *of == format!("org.clearlinux/kernel/{class}") && has_parts(payload))
            .count()
    };
    for (class, parts) in [
        (
            "warning",
            &["\n#0 provoke_warning - [provoke]\n", "\nRepeated: 3\n", "\nMessage: provoked: a warning"][..],
        ),
        ("warning", &["\n#0 provoke_another_warning - [provoke]\n"][..]),
        ("bug", &["\nReason: kernel BUG at ", "\n#0 provoke_bug - [provoke]\n"][..]),
        ("bug", &["\nReason: BUG: kernel NULL pointer", "\n#0 provoke_null_dereference - [provoke]\n"][..]),
        ("bug", &["BUG: soft lockup - CPU#", "\n#0 provoke_soft_lockup - [provoke]\n"][..]),
        ("panic", &["\nReason: Kernel panic - not syncing: provoked\n"][..]),
    ] {
        assert_eq!(count(class, parts), 1, "{class} {parts:?}: {reported:#?}");
    }
    assert_eq!(reported.len(), 6, "{reported:#?}\n{console}");
    for (_, payload) in &reported {
        assert!(!payload.contains("says a program"), "{payload}");
        let words = payload.split(|c: char| !c.is_ascii_hexdigit());
        assert!(!words.into_iter().any(|word| word.len() >= 16 && word.starts_with("ffff")), "{payload}");
    }
    let event_ids: BTreeSet<_> = records.iter().map(|record| header(record, "event_id")).collect();
    assert_eq!(event_ids.len(), 6);

    // What was spooled there is delivered here, as from any machine.
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let _telempostd = sandbox.start("telempostd");
    let delivered = collector.wait_for(6);
    let classes: Vec<_> = delivered.iter().filter_map(|record| record["classification"].as_str()).collect();
    assert_eq!(
        classes.iter().filter(|class| **class == "org.clearlinux/kernel/panic").count(),
        1,
        "{classes:?}"
    );
}
