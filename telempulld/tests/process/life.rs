//! How it starts, what bounds it has, what it keeps, and when it ends.

use crate::machine::{Machine, OWNER, SOAP, posting, request, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;
use telemetry_trust::{BootTime, Learning};

#[test]
fn without_consent_it_does_not_start_and_ends_when_consent_does() {
    let mut machine = Machine::new("");
    fs::remove_file(machine.path("etc/opt-in")).unwrap();
    let output = machine.command().output().unwrap();
    assert!(!output.status.success());
    assert!(!machine.path("state/identity").exists(), "nothing is made");
    fs::write(machine.path("etc/opt-in"), "").unwrap();
    machine.start();
    fs::remove_file(machine.path("etc/opt-in")).unwrap();
    wait_until("it ends", || machine.child.as_mut().unwrap().try_wait().unwrap().is_some());
    let off = Machine::new("");
    fs::write(off.path("telemetrics.conf"), format!("[settings]\netc_dir={}\n", off.path("etc").display()))
        .unwrap();
    let output = off.command().output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("pull_listen and pull_local are empty"),
        "{output:?}"
    );
}

#[test]
fn who_asks_too_often_waits_and_others_do_not() {
    let mut machine = Machine::new("pull_rate=1");
    machine.trust(&[("hasty", ""), ("calm", "")]);
    machine.start();
    let url = format!("https://127.0.0.1:{}/metrics?[1-20]", machine.port);
    let key = |ending: &str| machine.path(&format!("keys/hasty.{ending}")).display().to_string();
    let output = Command::new("curl")
        .args([
            "-s",
            "-k",
            "-g",
            "--noproxy",
            "*",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %header{retry-after}\n",
        ])
        .args(["--key", &key("key"), "--cert", &key("pem")])
        .args((1..=20).map(|number| url.replace("[1-20]", &number.to_string())))
        .output()
        .unwrap();
    let codes = String::from_utf8(output.stdout).unwrap();
    assert!(codes.contains("200") && codes.contains("429"), "{codes}");
    assert_eq!(machine.ask("calm", "/metrics", &[]).status, 200);
    let refused = machine.ask("hasty", "/metrics", &[]);
    assert!(refused.status == 200 || refused.head.contains("retry-after: 1"), "{refused:?}");
}

#[test]
fn who_stalls_in_the_handshake_or_in_headers_holds_nobody_up() {
    let mut machine = Machine::new("pull_local=127.0.0.1:LOCAL");
    machine.trust(&[("known", "")]);
    machine.start();
    let stalled: Vec<_> = (0..40).map(|_| TcpStream::connect(("127.0.0.1", machine.port)).unwrap()).collect();
    let mut slow = TcpStream::connect(("127.0.0.1", machine.local_port)).unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").unwrap();
    assert_eq!(machine.ask("known", "/metrics", &[]).status, 200);
    assert_eq!(machine.ask_here("/metrics", &[]).status, 200);
    drop(stalled);
    // Headers that are longer than any.
    let mut long = TcpStream::connect(("127.0.0.1", machine.local_port)).unwrap();
    let header = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let _ = long.write_all(header.as_bytes());
    let mut answer = String::new();
    let _ = long.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // The slow one is ended.
    slow.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
    assert!(matches!(slow.read(&mut [0; 16]), Ok(0)), "it is still there");
}

#[test]
fn the_first_in_a_window_is_trusted_and_nobody_after() {
    let mut machine = Machine::new("");
    machine.make_certificate("first");
    machine.make_certificate("second");
    machine.start();
    assert_eq!(machine.ask("first", "/metrics", &[]).status, 0);
    let learning = Learning::open(&machine.path("state"), "telempulld").unwrap();
    learning.open_window(&BootTime::now().unwrap(), Duration::from_secs(600)).unwrap();
    assert_eq!(machine.ask("first", "/metrics", &[]).status, 200);
    assert_eq!(machine.ask("second", "/metrics", &[]).status, 0);
    machine.stop();
    machine.start();
    assert_eq!(machine.ask("first", "/metrics", &[]).status, 200);
}

#[test]
fn the_window_of_an_hour_outlives_a_restart() {
    let mut machine = Machine::new(&format!("{SOAP}\nsample_interval=1\npull_local=127.0.0.1:LOCAL"));
    machine.start();
    let count = |machine: &Machine| {
        let body = machine.ask_here("/v1/environment?fields=windows", &[]).body;
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        json["windows"][1]["count"].as_u64().unwrap()
    };
    wait_until("it samples", || count(&machine) >= 3);
    let before = count(&machine);
    machine.stop();
    machine.start();
    assert!(count(&machine) >= before);
    machine.stop();
    // Of another boot it is nothing.
    let file = machine.path("run/telempulld.window");
    let mut saved: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    saved["boot_id"] = "another".into();
    fs::write(&file, saved.to_string()).unwrap();
    machine.start();
    assert!(count(&machine) < before);
    assert!(machine.ask_here("/", &posting(&request(OWNER))).body.contains("SystemCpuLoad"));
}

#[test]
fn with_a_socket_that_was_passed_it_ends_when_nobody_asks() {
    let machine = Machine::new("recycling_idle_time=1");
    machine.trust(&[("known", "")]);
    let log = fs::File::create(machine.path("log")).unwrap();
    let mut child = Command::new("systemd-socket-activate")
        .args(["-l", &format!("127.0.0.1:{}", machine.port), env!("CARGO_BIN_EXE_telempulld"), "-f"])
        .arg(machine.path("telemetrics.conf"))
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("systemd-socket-activate is installed (systemd)");
    wait_until("it answers", || machine.ask("known", "/metrics", &[]).status == 200);
    wait_until("it ends", || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success(), "{}", machine.log());
}

#[test]
fn what_would_be_answered_is_printed_before_anybody_agrees() {
    let machine = Machine::new(&format!("{SOAP}\nlimit_remote_data_set=1"));
    fs::remove_file(machine.path("etc/opt-in")).unwrap();
    let print = |who: &str| {
        let output = machine.command().args(["--print", who]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let owner: serde_json::Value = serde_json::from_str(&print("owner")).unwrap();
    assert!(owner["processes"].as_array().is_some_and(|list| !list.is_empty()));
    let central: serde_json::Value = serde_json::from_str(&print("central")).unwrap();
    assert!(central["operating_system"].is_string() && central.get("readings").is_none());
    assert!(print("read").ends_with("# EOF\n"));
    assert!(
        !machine.path("state/identity").exists() && fs::read_dir(machine.path("run")).unwrap().count() == 0
    );
}
