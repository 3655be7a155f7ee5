//! How a machine is, by the installed services: nothing runs until it is switched on, and what is answered and sent then is what
//! the machine's own programs say outside of any sandbox at that moment.

use crate::home;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use test_harness::machine::Machine;
use test_harness::{DEADLINE, until};

/// Where this machine asks.
const LOCAL_PORT: u16 = 8127;

/// What switches it on.
const SWITCHES: [(&str, &str); 4] = [
    ("environment_interval", "60"),
    ("environment_filesystems", "/home /tmp"),
    ("environment_readings", "system disks telemetry packages"),
    ("pull_local", "127.0.0.1:8127"),
];

/// Its units, those that systemd makes of the keys among them.
const UNITS: [&str; 5] =
    ["envprobe.timer", "envprobe.service", "telempulld.socket", "telempulld.service", "checkprobe.service"];

/// A network interface that counts as hardware, which containers have none of: what is below `/sys/class/net` says so.
fn add_interface(machine: &Machine) {
    for words in [
        &["link", "add", "probe0", "type", "veth", "peer", "name", "probe1"][..],
        &["address", "add", "192.0.2.1/24", "dev", "probe0"],
        &["link", "set", "probe0", "up"],
        &["link", "set", "probe1", "up"],
    ] {
        assert!(machine.in_its_network("ip").args(words).status().unwrap().success(), "ip {words:?}");
    }
    machine.shell("mount -t tmpfs tmpfs /sys/class/net && mkdir -p /sys/class/net/probe0/device");
    // Somebody has to be asked for, for bytes to go.
    let _ = machine.in_its_network("curl").args(["-s", "--max-time", "1", "http://192.0.2.2/"]).status();
}

