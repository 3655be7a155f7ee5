//! What clients of X-Road in the field make of an answer by SOAP: zeep, by a WSDL that was written from the description, and the
//! script that feeds Zabbix. The values are this machine's.
// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Output};
use system_tests::asked::Asked;
use system_tests::python;
use test_harness::{Process, programs};

const OWNER: &str = "LAB/ORG/4711-0";
const SERVER: &str = "node-17.lab.example";

/// A file beside the scripts.
fn file(name: &str) -> String {
    programs::source_root().join("tests/soap").join(name).display().to_string()
}

/// What a script printed.
fn said(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn asked() -> (Asked, Process) {
    let asked = Asked::new(&[("member", OWNER), ("server_code", SERVER), ("pull_rate", "0")]);
    let daemon = asked.start();
    (asked, daemon)
}

/// What zeep gets of this machine, as who shows the certificate of this name; without a name, of the local interface.
fn zeep(asked: &Asked, name: &str, client: &str, fields: Option<&[&str]>) -> Option<Value> {
    let url = if name.is_empty() {
        format!("http://127.0.0.1:{}/", asked.local_port)
    } else {
        format!("https://127.0.0.1:{}/", asked.port)
    };
    let mut wish = json!({"url": url, "client": client, "owner": OWNER, "server": SERVER});
    if !name.is_empty() {
        wish["cert"] = asked.key_file(name, "pem").display().to_string().into();
        wish["key"] = asked.key_file(name, "key").display().to_string().into();
        wish["ca"] = asked.server_certificate().display().to_string().into();
    }
    if let Some(fields) = fields {
        wish["fields"] = json!(fields);
    }
    Some(said(&python::run(&[&file("zeep_client.py"), &file("metrics.wsdl"), &wish.to_string()], "")?))
}

/// The metrics of a set: kind, name, and what it holds.
fn metrics(set: &Value) -> Vec<(&str, &str, &Value)> {
    let children = set["_value_1"].as_array().unwrap().iter().map(|child| child.as_object().unwrap());
    let metric = |child: &'_ serde_json::Map<String, Value>| -> Option<_> { child.keys().next().cloned() };
    let mut found = Vec::new();
    for child in children {
        let kind = metric(child).unwrap();
        let (kind, value) = child.get_key_value(&kind).unwrap();
        found.push((kind.as_str(), value["name"][1].as_str().unwrap(), value));
    }
    found
}

/// The metric of this kind and name.
fn metric<'a>(set: &'a Value, kind: &str, name: &str) -> &'a Value {
    let found =
        metrics(set).into_iter().find(|(its_kind, its_name, _)| (*its_kind, *its_name) == (kind, name));
    found.unwrap_or_else(|| panic!("no {kind} {name} in {set}")).2
}

/// The value of a metric, which has this type in Python.
fn typed<'a>(metric: &'a Value, field: &str, kind: &str) -> &'a str {
    assert_eq!(metric[field][0], kind, "{field} of {metric}");
    metric[field][1].as_str().unwrap()
}

fn number(set: &Value, name: &str) -> f64 {
    typed(metric(set, "numericMetric", name), "value", "Decimal").parse().unwrap()
}

