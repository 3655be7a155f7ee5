//! What others make of how the machine is: Debian's Prometheus, the OpenMetrics parser of Prometheus' own client, and the
//! plugins of monitoring-plugins as checks.
// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use system_tests::asked::Asked;
use system_tests::python;
use system_tests::snmpd::{BASE, Snmpd};
use telemetry_store::delivery_status::DeliveryStatus;
use test_harness::{Process, Sandbox, until};

/// Reads OpenMetrics from standard input and prints name, labels and value of each sample, sorted.
const PARSER: &str = "import sys, json\n\
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
    for family in parse(sys.stdin.read()):\n\
    \x20   for s in family.samples: print(json.dumps([s.name, sorted(s.labels.items()), s.value]))\n";

/// The samples of a text, as the parser of prometheus_client has them; none where it is not here.
fn parsed(text: &str) -> Option<Vec<Value>> {
    let output = python::run(&["-c", PARSER], text)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}: {text}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Lines that are samples.
fn samples(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count()
}

#[test]
fn prometheus_own_parser_reads_every_answer_and_every_part_of_a_sample() {
    let asked = Asked::new(&[]);
    let _daemon = asked.start();
    let answer = asked.ask_here("/metrics", &[]).body;
    let Some(read) = parsed(&answer) else { return };
    assert!(read.len() == samples(&answer) && read.len() > 40, "{} of {}", read.len(), samples(&answer));
    // More checks than fit in one record.
    let mut sandbox = Sandbox::with_spool();
    sandbox.set("environment_interval", "60").set("environment_filesystems", "*");
    let checks: Vec<_> = (0..250)
        .map(|number| format!("\"check-with-a-long-name-{number}\": {{\"state\": \"OK\"}}"))
        .collect();
    sandbox.write(
        "state/checks/state.json",
        &format!("{{\"updated_unix_secs\": 1, \"checks\": {{{}}}}}", checks.join(",")),
    );
    let printed = sandbox.say(&["preview", "--environment"]).out;
    let parts: Vec<_> = printed
        .split("record_format_version: ")
        .skip(1)
        .map(|record| record.split_once("payload_format_version: 1\n").map_or(record, |(_, rest)| rest))
        .filter_map(|rest| rest.find("# TYPE").map(|begin| &rest[begin..]))
        .map(|payload| format!("{}# EOF\n", payload.split_once("# EOF").unwrap().0))
        .collect();
    assert!(parts.len() > 1, "{printed}");
    let mut states = 0;
    for part in &parts {
        let read = parsed(part).unwrap();
        assert_eq!(read.len(), samples(part), "{part}");
        states += read.iter().filter(|sample| sample[0] == "telemetry_check_state").count();
    }
    assert_eq!(states, 250);
}

/// What Prometheus has of a query: labels to value.
fn query(port: u16, expression: &str) -> Option<BTreeMap<String, f64>> {
    let url = format!("http://127.0.0.1:{port}/api/v1/query");
    let output = Command::new("curl")
        .args([
            "-s",
            "--noproxy",
            "*",
            "--max-time",
            "20",
            "-G",
            "--data-urlencode",
            &format!("query={expression}"),
            &url,
        ])
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    let result = answer["data"]["result"].as_array()?;
    let entry = |series: &Value| {
        let mut labels: BTreeMap<_, _> = series["metric"].as_object()?.clone().into_iter().collect();
        let name = labels.remove("__name__")?.as_str()?.to_owned();
        labels.remove("instance");
        labels.remove("job");
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        Some((format!("{name} {}", labels.join(",")), series["value"][1].as_str()?.parse().ok()?))
    };
    result.iter().map(entry).collect()
}

