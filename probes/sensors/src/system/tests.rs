use super::*;
use crate::text::whole_lines;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const STAT: &str = "cpu  10 20 30 40 50 60 7 8 9 1\ncpu0 10 20 30 40 50 60 7 8 9 1\nintr 5 5\nprocesses 77\n";
const MEMINFO: &str =
    "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable: 500 kB\nBuffers: 50 kB\nCached: 200 kB\n";
const DISKSTATS: &str = "   8       0 sda 10 1 100 5 20 2 200 7 0 1 2 0 0 0 0\n";
const NET: &str = "a\nb\n  eth0: 100 4 1 2 0 0 0 0 567 8 3 4 0 0 0 0\n";

/// A machine in which each file has this text.
fn machine(root: &Path, files: &[(&str, &str)]) -> Source {
    for (file, text) in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Source::below(root)
}

fn whole_machine() -> Vec<(&'static str, &'static str)> {
    vec![
        ("proc/stat", STAT),
        ("proc/loadavg", "0.10 0.20 0.30 1/523 12345\n"),
        ("proc/meminfo", MEMINFO),
        ("proc/vmstat", "pswpin 7\npswpout 8\n"),
        ("proc/sys/fs/file-nr", "1234\t0\t9223372036854775807\n"),
        ("proc/uptime", "12345.67 23456.78\n"),
        ("proc/diskstats", DISKSTATS),
        ("proc/net/dev", NET),
        ("proc/1/comm", "init\n"),
        ("proc/pressure/io", "some avg10=0.18 total=798790845\nfull avg10=0.00 total=21\n"),
        ("sys/block/sda/device/x", ""),
        ("sys/class/net/eth0/device/x", ""),
    ]
}

/// What all sensors give, as lines.
fn lines(source: &Source) -> Vec<String> {
    let families = SENSORS.iter().filter_map(|(_, read)| read(source).ok()).flatten();
    let text = crate::openmetrics::text(&families.collect::<Vec<_>>());
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn a_machine_that_is_not_there_is_an_error_of_each_sensor() {
    let root = tempfile::tempdir().unwrap();
    let source = Source::below(root.path());
    for (name, read) in SENSORS {
        match read(&source) {
            Err(error) => assert!(error.to_string().contains("/proc"), "{name}: {error}"),
            Ok(families) => {
                assert_eq!(name, "pressure");
                assert!(families.iter().all(|family| family.samples.is_empty()));
            }
        }
    }
}

#[test]
fn this_machine_has_every_sensor() {
    for (name, read) in SENSORS {
        let families = read(&Source::machine()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(name == "disk" || name == "network" || name == "pressure" || !families.is_empty(), "{name}");
    }
}

#[test]
fn a_whole_machine_says_each_of_its_values() {
    let root = tempfile::tempdir().unwrap();
    let lines = lines(&machine(root.path(), &whole_machine()));
    for line in [
        "system_cpu_time_seconds_total{mode=\"interrupt\"} 0.67",
        "system_cpu_logical_count 1",
        "system_load{minutes=\"15\"} 0.3",
        "system_pressure_seconds_total{resource=\"io\",kind=\"some\"} 798.790845",
        "system_memory_usage_bytes{state=\"used\"} 665600",
        "system_memory_linux_available_bytes 512000",
        "system_paging_operations_total{direction=\"out\"} 8",
        "system_file_descriptors{state=\"limit\"} 9223372036854775807",
        "system_process_count 1",
        "system_process_created_total 77",
        "system_uptime_seconds 12345.67",
        "system_disk_io_bytes_total{direction=\"write\"} 102400",
        "system_disk_operations_total{direction=\"read\"} 10",
        "system_network_io_bytes_total{direction=\"transmit\"} 567",
        "system_network_errors_total{direction=\"receive\"} 1",
        "system_network_packet_dropped_total{direction=\"transmit\"} 4",
    ] {
        assert!(lines.iter().any(|there| there == line), "{line} is not in {lines:#?}");
    }
}

/// Numbers of such a kernel as they stood there, and what later kernels have left out.
#[test]
fn a_machine_of_linux_3_10_says_what_it_has() {
    let root = tempfile::tempdir().unwrap();
    let lines = lines(&machine(
        root.path(),
        &[
            (
                "proc/stat",
                "cpu  2255 34 2290 22625563 6290 127 456 0 0 0\ncpu0 1132 34 1441 11311718 3675 127 438 0 0 0\n\
                 cpu1 1123 0 849 11313845 2614 0 18 0 0 0\nintr 114930548 113199788 3 0\nctxt 1990473\n\
                 btime 1062191376\nprocesses 2915\nprocs_running 1\nprocs_blocked 0\n",
            ),
            (
                "proc/meminfo",
                "MemTotal:        1016232 kB\nMemFree:          118244 kB\nBuffers:            1964 kB\n\
                 Cached:           676820 kB\nSwapCached:            0 kB\nSReclaimable:      49752 kB\n\
                 SwapTotal:        839676 kB\nSwapFree:         839668 kB\n",
            ),
            ("proc/diskstats", "   8       0 sda 13170 61 1077802 8127 5374 3032 204352 3563 0 4610 11679\n"),
            (
                "proc/net/dev",
                "Inter-|   Receive\n face |bytes\n  eth0:98765432109 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n",
            ),
            ("proc/vmstat", "nr_free_pages 29561\npswpin 0\npswpout 2\n"),
            ("proc/1/stat", ""),
            ("sys/block/sda/device/x", ""),
            ("sys/class/net/eth0/device/x", ""),
        ],
    ));
    for line in [
        "system_cpu_time_seconds_total{mode=\"idle\"} 226255.63",
        "system_cpu_time_seconds_total{mode=\"interrupt\"} 5.83",
        "system_cpu_logical_count 2",
        "system_process_created_total 2915",
        "system_memory_limit_bytes 1040621568",
        "system_memory_usage_bytes{state=\"used\"} 173518848",
        "system_paging_usage_bytes{state=\"used\"} 8192",
        "system_disk_io_bytes_total{direction=\"read\"} 551834624",
        "system_disk_operations_total{direction=\"write\"} 5374",
        "system_network_io_bytes_total{direction=\"receive\"} 98765432109",
    ] {
        assert!(lines.iter().any(|there| there == line), "{line} is not in {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("available") || line.contains("pressure")), "{lines:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// A reading is right or not there.
    #[test]
    fn a_file_that_is_cut_anywhere_makes_no_other_value(file in 0..10_usize, cut in 0..100_usize) {
        let root = tempfile::tempdir().unwrap();
        let mut files = whole_machine();
        let whole = lines(&machine(root.path(), &files));
        let (name, text) = files[file];
        // Sums and states over lines that are there are no other values of the same.
        prop_assume!(!["proc/meminfo", "proc/stat"].contains(&name));
        files[file].1 = &text[..cut.min(text.len())];
        for line in lines(&machine(root.path(), &files)) {
            prop_assert!(whole.contains(&line), "{} cut: {}", name, line);
        }
    }

    #[test]
    fn noise_stops_nothing(noise in "[ -~\n\t]{0,80}", file in 0..10_usize) {
        let root = tempfile::tempdir().unwrap();
        let mut files = whole_machine();
        files[file].1 = &noise;
        let count = lines(&machine(root.path(), &files)).len();
        prop_assert!(count > 20, "{}", count);
        prop_assert!(whole_lines(&noise).count() <= noise.len());
    }
}
