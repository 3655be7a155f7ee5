//! Machines that are asked: real ones, wrong ones, and a thousand while the collector is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE, refusal};
use crate::machines::Machines;
use crate::telempulld::{Home, LONG, MEMBER, Telempulld, fault, pulled, within};

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().copied().map(crate::sample::owned).collect()
}

#[test]
fn real_machines_are_asked_by_json_and_by_soap() {
    let (machine, home) = (Telempulld::start(), Home::new());
    let soap = format!("kind=soap\nclient={MEMBER}\nserver={MEMBER}/node-1");
    let other = soap.replace("server=fdev/GOV/1710128-9/node-1", "server=fdev/GOV/1710128-9/node-2");
    let wrong = machine.section("wrong", "").replace(&machine.fingerprint().to_string(), &"ab".repeat(32));
    let sections = [
        machine.section("json", "group=rack\nid=0123456789abcdef0123456789abcdef"),
        machine.section("named", &format!("server={MEMBER}/node-1")),
        machine.section("misnamed", &format!("server={MEMBER}/node-2")),
        machine.section("soap", &soap),
        machine.section("othernode", &other),
        wrong,
    ];
    home.configure(&sections.concat());
    let collector = home.start();
    // Nobody is trusted before somebody says so.
    within(LONG, "it is refused", || {
        fault(&pulled(&collector), "json").contains("refuses this collector's certificate")
    });
    let remedy = format!("telemctl pull trust {} role=pull", home.fingerprint());
    within(LONG, "it is refused by SOAP", || fault(&pulled(&collector), "soap").contains(&remedy));
    machine.trust(&format!("{} role=pull client={MEMBER}", home.fingerprint()));
    let answers = |name: &str| pulled(&collector)[name]["state"] == "answers";
    for name in ["json", "named", "soap"] {
        within(LONG, name, || answers(name));
    }
    let rows = pulled(&collector);
    assert_eq!(rows["json"]["machine"], "0123456789abcdef0123456789abcdef");
    assert_eq!((rows["json"]["group"].as_str(), rows["json"]["kind"].as_str()), (Some("rack"), Some("json")));
    for name in ["json", "soap"] {
        assert_eq!(rows[name]["server"], format!("{MEMBER}/node-1"), "{:?}", rows[name]);
        assert!(rows[name]["client_version"].as_str().is_some_and(|version| version.contains('.')));
    }
    let says = |name: &str, part: &str| fault(&pulled(&collector), name).contains(part);
    within(LONG, "another certificate", || says("wrong", "which is not the trusted one"));
    within(LONG, "another server by JSON", || {
        says("misnamed", "another machine answers: fdev/GOV/1710128-9/node-1")
    });
    within(LONG, "another server by SOAP", || says("othernode", "invalid_security_server"));
    let csv = collector.get("/telemetryui/collector?format=csv").body;
    assert!(csv.starts_with("name,state,machine,") && csv.contains("\r\nsoap,answers,soap,"), "{csv}");
    let html = collector.get("/telemetryui/collector").body;
    assert!(
        html.contains("Machines that are asked") && html.contains(&home.fingerprint().to_string()),
        "{html}"
    );
    assert_eq!(collector.get("/telemetryui/collector?after=x").status, 400);
}

#[test]
fn what_one_machine_does_wrong_is_its_fault_alone() {
    let (machines, home) = (Machines::start(true, 2), Home::new());
    let natures = ["huge", "large", "slow", "cut", "broken", "page", "other", "hang", "no"];
    let section = |name: &str, lines: &str| {
        let Machines { address, fingerprint, .. } = &machines;
        format!(
            "[pull {name}]\nurl=https://{address}/{name}\nfingerprint={fingerprint}\ninterval=10\n{lines}\n"
        )
    };
    let mut text: String = (0..40).map(|number| section(&format!("good{number}"), "")).collect();
    for nature in natures {
        text += &section(nature, if nature == "other" { "server=LAB/ORG/1/good" } else { "" });
    }
    text += &format!(
        "[pull hang{{100..399}}]\nurl=https://{}/hang{{}}\nfingerprint={}\ninterval=10\n",
        machines.address, machines.fingerprint
    );
    text += "[pull nobody]\nurl=http://127.0.0.1:1\ninterval=10\n";
    home.configure(&text);
    let collector = home.start();
    within(LONG, "all that answer do", || {
        let rows = pulled(&collector);
        (0..40).all(|number| rows[&format!("good{number}")]["state"] == "answers")
    });
    for (name, expected) in [
        ("huge", "its answer is larger than 32768 KiB"),
        ("large", "its answer is larger than 32768 KiB"),
        ("slow", "no whole answer in 10 seconds"),
        ("cut", "its answer is cut"),
        ("broken", "the answer is not of its form"),
        ("page", "its answer is of type \"text/html\", and not application/json"),
        ("other", "another machine answers: LAB/ORG/1/stranger"),
        ("hang", "no whole answer in 10 seconds"),
        ("no", "this collector may not ask"),
        ("nobody", "cannot connect to 127.0.0.1:1"),
    ] {
        within(LONG, name, || !fault(&pulled(&collector), name).is_empty());
        let row = &pulled(&collector)[name];
        assert!(row["fault"].as_str().unwrap().contains(expected), "{name}: {row}");
        assert_eq!(row["state"], "fails", "{name}: {row}");
    }
    // Those that answer go on, whatever the others do.
    let before = machines.asked("good7");
    within(LONG, "it is asked further", || machines.asked("good7") >= before + 2);
    let rows = pulled(&collector);
    assert!((0..40).all(|number| rows[&format!("good{number}")]["fault"].is_null()), "{rows:?}");
    assert!(collector.peak_kib() < 300 * 1024, "{} KiB", collector.peak_kib());
}

