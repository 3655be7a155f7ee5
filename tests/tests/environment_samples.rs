//! Samples of how the machine is: with this machine's values, whole in parts, and
//! whatever a file system does.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use system_tests::torture::needs_root;
use telemetry_record::header::Header;
use test_harness::Sandbox;
use test_harness::hung_fs::{Hang, HungFs};

const SAMPLE: &str = "org.telemetrics/environment/sample";
const PACKAGES: &str = "org.telemetrics/environment/packages";

/// The payloads of a classification that wait in the spool, with the event id of each.
fn payloads(sandbox: &Sandbox, class: &str) -> Vec<(String, String)> {
    let records = sandbox.spooled().into_iter();
    let records = records.filter(|record| record.message.headers.value(Header::Classification) == class);
    let payload = |record: &telemetry_record::message::Message| {
        (record.headers.value(Header::EventId).to_owned(), record.payload.clone())
    };
    records.map(|record| payload(&record.message)).collect()
}

/// A sandbox that sends, with what else is to be in its configuration.
fn sending(keys: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::with_spool();
    sandbox.set("environment_interval", "60");
    for (key, value) in keys {
        sandbox.set(key, value);
    }
    sandbox
}

/// The value of a series in these texts.
fn value(texts: &str, series: &str) -> f64 {
    let line = texts.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in {texts}")).parse().unwrap()
}

