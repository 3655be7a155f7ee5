//! Reading a kernel's log: lines a second, beside `grep -E` with the same beginnings on the same file; and what
//! klogscanner costs while nothing is written.

use super::in_turn;
use super::table::Row;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use telemetry_kernel::log::{Line, Reader, Scanner};
use test_harness::{Sandbox, programs};

/// Lines of the log without an oops.
const BOOT_LINES: usize = 5_000;
/// Oopses of the others.
const OOPSES: usize = 1_000;
/// How often the programs read the log, so that their start costs nothing.
const TIMES: usize = 100;
/// How long klogscanner is watched while it idles.
const IDLE: Duration = Duration::from_secs(5);

/// The same beginnings as `probes/kernel/src/log/headers/table.rs` knows, those that begin alike as one.
const GREP: &str = concat!(
    r"^(<[0-9]+>)?(\[ *[0-9]+\.[0-9]+\])?(\[ *[CT][0-9]+\])? ?((NMI )?[A-Za-z0-9_#-]+: )?",
    r"(NETDEV WATCHDOG: |sysctl table check failed: |IRQ handler type mismatch for IRQ|ALSA .*: BUG|",
    r"irq [0-9]+.*nobody cared|WARNING: |general protection fault[:, ]|BUG[: ]|[kK]ernel BUG at|do_IRQ: stack overflow:|",
    r"RTNL: assertion failed|Eeek! page_mapcount\(page\) went negative!|near stack overflow \(cur:|double fault[:,]|",
    r"Badness at |list_(del|add) corruption|list_add double add|ACPI Error:|Kernel panic - not syncing|",
    r"BERT: Error records from previous boot:|Oops.*\[#|Unable to handle kernel |CPU .* Unable to handle kernel |",
    r"Internal error: |UBSAN: |INFO: task .* blocked |INFO: task .* can't die for |INFO: rcu.*detected (expedited )?stall|",
    r"(\[ )?(INFO|BUG): (possible|suspicious|inconsistent|bad|held|Invalid|trying)|unreferenced object 0x|",
    r"unregister_netdevice: waiting for |VFS: (Busy inodes|Close: file count)|VERIFY.*failed|PANIC( at|: )|",
    r"Watchdog detected hard LOCKUP|genirq: Flags mismatch irq |CFI failure |Kernel Fault: Code=|Bad Address \(null|",
    r"(invalid opcode|divide.error|int3|stack segment|overflow|bounds|invalid TSS|segment|alignment|coprocessor|fpu|simd|",
    r"unexpected|unhandled|control|iret|debug|trap|addressing|data|execute|fixpoint|illegal|monitor|operand|privileged|",
    r"protection|special|specification|translation|transaction|vector|Kernel|Reserved|Break|FP|Unhandled).*\[#|",
    r"[kK]ernel stack overflow|Insufficient stack space|(mce: )?\[Hardware Error\]: |",
    r"\{[0-9]+\}\[Hardware Error\]: Hardware error from APEI|.*: NETDEV WATCHDOG: CPU: |.*: page allocation failure|",
    r".* invoked oom-killer: )"
);

/// What a kernel says while it starts.
const BOOT: [&str; 16] = [
    "Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)",
    "BIOS-e820: [mem 0x0000000000100000-0x00000000bffdefff] usable",
    "ACPI: SSDT 0x00000000BFFE1A5E 000A2F (v01 LENOVO CpuSsdt 00003000 INTL 20141107)",
    "pci 0000:00:1f.3: reg 0x20: [mem 0xe1340000-0xe134ffff 64bit]",
    "pci 0000:00:1c.0: PCI bridge to [bus 02]",
    "usb 1-8: New USB device found, idVendor=5986, idProduct=111c, bcdDevice= 0.06",
    "systemd[1]: Starting systemd-udevd.service - Rule-based Manager for Device Events and Files...",
    "EXT4-fs (nvme0n1p2): mounted filesystem with ordered data mode. Quota mode: none.",
    "audit: type=1400 audit(1712080081.123:9): apparmor=\"STATUS\" operation=\"profile_load\" name=\"man_groff\"",
    "IPv6: ADDRCONF(NETDEV_CHANGE): wlp4s0: link becomes ready",
    "i915 0000:00:02.0: [drm] Finished loading DMC firmware i915/kbl_dmc_ver1_04.bin (v1.4)",
    "Bluetooth: hci0: Firmware revision 0.1 build 19 week 44 2021",
    "input: Sleep Button as /devices/LNXSYSTM:00/LNXSYBUS:00/PNP0C0E:00/input/input3",
    "rcu: \tRCU restricting CPUs from NR_CPUS=8192 to nr_cpu_ids=8.",
    "NET: Registered PF_INET6 protocol family",
    "Write protecting the kernel read-only data: 26624k",
];

