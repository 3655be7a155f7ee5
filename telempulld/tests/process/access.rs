//! Who gets what, on both listeners.

use crate::machine::{Machine, OWNER, SOAP, mode, posting, request};
use std::fs;

const CALLERS: [(&str, &str); 9] = [
    ("owner", "client=fdev/GOV/1710128-9"),
    ("central", "client=fdev/GOV/2/MON"),
    ("pull", "role=pull"),
    ("plain", ""),
    ("read", "role=read"),
    ("admin", "role=administrate"),
    ("third", "client=fdev/GOV/3"),
    ("subsystem", "client=fdev/GOV/1710128-9/S"),
    ("both", "role=read client=fdev/GOV/3"),
];

/// What somebody gets: a word for SOAP, for JSON, and the status of /metrics.
fn row(machine: &Machine, name: &str, client: &str) -> [String; 3] {
    let soap = machine.ask(name, "/", &posting(&request(client)));
    let soap = match () {
        () if soap.body.contains("access_denied") => "denied",
        () if soap.body.contains("<m:name>Packages</m:name>") || soap.body.contains("SystemCpuLoad") => "all",
        () if soap.body.contains("<m:name>OperatingSystem</m:name>") => "limited",
        () => panic!("{soap:?}"),
    };
    let environment = machine.ask(name, "/v1/environment", &[]);
    let environment = match environment.status {
        200 if environment.body.contains("\"readings\"") => "all".to_owned(),
        200 if environment.body.contains("\"operating_system\"")
            && environment.body.contains("\"certificates\"") =>
        {
            "limited".to_owned()
        }
        status => status.to_string(),
    };
    [soap.to_owned(), environment, machine.ask(name, "/metrics", &[]).status.to_string()]
}

#[test]
fn every_cell_of_the_table_by_the_network() {
    let mut machine = Machine::new(&format!("{SOAP}\npull_rate=0\nmonitoring_params=ROOT/params.xml"));
    machine.trust(&CALLERS);
    fs::write(machine.path("params.xml"), Machine::params("2")).unwrap();
    machine.start();
    let clients = [
        OWNER,
        "fdev/GOV/2/MON",
        OWNER,
        OWNER,
        OWNER,
        OWNER,
        "fdev/GOV/3",
        "fdev/GOV/1710128-9/S",
        "fdev/GOV/3",
    ];
    let plain = [
        ["all", "all", "200"],
        ["all", "all", "200"],
        ["denied", "all", "200"],
        ["denied", "all", "200"],
        ["denied", "403", "200"],
        ["denied", "403", "403"],
        ["denied", "403", "403"],
        ["denied", "403", "403"],
        ["denied", "403", "200"],
    ];
    for (((name, words), client), expected) in CALLERS.iter().zip(clients).zip(plain) {
        assert_eq!(row(&machine, name, client), expected, "{words}");
    }
    // Whoever says that he is another is nobody.
    assert_eq!(row(&machine, "central", OWNER)[0], "denied");
    assert_eq!(row(&machine, "third", "fdev/GOV/2/MON")[0], "denied");
    for (name, expected) in [("admin", 404), ("pull", 403), ("owner", 403), ("read", 403)] {
        assert_eq!(
            machine.ask(name, "/v1/monitoring-params", &["-X", "PUT"]).status,
            if name == "admin" { 409 } else { expected }
        );
    }
    machine.configure(&format!(
        "{SOAP}\npull_rate=0\nmonitoring_params=ROOT/params.xml\nlimit_remote_data_set=true"
    ));
    machine.signal("HUP");
    crate::machine::wait_until("it reloads", || machine.log().contains("is read again"));
    let limited = [
        ["all", "all", "200"],
        ["limited", "limited", "403"],
        ["denied", "limited", "403"],
        ["denied", "limited", "403"],
        ["denied", "403", "200"],
    ];
    for (((name, words), client), expected) in CALLERS.iter().zip(clients).zip(limited) {
        assert_eq!(row(&machine, name, client), expected, "{words}, limited");
    }
}