/// When machines were answered last as the page says it, in Unix seconds.
fn confirmed(collector: &Collector) -> BTreeMap<String, i64> {
    let when = |row: &Value| {
        let text = row["answered"].as_str()?.replace(" UTC", "Z").replace(' ', "T");
        Some(text.parse::<jiff::Timestamp>().unwrap().as_second())
    };
    pulled(collector).iter().filter_map(|(name, row)| Some((name.clone(), when(row)?))).collect()
}

#[test]
fn a_collector_that_is_killed_has_every_answer_that_it_confirmed() {
    let home = Home::new();
    let database = home.path("t.db");
    kill_while_a_thousand_are_asked(&home, database.to_str().unwrap(), 8, || {
        let connection = rusqlite::Connection::open(&database).unwrap();
        let mut statement = connection.prepare(RECEIVED).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    });
}

#[test]
fn the_same_on_postgresql() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    // Fewer rounds: what differs is the database alone.
    kill_while_a_thousand_are_asked(&Home::new(), &cluster.url(&name), 3, || {
        let rows = cluster.sql(&name, RECEIVED);
        let row = |line: &str| {
            let (name, at) = line.split_once('|').unwrap();
            (name.to_owned(), at.parse().unwrap())
        };
        rows.lines().map(row).collect()
    });
}

/// When samples of each machine were received, by the database alone.
const RECEIVED: &str = "SELECT name, received FROM sample JOIN state_machine ON state_machine.id = sample.machine WHERE kind = 1";

fn kill_while_a_thousand_are_asked(
    home: &Home,
    database: &str,
    rounds: u32,
    received: impl Fn() -> Vec<(String, i64)>,
) {
    let machines = Machines::start(false, 2);
    let address = machines.address;
    home.configure(&format!("[pull good{{0..999}}]\nurl=http://{address}/good{{}}\ninterval=10\n"));
    let config = home.path("collector.conf");
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    let mut all: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for round in 0..rounds {
        let collector = Collector::start(&["--config", config.to_str().unwrap(), "--database", database]);
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        // Pages are read all the while, and the last one is before the kill.
        let (begun, mut fresh) = (Instant::now(), 0);
        while fresh < 60 + dice % 200 {
            assert!(begun.elapsed() < LONG, "round {round}: {fresh} answers are confirmed");
            for (name, at) in confirmed(&collector) {
                fresh += u64::from(all.entry(name).or_default().insert(at));
            }
        }
        // Dropped, it is killed.
        drop(collector);
        let mut stored: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (name, at) in received() {
            stored.entry(name).or_default().insert(at);
        }
        for (name, times) in &all {
            let there = &stored[name];
            let missing: Vec<_> = times.iter().filter(|at| !there.contains(at)).collect();
            assert!(missing.is_empty(), "round {round}: {name}: {missing:?} of {there:?}");
        }
    }
    assert!(all.len() > 100, "many of a thousand machines were asked: {}", all.len());
}

fn params(code: &str) -> String {
    format!(
        "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:i=\"http://x-road.eu/xsd/identifiers\">\n<monitoringClient>\n\
         <monitoringClientId i:objectType=\"SUBSYSTEM\"><i:xRoadInstance>fdev</i:xRoadInstance>\
         <i:memberClass>GOV</i:memberClass><i:memberCode>{code}</i:memberCode><i:subsystemCode>MON</i:subsystemCode>\
         </monitoringClientId></monitoringClient></x:conf>"
    )
}