/// Measures each figure and hands it to `print`.
pub(super) fn measure(folder: &Path, print: &mut impl FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let logs = [
        ("a boot log of 5,000 lines", boot_log(), "at least grep -E's"),
        ("a log with 1,000 oopses", oops_log(false)?, "at least half of grep -E's"),
        ("a log with 1,000 oopses, all different", oops_log(true)?, "at least half of grep -E's"),
    ];
    for (name, log, goal) in logs {
        let path = folder.join("kernel.log");
        fs::write(&path, log.repeat(TIMES))?;
        let lines = log.lines().count();
        let (ours, floor) = in_turn(|| parser(&log, lines), || grep(&path, lines))?;
        print(&row(format!("kernel log parser: {name}"), ours, floor, goal));
        let (ours, floor) = in_turn(|| klogscanner(&path, lines), || grep(&path, lines))?;
        print(&row(format!("klogscanner --file: {name}"), ours, floor, goal));
        fs::remove_file(path)?;
    }
    idle(print)
}

fn row(what: String, ours: f64, floor: f64, goal: &'static str) -> Row {
    Row { what, ours, floor, ratio: Some(ours / floor), unit: "M lines/s", goal, c_implementation: "" }
}

fn boot_log() -> String {
    let mut log = String::new();
    for (at, text) in BOOT.iter().cycle().take(BOOT_LINES).enumerate() {
        let _ = writeln!(log, "[{:12.6}] {text}", at as f64 / 1000.0);
    }
    log
}

/// The same oops again and again, or each in another function.
fn oops_log(are_different: bool) -> Result<String, Box<dyn Error>> {
    let golden = programs::source_root().join("probes/kernel/tests/kernel_log/null_dereference_6.1.log");
    let lines: Vec<_> = fs::read_to_string(golden)?.lines().map(str::to_owned).collect();
    let mut log = String::new();
    for number in 0..OOPSES {
        for (at, line) in lines.iter().enumerate() {
            let text = line.split_once("] ").map_or("", |(_, text)| text);
            let secs = number as f64 + at as f64 / 100_000.0;
            let text =
                if are_different { text.replace("broken_", &format!("f{number}_")) } else { text.to_owned() };
            let _ = writeln!(log, "[{secs:12.6}] {text}");
        }
    }
    Ok(log)
}

/// Millions of lines a second.
fn rate(lines: usize, start: Instant) -> f64 {
    lines as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn parser(log: &str, lines: usize) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    for _ in 0..TIMES {
        let (mut reader, mut scanner, mut found) = (Reader::default(), Scanner::default(), Vec::new());
        let mut push = |line: &Line<'_>| scanner.push(line, &mut found);
        for line in log.split_inclusive('\n') {
            reader.push(line.as_bytes(), line.len(), &mut push);
        }
        reader.finish(&mut push)?;
        scanner.finish(&mut found);
        black_box(found);
    }
    Ok(rate(lines * TIMES, start))
}

fn grep(path: &Path, lines: usize) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    // Into a pipe: where nobody reads what it prints, grep ends at the first line that it finds.
    Command::new("grep").args(["-a", "-E", "-c", GREP]).arg(path).env("LC_ALL", "C").output()?;
    Ok(rate(lines * TIMES, start))
}

fn klogscanner(path: &Path, lines: usize) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    Command::new(programs::path("klogscanner")).arg("--file").arg(path).stdout(Stdio::null()).status()?;
    Ok(rate(lines * TIMES, start))
}

/// Wake-ups of a klogscanner that has nothing to read.
fn idle(print: &mut impl FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    if !nix::unistd::geteuid().is_root() {
        println!("klogscanner while it idles: skipped, since reading /dev/kmsg needs root");
        return Ok(());
    }
    let sandbox = Sandbox::new();
    let _telemprobd = sandbox.start_telemprobd();
    let klogscanner = sandbox.start("klogscanner");
    test_harness::until("klogscanner runs", || sandbox.path("run/klogscanner.pid").exists().then_some(()));
    // What it may have found in this machine's log is sent after a moment.
    std::thread::sleep(IDLE * 2);
    let before = wake_ups(klogscanner.pid())?;
    std::thread::sleep(IDLE);
    let row = Row {
        what: format!("klogscanner: wake-ups in {} idle seconds", IDLE.as_secs()),
        ours: wake_ups(klogscanner.pid())? - before,
        floor: f64::NAN,
        ratio: None,
        unit: "",
        goal: "0 without new lines",
        c_implementation: "",
    };
    print(&row);
    Ok(())
}

fn wake_ups(pid: u32) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.ok_or("no count of context switches")?.trim().parse()?)
}