#[test]
fn a_sample_has_this_machines_values_and_no_name() {
    let sandbox = sending(&[("environment_filesystems", "/")]);
    let _telemprobd = sandbox.start_telemprobd();
    assert!(sandbox.run("envprobe", &[]).status.success());
    let [(_, text)] = <[_; 1]>::try_from(payloads(&sandbox, SAMPLE)).unwrap();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let total: f64 = total.trim().trim_end_matches(" kB").parse().unwrap();
    assert_eq!(value(&text, "system_memory_limit_bytes"), total * 1024.0);
    let states = ["used", "free", "cached", "buffers"];
    let sum: f64 = states
        .map(|state| value(&text, &format!("system_memory_usage_bytes{{state=\"{state}\"}}")))
        .iter()
        .sum();
    assert_eq!(sum, total * 1024.0);
    let df = Command::new("df").args(["-B1", "--output=size,used", "/"]).output().unwrap();
    let df = String::from_utf8(df.stdout).unwrap();
    let df: Vec<f64> =
        df.lines().nth(1).unwrap().split_whitespace().map(|word| word.parse().unwrap()).collect();
    let usage =
        |state| value(&text, &format!("system_filesystem_usage_bytes{{mountpoint=\"/\",state=\"{state}\"}}"));
    assert_eq!(usage("used") + usage("free") + usage("reserved"), df[0]);
    // Others write meanwhile.
    assert!((usage("used") - df[1]).abs() < df[0] / 100.0, "{} {}", usage("used"), df[1]);
    let uptime: f64 = fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((uptime - value(&text, "system_uptime_seconds")).abs() < 60.0);
    assert_eq!(value(&text, "telemetry_environment_interval_seconds"), 3600.0);
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for secret in [hostname.trim(), "eth0", "vda", "/proc/", "root"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_is_previewed_is_what_is_sent_and_nothing_is_kept() {
    let sandbox = sending(&[("environment_filesystems", "/"), ("environment_readings", "disks packages")]);
    sandbox.opt_out();
    let series = |text: &str| -> BTreeSet<String> {
        let lines =
            text.lines().filter(|line| line.starts_with("system_") && !line.starts_with("system_name: "));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    let said = sandbox.say(&["preview", "--environment"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!sandbox.path("state/envprobe.json").exists() && !sandbox.path("run/sensors.lock").exists());
    sandbox.opt_in();
    let _telemprobd = sandbox.start_telemprobd();
    for _ in 0..2 {
        assert!(sandbox.run("envprobe", &[]).status.success());
    }
    let samples = payloads(&sandbox, SAMPLE);
    assert_eq!(samples.len(), 2);
    assert_eq!(series(&samples[0].1), series(&said.out));
    // Packages are sent when they are others.
    let packages = payloads(&sandbox, PACKAGES);
    let events: BTreeSet<_> = packages.iter().map(|(event, _)| event).collect();
    assert_eq!(events.len(), 1, "{packages:?}");
    for (_, text) in &packages {
        assert!(said.out.contains(text.as_str()), "{text}");
    }
}

/// Certificates with long paths, so that a sample has several parts.
fn certificates(folder: &Path, count: usize) {
    let (key, first) = (folder.join("key.pem"), folder.join("first.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "10",
        ])
        .args(["-subj", "/CN=planted.secret.example", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&first)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for n in 0..count {
        fs::copy(&first, folder.join(format!("{n:0100}.crt"))).unwrap();
    }
}

#[test]
fn a_long_sample_is_whole_parts_of_one_event() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), 100);
    let pattern = folder.path().join("*.crt");
    let sandbox = sending(&[
        ("environment_readings", "system certificates"),
        ("certificate_files", pattern.to_str().unwrap()),
    ]);
    let _telemprobd = sandbox.start_telemprobd();
    assert!(sandbox.run("envprobe", &[]).status.success());
    let parts = payloads(&sandbox, SAMPLE);
    assert!(parts.len() >= 3, "{}", parts.len());
    let events: BTreeSet<_> = parts.iter().map(|(event, _)| event).collect();
    assert_eq!(events.len(), 1);
    let mut counts = BTreeMap::new();
    for (_, text) in &parts {
        assert!(text.len() <= 8192 && text.ends_with("\n# EOF\n"), "{text}");
        assert!(text.contains(&format!(",of=\"{}\"}} 1\n", parts.len())), "{text}");
        assert!(!text.contains("secret"), "{text}");
        for line in text.lines().filter(|line| line.contains(".crt\"")) {
            *counts.entry(line.to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!((counts.len(), counts.values().max()), (100, Some(&1)));
}

#[test]
fn a_file_system_that_hangs_is_one_reading_and_one_process() {
    if !needs_root("mounting") {
        return;
    }
    let mut sandbox = sending(&[("environment_readings", "system disks")]);
    let mount = sandbox.path("mnt");
    let hung = HungFs::mount(&mount, Hang::StatFs, 0);
    sandbox.set("environment_filesystems", format!("/ {}", mount.display()));
    let _telemprobd = sandbox.start_telemprobd();
    for round in 1..4 {
        let begun = Instant::now();
        let output = sandbox.run("envprobe", &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let samples = payloads(&sandbox, SAMPLE);
        assert_eq!(samples.len(), round);
        for (_, text) in samples {
            let failed = format!("telemetry_sensor_failed{{sensor=\"filesystem:{}\"}}", mount.display());
            assert_eq!(value(&text, &failed), 1.0);
            assert!(text.contains("mountpoint=\"/\"") && text.contains("system_uptime_seconds "), "{text}");
        }
        assert_eq!(hung.hanging(), 1, "it was asked again though somebody waits there");
    }
    drop(hung);
}

#[test]
fn a_network_or_fuse_file_system_is_asked_only_if_it_is_named() {
    if !needs_root("mounting") {
        return;
    }
    let sandbox = sending(&[("environment_readings", "disks"), ("environment_filesystems", "*")]);
    let hung = HungFs::mount(&sandbox.path("mnt"), Hang::StatFs, 0);
    let _telemprobd = sandbox.start_telemprobd();
    assert!(sandbox.run("envprobe", &[]).status.success());
    assert_eq!(hung.hanging(), 0);
    let (_, text) = payloads(&sandbox, SAMPLE).pop().unwrap();
    assert!(!text.contains("mnt"), "{text}");
}