fn curl(machine: &Machine, path: &str) -> String {
    let url = format!("http://127.0.0.1:{LOCAL_PORT}{path}");
    let output = machine
        .in_its_network("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "60", &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn asked(machine: &Machine, fields: &str) -> Value {
    serde_json::from_str(&curl(machine, &format!("/v1/environment?fields={fields}"))).unwrap()
}

/// Series as OpenMetrics writes them, but for the order of labels.
type Readings = BTreeMap<String, f64>;

fn answered(machine: &Machine) -> Readings {
    readings(&curl(machine, "/metrics"))
}

fn readings(text: &str) -> Readings {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Numbers of a line of the machine's shell.
fn numbers(machine: &Machine, script: &str) -> Vec<f64> {
    machine.shell(script).split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// File systems that a sandbox is fond of hiding, on which nobody writes; only where they are named they are read.
const QUIET: [&str; 2] = ["/home", "/tmp"];

fn fill_quiet_ones(machine: &Machine) {
    machine.shell("mount -t tmpfs -o size=64m tmpfs /home && mkdir /home/user && head -c 3000000 /dev/zero >/home/user/a");
    machine.shell("head -c 1000000 /dev/zero >/tmp/a");
}

/// File systems as df has them: of each its size, used, available, inodes and used ones.
fn df(machine: &Machine, mounts: &[&str]) -> Vec<f64> {
    let all = mounts.join(" ");
    numbers(machine, &format!("df -B1 --output=size,used,avail,itotal,iused {all} | tail -n +2"))
}

/// What the kernel counted of the interface: bytes, errors and drops of both directions.
fn interface(machine: &Machine) -> Vec<f64> {
    numbers(machine, "sed -n 's/^ *probe0: *//p' /proc/net/dev | awk '{print $1, $9, $3, $11, $4, $12}'")
}

/// Seen from outside, where no process of the machine is needed for it.
fn pids(machine: &Machine) -> BTreeSet<u64> {
    let entries = std::fs::read_dir(machine.path("/proc")).unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Used, free and reserved; nothing is reserved of inodes.
fn of_filesystem(readings: &Readings, mount: &str, metric: &str) -> [f64; 3] {
    ["used", "free", "reserved"].map(|state| {
        let series = format!("{metric}{{mountpoint=\"{mount}\",state=\"{state}\"}}");
        let is_never = state == "reserved" && metric.ends_with("inodes");
        match readings.get(&series) {
            Some(value) => *value,
            None if is_never => 0.0,
            None => panic!("no {series}: {readings:#?}"),
        }
    })
}

/// What of these readings the machine itself says, as df and `/proc/net/dev` have it.
fn df_and_interface(readings: &Readings, mounts: &[&str]) -> (Vec<f64>, Vec<f64>) {
    let df = mounts.iter().flat_map(|mount| {
        let space = of_filesystem(readings, mount, "system_filesystem_usage_bytes");
        let inodes = of_filesystem(readings, mount, "system_filesystem_inodes");
        [space.iter().sum(), space[0], space[1], inodes.iter().sum(), inodes[0]]
    });
    let network = ["io_bytes", "errors", "packet_dropped"].iter().flat_map(|what| {
        ["receive", "transmit"].map(|direction| {
            let series = format!("system_network_{what}_total{{direction=\"{direction}\"}}");
            *readings.get(&series).unwrap_or_else(|| panic!("no {series}: {readings:#?}"))
        })
    });
    (df.collect(), network.collect())
}

/// Takes readings until each is between what is said outside of the sandbox before and after, on a disk on which others write as
/// well; where nothing changes it is that.
fn are_those_of_the_machine(machine: &Machine, what: &str, mounts: &[&str], take: impl Fn() -> Readings) {
    let outside = || [df(machine, mounts), interface(machine)].concat();
    let mut last = String::new();
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        let before = outside();
        let (df, network) = df_and_interface(&take(), mounts);
        let after = outside();
        assert!(network.iter().any(|value| *value > 0.0), "{network:?}");
        let inside = [df, network].concat();
        let is_between = |((inside, before), after): ((&f64, &f64), &f64)| {
            before.min(*after) <= *inside && *inside <= before.max(*after)
        };
        assert_eq!((inside.len(), inside.len()), (before.len(), after.len()));
        if inside.iter().zip(&before).zip(&after).all(is_between) {
            return;
        }
        last = format!("{before:?}\n{inside:?}\n{after:?}");
        // What was answered is answered again within a second.
        std::thread::sleep(Duration::from_millis(1100));
    }
    panic!("{what} is not what the machine says, before and after:\n{last}");
}

/// The newest sample that the collector has, in one text; this many records of it have come before.
fn pushed(machine: &Machine) -> Readings {
    let class = "org.telemetrics/environment/sample";
    let samples = || {
        let all = home::records(machine).into_iter().filter(|record| record["classification"] == class);
        all.collect::<Vec<_>>()
    };
    let before = samples().len();
    machine.run(&["systemctl", "start", "envprobe.service"]);
    let newest = until("the sample at the collector", || {
        let samples = samples();
        (samples.len() > before).then(|| samples[..samples.len() - before].to_vec())
    });
    let parts = newest.iter().map(|record| record["payload"].as_str().unwrap());
    parts.flat_map(readings).collect()
}

fn is_switched_off(machine: &Machine) {
    for unit in UNITS {
        assert_eq!(home::property(machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    let waking = machine.run(&["systemctl", "list-timers", "--no-legend", "--plain"])
        + &machine.run(&["systemctl", "list-sockets", "--no-legend", "--plain"]);
    assert!(!waking.contains("envprobe") && !waking.contains("telempulld"), "{waking}");
}

fn assert_processes(machine: &Machine) {
    until("a list of processes while none begins or ends", || {
        // It reads the list at most once a minute, and may be started but a few times within ten seconds.
        machine.run(&["systemctl", "reset-failed", "telempulld.service"]);
        machine.run(&["systemctl", "restart", "telempulld.service"]);
        let before = pids(machine);
        let answer = asked(machine, "processes,readings");
        let listed = answer["processes"].as_array().unwrap();
        let listed: BTreeSet<_> = listed.iter().map(|process| process["pid"].as_u64().unwrap()).collect();
        let counted = answer["readings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|reading| reading["name"] == "system_process_count");
        let counted = counted.unwrap()["value"].as_u64().unwrap();
        // What serves the restart may have ended meanwhile.
        (before == pids(machine) && listed == before && counted == before.len() as u64).then_some(())
    });
    // As ps has names and users.
    let answer = asked(machine, "processes");
    let first = answer["processes"].as_array().unwrap().iter().find(|process| process["pid"] == 1).unwrap();
    let ps = machine.shell("tr '\\0' ' ' </proc/1/comm");
    assert_eq!(first["command"].as_str().unwrap(), ps.trim(), "{first}");
    assert_eq!(first["user"], "root", "{first}");
}

fn assert_packages(machine: &Machine) {
    let script = "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' | sed -n 's/^ii *//p'";
    let installed: BTreeSet<String> = machine.shell(script).lines().map(str::to_owned).collect();
    assert!(installed.len() > 50, "{installed:?}");
    let answer = asked(machine, "packages");
    let named = |package: &Value| {
        format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
    };
    let listed: BTreeSet<_> = answer["packages"].as_array().unwrap().iter().map(named).collect();
    assert_eq!(listed, installed);
    let record = home::record_of(machine, "org.telemetrics/environment/packages");
    let sent: BTreeSet<_> = record["payload"].as_str().unwrap().lines().map(str::to_owned).collect();
    // What has no room in a record is left out, and nothing is made up.
    assert!(sent.iter().all(|line| installed.contains(line)) && sent.len() > 50, "{sent:?}");
}

fn assert_exposure(machine: &Machine) {
    // Checks connect to what they check, and plugins are programs of others.
    for (unit, bound) in [("telempulld.service", 1.5), ("envprobe.service", 1.5), ("checkprobe.service", 2.0)]
    {
        let said = machine.run(&["systemd-analyze", "security", "--no-pager", unit]);
        let line = said.lines().rfind(|line| line.contains("exposure level for")).unwrap();
        let exposure = line.split_whitespace().find_map(|word| word.parse::<f64>().ok()).unwrap();
        assert!(exposure <= bound, "{line}");
    }
}

/// A check whose plugin leaves processes behind, and says as whom it ran; another that ends all that it may.
fn assert_checks(machine: &Machine) {
    let plugin = |name: &str, script: &str| {
        machine.write(&format!("/usr/local/bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        machine.run(&["chmod", "755", &format!("/usr/local/bin/{name}")]);
    };
    plugin(
        "leaves",
        "setsid setsid sleep 4711 & setsid sleep 4711 & echo \"as $(id -un), $(df -P / | tail -n 1 | wc -l) root\"",
    );
    let mut text =
        "[root]\nkind=disk\npath=/\nretry=1\n[leaves]\nkind=plugin\ncommand=/usr/local/bin/leaves\nretry=1\n"
            .to_owned();
    if system_tests::torture::hostile_checks::signals_stay_inside() {
        plugin("kills", "kill -9 -1; exit 1");
        text += "[kills]\nkind=plugin\ncommand=/usr/local/bin/kills\nretry=1\n";
    }
    machine.write("/etc/telemetrics/checks.d/a.conf", text);
    machine.run(&["telemctl", "restart"]);
    home::wait_for_state(machine, "checkprobe.service", "active");
    let listed = || machine.run(&["telemctl", "check", "list"]);
    until("a result of each check", || {
        let listed = listed();
        (listed.contains("leaves ") && !listed.contains("PENDING")).then_some(())
    });
    assert!(listed().contains("as telemetry-check, 1 root"), "{}", listed());
    assert!(!machine.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").contains("sleep 4711"));
    assert_eq!(home::property(machine, "checkprobe.service", "NRestarts"), "0");
    home::record_of(machine, "org.telemetrics/check/state");
    // They ride along with what is asked.
    let answer = answered(machine);
    assert!(answer.contains_key("telemetry_check_state{check=\"leaves\"}"), "{answer:?}");
}

#[test]
fn what_installed_services_say_of_a_machine_is_what_it_says_itself() {
    let Some(mut machine) =
        home::with_environment("what_installed_services_say_of_a_machine_is_what_it_says_itself")
    else {
        return;
    };
    is_switched_off(&machine);
    for (key, value) in SWITCHES {
        machine.run(&["telemctl", "config", "set", key, value]);
    }
    // Not without the consent.
    machine.run(&["telemctl", "opt-out"]);
    machine.run(&["systemctl", "daemon-reload"]);
    is_switched_off(&machine);
    machine.run(&["telemctl", "opt-in"]);
    machine.run(&["telemctl", "restart"]);
    for unit in ["envprobe.timer", "telempulld.socket"] {
        home::wait_for_state(&machine, unit, "active");
    }
    add_interface(&machine);
    fill_quiet_ones(&machine);
    are_those_of_the_machine(&machine, "what is answered", &["/"], || answered(&machine));
    are_those_of_the_machine(&machine, "what is sent", &QUIET, || pushed(&machine));
    assert_processes(&machine);
    assert_packages(&machine);
    assert_exposure(&machine);
    assert_checks(&machine);
    home::assert_healthy(&machine);
    // The units are made anew when it starts.
    machine.reboot();
    for unit in ["envprobe.timer", "telempulld.socket", "checkprobe.service"] {
        home::wait_for_state(&machine, unit, "active");
    }
    assert!(answered(&machine).contains_key("system_uptime_seconds"));
    home::assert_healthy(&machine);
}