#[test]
fn debians_prometheus_scrapes_by_mutual_tls_and_has_each_series() {
    if Command::new("prometheus").arg("--version").output().is_err() {
        return println!("skipped: no prometheus here");
    }
    let asked = Asked::new(&[]);
    let _daemon = asked.start();
    let fingerprint = asked.make_certificate("prometheus");
    assert_eq!(asked.sandbox.say(&["pull", "trust", &fingerprint, "role=read"]).code, Some(0));
    let file = |path: std::path::PathBuf| path.display().to_string();
    let config = asked.sandbox.write(
        "prometheus.yml",
        &format!(
            "scrape_configs:\n- job_name: machines\n  scrape_interval: 1s\n  scheme: https\n  static_configs:\n  - targets: \
             ['127.0.0.1:{}']\n  tls_config:\n    ca_file: {}\n    server_name: telempulld\n    cert_file: {}\n    key_file: {}\n",
            asked.port,
            file(asked.server_certificate()),
            file(asked.key_file("prometheus", "pem")),
            file(asked.key_file("prometheus", "key")),
        ),
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", file(asked.sandbox.path("tsdb"))))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let prometheus = Process::spawn(&asked.sandbox.path(""), "prometheus", &mut command);
    let up = until("it scrapes", || query(port, "up").filter(|up| up.values().any(|up| *up == 1.0)));
    assert_eq!(up.len(), 1, "{}", prometheus.log());
    let answer = asked.ask_here("/metrics", &[]).body;
    let Some(own) = parsed(&answer) else { return };
    let own: BTreeMap<_, _> = own
        .iter()
        .map(|sample| {
            let labels: Vec<_> = sample[1]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| format!("{}={}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
                .collect();
            (format!("{} {}", sample[0].as_str().unwrap(), labels.join(",")), sample[2].as_f64().unwrap())
        })
        .collect();
    let scraped = query(port, "{__name__=~\"system_.+|telemetry_.+\"}").unwrap();
    assert_eq!(scraped.keys().collect::<Vec<_>>(), own.keys().collect::<Vec<_>>());
    let mut same = 0;
    for (series, value) in &scraped {
        let is_still = ["_limit", "_count", "telemetry_build", "opted_in", "logical"]
            .iter()
            .any(|part| series.contains(part));
        if is_still && !series.contains("process") {
            assert_eq!(value, &own[series], "{series}");
            same += 1;
        }
        // What goes on only grows.
        if series.contains("_total ") {
            assert!(*value <= own[series], "{series}: {value} {}", own[series]);
        }
    }
    assert!(same >= 3, "{scraped:?}");
}

#[test]
fn monitoring_plugins_are_checks() {
    const PLUGINS: &str = "/usr/lib/nagios/plugins";
    if fs::metadata(format!("{PLUGINS}/check_disk")).is_err() {
        return println!("skipped: no monitoring-plugins here");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let asked = Asked::new(&[]);
    let _daemon = asked.start();
    let (sandbox, http_port) = (&asked.sandbox, asked.local_port);
    let checks = [
        ("disk", "check_disk -w 1% -c 0% -p /".to_owned(), "OK", "DISK OK"),
        ("full", "check_disk -w 101% -c 101% -p /".to_owned(), "", ""),
        ("load", "check_load -w 10000,10000,10000 -c 20000,20000,20000".to_owned(), "OK", "load average"),
        ("procs", "check_procs -w 1:100000 -c 1:200000".to_owned(), "OK", "PROCS OK"),
        ("tcp", format!("check_tcp -H 127.0.0.1 -p {port}"), "OK", "TCP OK"),
        ("closed", format!("check_tcp -H 127.0.0.1 -p {nobody}"), "CRITICAL", "refused"),
        (
            "http",
            format!("check_http -H 127.0.0.1 -p {http_port} -u /metrics -s telemetry_build"),
            "OK",
            "HTTP OK",
        ),
    ];
    let text: String = checks
        .iter()
        .map(|(name, command, ..)| {
            format!("[{name}]\nkind=plugin\ncommand={PLUGINS}/{command}\ntimeout=30\n")
        })
        .collect();
    let file = sandbox.write("etc/checks.d/plugins.conf", &text);
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (name, command, state, part) in &checks {
        let said = sandbox.say(&["check", "run", name]);
        let known = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
            .iter()
            .position(|word| said.out.starts_with(&format!("{name}: {word}")));
        assert_eq!(said.code, known.and_then(|code| i32::try_from(code).ok()), "{command}: {said:?}");
        // Some end as their version likes; the code is theirs in any case.
        if !state.is_empty() {
            assert!(
                said.out.starts_with(&format!("{name}: {state}")) && said.out.contains(part),
                "{command}: {said:?}"
            );
        }
    }
    assert!(sandbox.say(&["check", "run", "disk"]).out.contains("/="), "performance data come along");
}

#[test]
fn check_snmp_judges_what_waits_for_delivery() {
    if fs::metadata("/usr/lib/nagios/plugins/check_snmp").is_err() {
        return println!("skipped: no check_snmp here");
    }
    let sandbox = Sandbox::with_spool();
    DeliveryStatus { waiting_records: Some(3), ..DeliveryStatus::default() }
        .write(&sandbox.path("state"))
        .unwrap();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let checks = [
        ("few", snmpd.port, "-w 5 -c 10", Some(0), "few: OK, value 0, SNMP OK - 3"),
        ("some", snmpd.port, "-w 2 -c 10", Some(1), "some: WARNING, value 1, SNMP WARNING - *3*"),
        ("many", snmpd.port, "-w 1 -c 2", Some(2), "many: CRITICAL, value 2, SNMP CRITICAL - *3*"),
        (
            "silent",
            nobody,
            "-w 1 -c 2 -t 2 -e 0",
            Some(3),
            "silent: UNKNOWN, value 3, External command error",
        ),
    ];
    let definition = |(name, port, words, ..): &(&str, u16, &str, Option<i32>, &str)| {
        format!(
            "[{name}]\nkind=plugin\ntimeout=60\ncommand=/usr/lib/nagios/plugins/check_snmp -H 127.0.0.1 -p {port} \
             -C public -P 2c -m \"\" -o {BASE}.2.1.0 {words}\n"
        )
    };
    let text: String = checks.iter().map(definition).collect();
    let file = sandbox.write("etc/checks.d/snmp.conf", &text);
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (name, _, _, code, begin) in &checks {
        let said = sandbox.say(&["check", "run", name]);
        assert!(said.code == *code && said.out.starts_with(begin), "{name}: {said:?}");
    }
    assert!(sandbox.say(&["check", "run", "few"]).out.contains("=3;5;10"), "performance data come along");
}
