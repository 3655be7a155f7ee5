//! What the installed client costs a machine with systemd: its size, what runs while nothing happens, and how long the
//! first record takes that starts everything. Needs root, for a container, and the packages of `make deb`.

use super::table::Row;
use super::{ROUNDS, median};
use std::error::Error;
use std::fs;
use std::time::Instant;
use test_harness::machine::installation::{self, DAEMONS, PACKAGES};
use test_harness::machine::{Machine, can_boot};
use test_harness::package::{self, Package};
use test_harness::{Process, Sandbox, until};

pub(super) fn measure(print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    if !package::folder().exists() {
        println!("system: skipped, since there are no packages; run `make deb` first");
        return Ok(());
    }
    if !can_boot("system") {
        return Ok(());
    }
    let row = |what: &str, ours, unit, goal| Row {
        what: what.to_owned(),
        ours,
        floor: f64::NAN,
        ratio: None,
        unit,
        goal,
        c_implementation: "-",
    };
    let client = Package::named(PACKAGES[0]);
    let installed_kib: f64 = client.field("Installed-Size").parse()?;
    print(&row("installed size of the client", installed_kib / 1024.0, "MB", "-"));
    let packed = fs::metadata(&client.file)?.len();
    print(&row("  its package", packed as f64 / 1024.0 / 1024.0, "MB", "-"));

    let machine = installation::opted_in();
    let (mut from_nothing, mut while_running) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for unit in DAEMONS {
            installation::wait_for_state(&machine, unit, "inactive");
        }
        from_nothing.push(record_ms(&machine));
        while_running.push(record_ms(&machine));
    }
    let (from_nothing, while_running) = (median(&mut from_nothing), median(&mut while_running));
    print(&Row {
        floor: while_running,
        ratio: Some(from_nothing / while_running),
        ..row("hprobe to collector (floor: daemons run)", from_nothing, "ms", "-")
    });

    for unit in DAEMONS {
        installation::wait_for_state(&machine, unit, "inactive");
    }
    let mut processes = installation::processes(&machine);
    // No container runs it, since the kernel is not a container's: therefore beside the machine.
    let (_sandbox, klogscanner) = idle_klogscanner();
    processes.push((klogscanner.pid(), "klogscanner".to_owned()));
    let names: Vec<_> = processes.iter().map(|(_, name)| name.as_str()).collect();
    let what = format!("idle, all enabled: processes ({})", names.join(" "));
    print(&row(&what, processes.len() as f64, "", "0, or"));
    let mut sum = 0.0;
    for (pid, name) in &processes {
        let pss = pss_kib(*pid)?;
        print(&row(&format!("  memory of {name}"), pss / 1024.0, "MB PSS", "-"));
        sum += pss;
    }
    print(&row("  their memory", sum / 1024.0, "MB PSS", "under 3 MB"));
    Ok(())
}

/// klogscanner with nothing to report.
fn idle_klogscanner() -> (Sandbox, Process) {
    let sandbox = Sandbox::new();
    let process = sandbox.start("klogscanner");
    until("klogscanner runs", || sandbox.path("run/klogscanner.pid").exists().then_some(()));
    (sandbox, process)
}

/// Milliseconds from the start of `hprobe` until the collector shows its record. Asking takes about 10 of them.
fn record_ms(machine: &Machine) -> f64 {
    let before = installation::records(machine).len();
    let start = Instant::now();
    machine.run(&["hprobe"]);
    while installation::records(machine).len() == before {}
    start.elapsed().as_secs_f64() * 1e3
}

/// Its memory, shared pages by their share.
fn pss_kib(pid: u32) -> Result<f64, Box<dyn Error>> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