#[test]
fn strangers_end_in_the_handshake_and_a_password_is_as_good_as_role_pull() {
    let mut machine = Machine::new("");
    machine.trust(&[("known", ""), ("server", "server=example.org:443")]);
    let stranger = machine.make_certificate("stranger");
    machine.start();
    for name in ["stranger", "", "server"] {
        assert_eq!(machine.ask(name, "/metrics", &[]).status, 0, "{name}");
    }
    assert_eq!(machine.log().matches(&stranger).count(), 1, "{}", machine.log());
    machine.ask("stranger", "/metrics", &[]);
    assert_eq!(machine.log().matches(&stranger).count(), 1, "once");
    // A line that is taken away counts at once; a broken file changes nothing.
    let list = machine.path("etc/telempulld/trusted_certificates.cfg");
    let lines = fs::read_to_string(&list).unwrap();
    fs::write(&list, "broken\n").unwrap();
    assert_eq!(machine.ask("known", "/metrics", &[]).status, 200);
    fs::write(&list, "").unwrap();
    assert_eq!(machine.ask("known", "/metrics", &[]).status, 0);
    fs::write(&list, lines).unwrap();
    assert_eq!(machine.ask("known", "/metrics", &[]).status, 200);
    machine.stop();
    // $2y$04$ of `right`, as htpasswd -B -C 4 writes it.
    fs::write(machine.path("users"), format!("ann:{}\n", bcrypt::hash("right", 4).unwrap())).unwrap();
    machine.configure("pull_password_file=ROOT/users");
    machine.start();
    let without = machine.ask("", "/metrics", &[]);
    assert!(without.status == 401 && without.head.contains("www-authenticate: Basic"), "{without:?}");
    assert_eq!(machine.ask("", "/metrics", &["-u", "ann:wrong"]).status, 401);
    assert_eq!(machine.ask("", "/", &posting(&request(OWNER))).status, 401);
    for path in ["/metrics", "/v1/environment"] {
        assert_eq!(machine.ask("", path, &["-u", "ann:right"]).status, 200);
    }
    let request = request(OWNER);
    let words = [&posting(&request)[..], &["-u", "ann:right"]].concat();
    assert!(machine.ask("", "/", &words).body.contains("unknown_service"));
    assert_eq!(machine.ask("stranger", "/metrics", &["-u", "ann:right"]).status, 0);
}

#[test]
fn this_machine_gets_all_and_its_header_is_believed() {
    let mut machine = Machine::new(&format!(
        "{SOAP}\npull_local=127.0.0.1:LOCAL\nlimit_remote_data_set=1\nmonitoring_params=ROOT/params.xml"
    ));
    fs::write(machine.path("params.xml"), Machine::params("2")).unwrap();
    machine.start();
    for path in ["/metrics", "/v1/environment"] {
        let got = machine.ask_here(path, &[]);
        assert!(got.status == 200 && got.body.contains("system_uptime_seconds"), "{got:?}");
    }
    for (client, part) in [
        (OWNER, "SystemCpuLoad"),
        ("fdev/GOV/2/MON", "SystemCpuLoad"),
        ("fdev/GOV/2", "access_denied"),
        ("fdev/GOV/3", "access_denied"),
    ] {
        assert!(machine.ask_here("/", &posting(&request(client))).body.contains(part), "{client}");
    }
    assert_eq!(machine.ask_here("/v1/monitoring-params", &[]).status, 403);
    for (host, status) in
        [("evil.example.org", 403), ("localhost:1", 200), ("[::1]", 200), ("127.0.0.1.evil.org", 403)]
    {
        assert_eq!(machine.ask_here("/metrics", &["-H", &format!("Host: {host}")]).status, status, "{host}");
    }
    for (path, words, status) in [
        ("/", &[][..], 405),
        ("/metrics", &["-X", "POST"], 405),
        ("/v1/environment", &["-X", "DELETE"], 405),
        ("/none", &[], 404),
        ("/../etc/passwd", &["--path-as-is"], 404),
    ] {
        assert_eq!(machine.ask_here(path, words).status, status, "{path}");
    }
    fs::write(machine.path("etc/telempulld/local_password"), "se:cret\n").unwrap();
    assert_eq!(machine.ask_here("/metrics", &[]).status, 401);
    assert_eq!(machine.ask_here("/metrics", &["-u", "any:wrong"]).status, 401);
    assert_eq!(machine.ask_here("/metrics", &["-u", "any:se:cret"]).status, 200);
}

#[test]
fn a_socket_is_for_owner_and_group() {
    let mut machine = Machine::new("pull_local=ROOT/run/pull");
    machine.start();
    let socket = machine.path("run/pull");
    assert_eq!(mode(&socket), 0o660);
    let got = machine.ask_socket(&socket, "/metrics", &[]);
    assert_eq!(got.status, 200);
    assert!(
        got.head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{got:?}"
    );
    assert!(got.body.ends_with("# EOF\n"), "{got:?}");
    assert_eq!(machine.ask_socket(&socket, "/metrics", &["-H", "Host: evil.example.org"]).status, 403);
    let got = machine.ask_socket(&socket, "/v1/environment?fields=packages,processes", &[]);
    assert!(
        got.body.contains("\"command\":\"telempulld\"") && !got.body.contains("telemetrics.conf"),
        "{got:?}"
    );
    // One that was killed leaves its socket; the next takes its place.
    machine.signal("KILL");
    machine.child.take().unwrap().wait().unwrap();
    machine.start();
    assert_eq!(machine.ask_socket(&socket, "/metrics", &[]).status, 200);
    machine.stop();
    assert!(!socket.exists());
}