#[test]
fn monitoring_params_reach_the_machines_that_allow_it() {
    let (allows, refuses, home) = (Telempulld::start(), Telempulld::start(), Home::new());
    home.configure(&[allows.section("allows", ""), refuses.section("refuses", "")].concat());
    let collector = home.start();
    allows.trust(&format!("{} role=pull role=administrate", home.fingerprint()));
    refuses.trust(&format!("{} role=pull", home.fingerprint()));
    let page = "/telemetryui/monitoring-params?format=json";
    let state = || collector.get(page).json();
    assert_eq!((state()["xml"].clone(), state()["machines"].as_u64()), (Value::Null, Some(2)));
    let xml = owned(&[("Content-Type", "application/xml")]);
    let broken = params("1").replace("<i:memberCode>1</i:memberCode>", "");
    let answer = collector.post(page, &xml, &broken);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.message().starts_with("line 3: monitoringClientId: memberCode is missing"), "{answer:?}");
    let form = owned(&[("Content-Type", "application/x-www-form-urlencoded")]);
    let answer = collector.post("/telemetryui/monitoring-params", &form, "xml=%3Cconf%2F%3E");
    assert!(answer.status == 400 && answer.body.contains("cannot be taken"), "{answer:?}");
    let foreign = owned(&[("Content-Type", "application/xml"), ("Origin", "https://elsewhere.example")]);
    assert_eq!(collector.post(page, &foreign, params("1")).status, 403);
    let answer = collector.post(page, &xml, params("1"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["client"], "SUBSYSTEM:fdev/GOV/1/MON");
    let kept = allows.home.path("state/telempulld/monitoring-params.xml");
    within(LONG, "the machine has it", || fs::read_to_string(&kept).is_ok_and(|text| text == params("1")));
    within(LONG, "both have answered", || state()["taken"] == 1 && state()["not_taken"] == 1);
    let reason = state()["refusals"][0]["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("role=administrate") && reason.contains(&home.fingerprint().to_string()),
        "{reason}"
    );
    // By the command, while the collector runs.
    let command = |text: &str| {
        let file = home.path("params.xml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
        command.arg("monitoring-params").arg(&file).arg("--database").arg(home.path("t.db"));
        command.output().unwrap()
    };
    let output = command(&broken);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("params.xml: line 3: monitoringClientId: memberCode"),
        "{said}"
    );
    let output = command(&params("2"));
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("the central client is SUBSYSTEM:fdev/GOV/2/MON")
    );
    within(LONG, "the machine has the next one", || {
        fs::read_to_string(&kept).is_ok_and(|text| text == params("2"))
    });
    let changes = state()["changes"].as_array().unwrap().len();
    assert_eq!(changes, 2);
    assert!(!refuses.home.path("state/telempulld/monitoring-params.xml").exists());
}

#[test]
fn a_changed_configuration_is_taken_and_a_broken_one_is_not() {
    let (machines, home) = (Machines::start(false, 1), Home::new());
    let section =
        |name: &str| format!("[pull {name}]\nurl=http://{}/{name}\ninterval=10\n", machines.address);
    home.configure(&(section("good1") + "urrl=x\n"));
    let args = home.args();
    let line = refusal(&[&["--listen", "127.0.0.1:0"], &args.each_ref().map(String::as_str)[..]].concat());
    assert!(
        line.contains("collector.conf: line 4: urrl: [pull] has no such key; did you mean url?"),
        "{line}"
    );
    home.configure(&section("good1"));
    let collector = home.start();
    within(LONG, "it answers", || pulled(&collector)["good1"]["state"] == "answers");
    home.configure(&(section("good2") + &section("good3")));
    collector.signal(Signal::SIGHUP);
    within(LONG, "others are asked", || {
        let rows = pulled(&collector);
        rows.len() == 2 && rows.values().all(|row| row["state"] == "answers")
    });
    home.configure(&(section("good2") + "[pull x]\nurl=http://elsewhere\n"));
    collector.signal(Signal::SIGHUP);
    let fault =
        || collector.get("/telemetryui/collector?format=json").json()["pull"]["configuration_fault"].clone();
    within(DEADLINE, "the fault is on the page", || fault().is_string());
    let said = fault();
    assert!(
        said.as_str()
            .unwrap()
            .contains("line 5: url=\"http://elsewhere\": http:// is for this machine alone"),
        "{said}"
    );
    let before = machines.asked("good3");
    within(LONG, "it is asked further", || machines.asked("good3") > before);
    collector.stop();
}
