//! Machines behind a security server of X-Road: a process of its own, which is written by what X-Road's documents say and shares
//! no code with us. It checks what it is asked, has a real telempulld answer, and may answer as it should not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use telem_collector::trust::Fingerprint;

use crate::telempulld::{Home, LONG, MEMBER, Telempulld, fault, fingerprint, pulled, within};

const OTHER: &str = "fdev/GOV/9999999-1/MON";

struct SecurityServer {
    child: Child,
    port: u16,
    fingerprint: Fingerprint,
    log: PathBuf,
}

impl SecurityServer {
    /// It knows this client by its certificate, and reaches a telempulld at this port.
    fn start(home: &Home, name: &str, client: &str, certificate: &Path, target: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/security_server.py");
        let [own, key, log] = ["pem", "key", "log"].map(|ending| home.path(&format!("{name}.{ending}")));
        let made = rcgen::generate_simple_self_signed(["security-server".to_owned()]).unwrap();
        fs::write(&own, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut command = Command::new("python3");
        command.arg(script).arg("--certificate").arg(&own).arg("--key").arg(&key);
        command.arg("--client-certificate").arg(certificate).args(["--client", client]);
        command.args(["--target", &format!("127.0.0.1:{target}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let port =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}: {}", said()));
        let port = port.parse().unwrap();
        Self { child, port, fingerprint: fingerprint(&own), log }
    }

    /// A machine that is asked through it, at a path which says how it answers.
    fn section(&self, name: &str, path: &str, lines: &str) -> String {
        let Self { port, fingerprint, .. } = self;
        format!(
            "[pull {name}]\nkind=soap\nurl=https://127.0.0.1:{port}{path}\nfingerprint={fingerprint}\ninterval=10\n{lines}\n"
        )
    }

    /// What it found wrong with requests, or that it sent them on.
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for SecurityServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The certificate that a collector of this directory will show.
fn certificate(home: &Home) -> PathBuf {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    let output =
        command.args(["identity", "show", "--identity"]).arg(home.path("identity")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    home.path("identity/cli_certificate.pem")
}

fn of(client: &str) -> String {
    format!("client={client}\nserver={MEMBER}/node-1")
}

#[test]
fn a_machine_is_asked_through_a_security_server() {
    let (machine, home) = (Telempulld::start(), Home::new());
    let certificate = certificate(&home);
    let server = SecurityServer::start(&home, "server", MEMBER, &certificate, machine.local_port);
    let id = "0123456789abcdef0123456789abcdef";
    home.configure(
        &[
            server.section("node", "/", &format!("{}\nid={id}\ngroup=road", of(MEMBER))),
            server.section("any", "/", &format!("client={MEMBER}\nservice={MEMBER}")),
        ]
        .concat(),
    );
    let collector = home.start();
    for name in ["node", "any"] {
        within(LONG, name, || pulled(&collector)[name]["state"] == "answers");
        let row = &pulled(&collector)[name];
        assert_eq!(
            (row["server"].as_str(), row["kind"].as_str()),
            (Some("fdev/GOV/1710128-9/node-1"), Some("soap"))
        );
        assert!(row["client_version"].as_str().is_some_and(|version| version.contains('.')), "{row}");
    }
    assert!(server.log().lines().all(|line| line == "/ forwarded"), "{}", server.log());
    // What it answered is in the lines of the machine, and of nobody else.
    let lines = collector.get(&format!("/telemetryui/machines/{id}?format=json")).body;
    for series in
        ["system_filesystem_usage_bytes", "xroad_system_cpu_load_percent", "system_memory_limit_bytes"]
    {
        assert!(lines.contains(series), "{series}: {lines}");
    }
    // It is away for a while: the security server says so, and the machine answers again once it is back.
    let port = machine.local_port;
    drop(machine);
    let away = "Server.ClientProxy.NetworkError";
    within(LONG, "it does not reach the machine", || fault(&pulled(&collector), "node").contains(away));
    let said = fault(&pulled(&collector), "node");
    assert!(said.ends_with("the security server that was asked does not reach that one"), "{said}");
    let _back = Telempulld::start_at(port);
    within(LONG, "it answers again", || pulled(&collector)["node"]["state"] == "answers");
    collector.stop();
}

#[test]
fn faults_of_both_spellings_are_explained_alike() {
    let home = Home::new();
    let certificate = certificate(&home);
    let machines = ["7.7", "7.8"].map(|style| Telempulld::start_with(&format!("fault_style={style}\n")));
    let server = |name: &str, client: &str, machine: &Telempulld| {
        SecurityServer::start(&home, name, client, &certificate, machine.local_port)
    };
    let owners = [server("old", MEMBER, &machines[0]), server("new", MEMBER, &machines[1])];
    let others = [server("old-other", OTHER, &machines[0]), server("new-other", OTHER, &machines[1])];
    let invalid = of(MEMBER).replace("/node-1", "/node-2");
    let unknown = of(MEMBER).replace(&format!("server={MEMBER}"), "server=fdev/GOV/1");
    // Those that only other parts of X-Road have.
    let made_up = [
        ("member", "UnknownMember", "unknown_member", "client= is no member there"),
        ("failed", "ServiceFailed.NetworkError", "service_failed.network_error", "does not reach that one"),
        ("internal", "InternalError", "internal_error", "Unable to read metrics"),
    ];
    let mut text = String::new();
    for (number, spelling) in ["old", "new"].into_iter().enumerate() {
        text += &owners[number].section(&format!("{spelling}-invalid"), "/", &invalid);
        text += &owners[number].section(&format!("{spelling}-unknown"), "/", &unknown);
        text += &others[number].section(&format!("{spelling}-denied"), "/", &of(OTHER));
        text += &owners[number].section(&format!("{spelling}-stranger"), "/", &of(OTHER));
        for (name, old, new, _) in made_up {
            let code = if spelling == "old" {
                format!("Server.ServerProxy.{old}")
            } else {
                format!("server.serverproxy.{new}")
            };
            let path = format!("/fault/{code}/Unable%20to%20read%20metrics");
            text += &owners[number].section(&format!("{spelling}-{name}"), &path, &of(MEMBER));
        }
    }
    home.configure(&text);
    let collector = home.start();
    let expected = [
        ("invalid", "InvalidSecurityServer", "invalid_security_server", "server= is another server"),
        ("unknown", "UnknownService", "unknown_service", "has to name the owner of that server"),
        ("denied", "AccessDenied", "access_denied", "client= has to be the owner of that server"),
    ];
    for (name, old, new, remedy) in expected.into_iter().chain(made_up) {
        for (spelling, code) in
            [("old", format!("Server.ServerProxy.{old}")), ("new", format!("server.serverproxy.{new}"))]
        {
            let name = format!("{spelling}-{name}");
            within(LONG, &name, || !fault(&pulled(&collector), &name).is_empty());
            let said = fault(&pulled(&collector), &name);
            assert!(said.starts_with(&format!("it answers with the fault {code}: ")), "{name}: {said}");
            assert!(said.contains(remedy), "{name}: {said}");
        }
    }
    // Whom the asking side does not know, it does not even send on.
    within(LONG, "a stranger", || !fault(&pulled(&collector), "new-stranger").is_empty());
    let said = fault(&pulled(&collector), "new-stranger");
    assert!(
        said.contains(
            "Server.ClientProxy.UnknownMember: Client 'SUBSYSTEM:fdev/GOV/9999999-1/MON' not found"
        ),
        "{said}"
    );
    collector.stop();
}

#[test]
fn what_is_no_answer_of_a_security_server_is_a_fault_that_says_what_it_is() {
    let (machine, home) = (Telempulld::start(), Home::new());
    let certificate = certificate(&home);
    let server = SecurityServer::start(&home, "server", MEMBER, &certificate, machine.local_port);
    let elsewhere = Home::new();
    let stranger =
        SecurityServer::start(&home, "stranger", MEMBER, &self::certificate(&elsewhere), machine.local_port);
    let cases = [
        ("multipart", "its answer is of type \"multipart/related; type="),
        ("page", "its answer is of type \"text/html"),
        ("gateway", "it answers with status 502"),
        ("cut", "its answer is no XML that can be read"),
        ("bytes", "its answer is no XML that can be read"),
        ("empty", "its answer is no XML that can be read"),
        ("doctype", "its answer is no XML that can be read"),
        ("unhashed", "its answer has no requestHash"),
        ("replay", "its answer is to another request: requestHash is not the one that was sent"),
    ];
    let mut text: String =
        cases.iter().map(|(name, _)| server.section(name, &format!("/{name}"), &of(MEMBER))).collect();
    text += &server.section("good", "/", &of(MEMBER));
    text += &stranger.section("stranger", "/", &of(MEMBER));
    home.configure(&text);
    let collector = home.start();
    for (name, expected) in cases.into_iter().chain([("stranger", "refuses this collector's certificate")]) {
        within(LONG, name, || fault(&pulled(&collector), name).contains(expected));
        within(LONG, name, || pulled(&collector)[name]["state"] == "fails");
    }
    // It may be the last whose time comes.
    within(LONG, "good", || pulled(&collector)["good"]["state"] != "waiting");
    let row = &pulled(&collector)["good"];
    assert!(row["state"] == "answers" && row["fault"].is_null(), "{row}");
    collector.stop();
}