/// A value of `/proc/meminfo`, in bytes.
fn meminfo(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

/// Size, and what is free with what is root's alone, of the file system at `/`, as stat(1) says.
fn root_bytes() -> [f64; 2] {
    let output = Command::new("stat").args(["-f", "-c", "%S %b %f", "/"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let [block, all, free] =
        <[f64; 3]>::try_from(text.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<_>>())
            .unwrap();
    [all * block, free * block]
}

/// Installed packages as dpkg says; none where it is not used.
fn dpkg_packages() -> Option<Vec<(String, String)>> {
    let format = "${db:Status-Status} ${Package} ${Version}\n";
    let output = Command::new("dpkg-query").args(["-W", "-f", format]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let installed = text.lines().filter_map(|line| line.strip_prefix("installed ")?.split_once(' '));
    let mut packages: Vec<_> =
        installed.map(|(name, version)| (name.to_owned(), version.to_owned())).collect();
    packages.sort();
    packages.dedup();
    Some(packages)
}

#[test]
fn zeep_gets_typed_values_of_this_machine_here_and_by_mutual_tls() {
    let (asked, daemon) = asked();
    let owner = asked.make_certificate("owner");
    let trusted = asked.sandbox.say(&["pull", "trust", &owner, &format!("client={OWNER}")]);
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    for name in ["", "owner"] {
        let Some(answer) = zeep(&asked, name, OWNER, None) else { return };
        check_headers(&answer);
        let server = &answer["metrics"]["metricSet"];
        assert_eq!(server["name"][1], format!("SERVER:{OWNER}/{SERVER}"));
        let [(_, first, version), (_, second, system)] = <[_; 2]>::try_from(metrics(server)).unwrap();
        assert_eq!((first, second), ("proxyVersion", "systemMetrics"));
        assert_eq!(typed(version, "value", "str"), env!("CARGO_PKG_VERSION"));
        check_values(system);
        check_lists(system, daemon.pid());
        let expected = ["TotalPhysicalMemory", "FreeSwapSpace"];
        let answer = zeep(&asked, name, OWNER, Some(&expected)).unwrap();
        let system = metric(&answer["metrics"]["metricSet"], "metricSet", "systemMetrics");
        assert_eq!(metrics(system).iter().map(|(_, name, _)| *name).collect::<Vec<_>>(), expected);
        let nothing = zeep(&asked, name, OWNER, Some(&["none"])).unwrap();
        assert_eq!(metrics(&nothing["metrics"]["metricSet"]).len(), 1);
    }
}

/// All came back as they were sent, and the hash is that of what was posted.
fn check_headers(answer: &Value) {
    let header = &answer["header"];
    for (field, part, expected) in [
        ("client", "memberCode", "4711-0"),
        ("client", "objectType", "MEMBER"),
        ("service", "serviceCode", "getSecurityServerMetrics"),
        ("securityServer", "serverCode", SERVER),
    ] {
        assert_eq!(header[field][part], json!(["str", expected]));
    }
    assert_eq!((&header["id"][1], &header["userId"][1]), (&json!("5d0c2f6e"), &json!("EE<1>&")));
    assert_eq!(header["requestHash"]["_value_1"], json!(["bytes", answer["hash"]]));
}

fn check_values(system: &Value) {
    let [all, free] = root_bytes();
    assert_eq!(number(system, "DiskSpaceTotal_/"), all);
    // Others write meanwhile.
    assert!((number(system, "DiskSpaceFree_/") - free).abs() < all / 50.0);
    assert_eq!(number(system, "TotalPhysicalMemory"), meminfo("MemTotal"));
    assert_eq!(number(system, "TotalSwapSpace"), meminfo("SwapTotal"));
    let version = fs::read_to_string("/proc/version").unwrap();
    assert_eq!(
        typed(metric(system, "stringMetric", "OperatingSystem"), "value", "str"),
        version.lines().next().unwrap()
    );
    for name in [
        "CommittedVirtualMemory",
        "FreePhysicalMemory",
        "FreeSwapSpace",
        "OpenFileDescriptorCount",
        "SystemCpuLoad",
    ] {
        let histogram = metric(system, "histogramMetric", name);
        assert!(typed(histogram, "updated", "datetime").ends_with("+00:00"));
        let [min, max, mean, median] = ["min", "max", "mean", "median"]
            .map(|field| typed(histogram, field, "Decimal").parse::<f64>().unwrap());
        assert!(min <= median && median <= max && min <= mean && mean <= max, "{histogram}");
        typed(histogram, "stddev", "Decimal");
    }
}

/// telempulld is among the processes, with its arguments where those are meant; packages are dpkg's.
fn check_lists(system: &Value, pid: u32) {
    for (name, command) in [("Processes", "telempulld"), ("Xroad Processes", "/telempulld -f /")] {
        let process = metric(metric(system, "metricSet", name), "metricSet", &pid.to_string());
        assert_eq!(number(process, "processId"), f64::from(pid));
        let found = typed(metric(process, "stringMetric", "command"), "value", "str");
        assert!(found.contains(command) && (name != "Processes" || found == command), "{process}");
        for value in ["cpuLoad", "memUsed"] {
            assert!(number(process, value) >= 0.0);
        }
    }
    let Some(packages) = dpkg_packages() else { return };
    let found: Vec<_> = metrics(metric(system, "metricSet", "Packages"))
        .into_iter()
        .map(|(kind, name, package)| {
            let kind = if kind == "numericMetric" { "Decimal" } else { "str" };
            (name.to_owned(), typed(package, "value", kind).to_owned())
        })
        .collect();
    assert_eq!(found, packages);
}

#[test]
fn zeep_reads_faults() {
    let (asked, _daemon) = asked();
    let third = asked.make_certificate("third");
    let trusted = asked.sandbox.say(&["pull", "trust", &third, "client=LAB/ORG/9/MON"]);
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    for (name, client) in [("", "LAB/ORG/9"), ("third", "LAB/ORG/9/MON"), ("third", OWNER)] {
        let Some(answer) = zeep(&asked, name, client, None) else { return };
        let [code, text, detail] =
            <[&Value; 3]>::try_from(answer["fault"].as_array().unwrap().iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(code, "server.serverproxy.access_denied", "{name} {client}");
        assert_eq!(text, &format!("Request is not allowed: SERVICE:{OWNER}/getSecurityServerMetrics"));
        assert_eq!((detail.as_str().unwrap().len(), &answer["status"]), (36, &json!(200)));
    }
}

#[test]
fn the_script_that_feeds_zabbix_finds_all_that_it_sends_on() {
    let (asked, _daemon) = asked();
    let request = request();
    let url = format!("http://127.0.0.1:{}/", asked.local_port);
    let script = file("zabbix_reader.py");
    let Some(output) = python::run(&[&script, &url], &request) else { return };
    let found = said(&output);
    assert_eq!(found["proxyVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(found["TotalPhysicalMemory"], meminfo("MemTotal"));
    assert_eq!(found["DiskSpaceTotal_/"], root_bytes()[0]);
    assert!(found["MaxFileDescriptorCount"].as_f64().unwrap() >= 64.0);
    assert_eq!(found["SystemCpuLoad"].as_object().unwrap().len(), 6);
    // A version that looks like a number is none that it reads.
    if let Some(packages) = dpkg_packages() {
        let is_number = |text: &str| text.parse::<f64>().is_ok() && !text.contains(['e', 'E']);
        let read = found["Packages"].as_object().unwrap();
        for (name, version) in packages.iter().filter(|(_, version)| !is_number(version)) {
            assert!(read.contains_key(name), "{name} {version}");
        }
    }
    // It fails on errors of HTTP; a fault is none.
    let other = request.replace("4711-0</i:memberCode></x:client>", "9</i:memberCode></x:client>");
    let output = python::run(&[&script, &url], &other).unwrap();
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("HTTPError"), "{output:?}");
}

/// A request with the prefix that the script looks for.
fn request() -> String {
    let member = "<i:xRoadInstance>LAB</i:xRoadInstance><i:memberClass>ORG</i:memberClass><i:memberCode>4711-0</i:memberCode>";
    format!(
        "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:i=\"http://x-road.eu/xsd/identifiers\" xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" \
         xmlns:m=\"http://x-road.eu/xsd/monitoring\"><SOAP-ENV:Header><x:client i:objectType=\"MEMBER\">{member}</x:client>\
         <x:service i:objectType=\"SERVICE\">{member}<i:serviceCode>getSecurityServerMetrics</i:serviceCode></x:service>\
         <x:securityServer i:objectType=\"SERVER\">{member}<i:serverCode>{SERVER}</i:serverCode></x:securityServer>\
         <x:id>1</x:id><x:protocolVersion>4.0</x:protocolVersion></SOAP-ENV:Header>\
         <SOAP-ENV:Body><m:getSecurityServerMetrics/></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )
}
