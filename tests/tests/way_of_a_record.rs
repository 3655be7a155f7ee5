//! The main job: programs in Rust, C and shell make records, and a person finds them at the collector.

use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use telemetry::{Client, Record};
use test_harness::{Collector, Process, Sandbox, programs, until};

struct System {
    sandbox: Sandbox,
    collector: Collector,
    telemprobd: Process,
    telempostd: Process,
}

impl System {
    fn start(api_path: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, api_path);
        let telemprobd = sandbox.start_telemprobd();
        let telempostd = sandbox.start("telempostd");
        Self { sandbox, collector, telemprobd, telempostd }
    }
}

fn of_class<'a>(records: &'a [Value], class: &str) -> &'a Value {
    records.iter().find(|record| record["classification"] == class).unwrap_or_else(|| panic!("{class}"))
}

/// `KEY=` of os-release, without quotes.
fn os_release(key: &str) -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
    let text = text.ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

fn dmi(file: &str, missing: &str) -> String {
    match fs::read_to_string(format!("/sys/class/dmi/id/{file}")) {
        Ok(text) if text.trim().is_empty() => "blank".to_owned(),
        Ok(text) => text.lines().next().unwrap_or_default().to_owned(),
        Err(_) => missing.to_owned(),
    }
}

fn uname(option: &str) -> String {
    let output = Command::new("uname").arg(option).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn records_of_three_languages_arrive_with_true_facts() {
    for api_path in ["/v2/collector", "/v3/collector", "/"] {
        let mut system = System::start(api_path);
        let sandbox = &system.sandbox;

        let output = sandbox.run("hprobe", &["-u"]);
        assert!(output.status.success(), "{output:?}");
        send_from_c(sandbox);
        send_from_shell(sandbox);
        let mut record = Record::new(4, "org.example/way/rust", 9).unwrap();
        record.set_payload("from Rust: ü\n").unwrap();
        Client::with_config_file(&sandbox.config()).unwrap().send(&record).unwrap();

        let records = system.collector.wait_for(4);
        let machine_id = fs::read_to_string(sandbox.path("state/machine_id")).unwrap();
        for record in &records {
            assert_eq!(record["machine_id"], machine_id.as_str());
            assert_eq!(record["arch"], uname("-m").as_str());
            assert_eq!(record["kernel_version"], uname("-r").as_str());
            assert_eq!(record["build"], os_release("VERSION_ID").unwrap_or("0".to_owned()).as_str());
            assert_eq!(record["record_format_version"], 4);
            let host_type = [("sys_vendor", "sv"), ("product_name", "pn"), ("product_version", "pvr")]
                .map(|(file, key)| dmi(file, &format!("no_{key}_file")))
                .join("|");
            assert_eq!(record["machine_type"], host_type.as_str());
            assert_eq!(record["bios_version"], dmi("bios_version", "no_bv_file").as_str());
        }
        let payload = |class| of_class(&records, class)["payload"].as_str().unwrap().to_owned();
        assert!(payload("org.clearlinux/hello/world").starts_with("hello\nuptime: "));
        assert_eq!(payload("org.clearlinux/hello/from_c"), "hello from C\n");
        assert_eq!(payload("org.example/way/shell"), "from the shell\n");
        assert_eq!(payload("org.example/way/rust"), "from Rust: ü\n");
        assert_eq!(of_class(&records, "org.example/way/rust")["severity"], 4);
        let event_id = of_class(&records, "org.example/way/shell")["event_id"].clone();
        assert_eq!(event_id, "0123456789abcdef0123456789abcdef");

        until("an empty spool", || sandbox.spooled().is_empty().then_some(()));
        let journal = Command::new(programs::path("telemctl"))
            .args(["--config", &sandbox.config_arg(), "journal", "-V"])
            .output()
            .unwrap();
        let journal = String::from_utf8(journal.stdout).unwrap();
        assert!(
            journal.starts_with("Classification ") && journal.ends_with("Total records: 4\n"),
            "{journal}"
        );
        system.telemprobd.stop();
        system.telempostd.stop();
    }
}

/// With `pkg-config`'s flags the demo does the same; here the library of this build is named.
fn send_from_c(sandbox: &Sandbox) {
    let library = programs::folder().join("clib");
    assert!(library.exists(), "{} is not there; run `make build-debug` first", library.display());
    let source = programs::source_root();
    let program = sandbox.path("send_hello");
    let status = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source.join("tests/c/send_hello.c"))
        .arg(format!("-I{}", source.join("libtelemetry/include").display()))
        .arg(format!("-L{}", library.display()))
        .arg("-ltelemetry")
        .status()
        .unwrap();
    assert!(status.success());
    let output =
        Command::new(program).arg(sandbox.config()).env("LD_LIBRARY_PATH", library).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn send_from_shell(sandbox: &Sandbox) {
    let script = "echo from the shell | \"$0\" -f \"$1\" -c org.example/way/shell -s 2 -e 0123456789abcdef0123456789abcdef";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(programs::path("telem-record-gen"))
        .arg(sandbox.config())
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn the_page_shows_what_arrived() {
    let system = System::start("/v2/collector");
    assert!(system.sandbox.run("hprobe", &["-H"]).status.success());
    system.collector.wait_for(1);
    // The first page sums up; the list of records begins without heartbeats.
    let page = ureq::get(format!("{}/telemetryui/records?heartbeats=yes", system.collector.url))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let text = page.replace("&#x2f;", "/");
    assert!(text.contains("org.clearlinux/heartbeat/ping"), "{page}");
}

#[test]
fn what_waits_while_the_server_is_away_arrives_when_it_is_back() {
    let mut sandbox = Sandbox::new();
    let _telemprobd = sandbox.start_telemprobd();
    let telempostd = sandbox.start("telempostd");
    for _ in 0..5 {
        assert!(sandbox.run("hprobe", &[]).status.success());
    }
    let status = || -> Value {
        let output = Command::new(programs::path("telemctl"))
            .args(["--config", &sandbox.config_arg(), "status", "--json"])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let shown = until("a failed delivery in the status", || {
        Some(status()).filter(|status| status.to_string().contains("127.0.0.1:1"))
    });
    assert!(shown.to_string().contains("last_error"), "{shown}");
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    telempostd.signal(nix::sys::signal::Signal::SIGHUP);
    let mut telempostd = telempostd;
    // hprobe named the sandbox's configuration, whose server these records go to, wherever it is now.
    assert_eq!(collector.wait_for(5).len(), 5);
    telempostd.stop();
}
