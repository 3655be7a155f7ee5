//! What nobody gave to be sent is sent by nobody: secrets in arguments, environments, user names, mounts, addresses, the host's
//! name, definitions and outputs of checks are in no byte that a server gets, and in none that is previewed.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use system_tests::torture::needs_namespaces;
use test_harness::server::{Reply, Request, Server};
use test_harness::{Process, Sandbox, programs, until};

/// One test at a time: what the other starts, as the user whom telempulld is, has planted arguments.
static TURN: Mutex<()> = Mutex::new(());

/// In whatever is planted as text.
const SECRET: &str = "planted-secret";
/// A user whom nobody has.
const USER_ID: u32 = 64_007;
const ADDRESS: &str = "10.213.47.11";
/// An address of a network card; names of interfaces hold such.
const CARD: &str = "025ec1e70001";
const CARD_COLONS: &str = "02:5e:c1:e7:00:01";
const HOST: &str = "planted-host";

/// A process with secrets in its name, arguments, environment and user; it ends with the test.
struct Stranger(Child);

impl Stranger {
    fn start(sandbox: &Sandbox) -> Self {
        // The kernel's name of a process has 15 bytes.
        let program = sandbox.path("planted-secret");
        programs::copy(&PathBuf::from("/bin/sleep"), &program);
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("setpriv");
        let user = USER_ID.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(program);
        command.args(["300", "0.000000000777"]).env("PLANTED", SECRET);
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file system that no key names.
struct Mount(PathBuf);

impl Mount {
    fn new(sandbox: &Sandbox) -> Self {
        let point = sandbox.path("mnt-planted-secret");
        fs::create_dir(&point).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "planted-secret-source"]).arg(&point).status();
        assert!(mounted.unwrap().success());
        Self(point)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// How a program is started where the host, its users and its network have planted names: in namespaces of its own.
fn planted(sandbox: &Sandbox, program: &str, words: &str) -> Command {
    let passwd = sandbox.path("passwd");
    if !passwd.exists() {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        fs::write(&passwd, format!("planted-secret-user:x:{USER_ID}:{USER_ID}::/:/bin/false\n{users}"))
            .unwrap();
    }
    let script = format!(
        "set -e; echo {HOST} >/proc/sys/kernel/hostname; mount --bind {} /etc/passwd\n\
         ip link add wlx{CARD} address {CARD_COLONS} type veth peer name peer; ip address add {ADDRESS}/24 dev wlx{CARD}\n\
         ip link set wlx{CARD} up; ip link set peer up; exec \"$@\"",
        passwd.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--uts", "--mount", "--net", "sh", "-c", &script, "sh"]).arg(programs::path(program));
    command.args(["-f", &sandbox.config_arg()]).args(words.split_whitespace());
    command.env("PLANTED", SECRET).env("LC_TIME", SECRET);
    command
}

/// Checks whose definitions and outputs hold secrets; plugins lie at `@DIR@`.
const CHECKS: &str = "\
[silent]
kind=plugin
command=@DIR@/prints --password=planted-secret
output=false
[lines]
kind=plugin
command=@DIR@/lines -p \"planted-secret\"
[surroundings]
kind=plugin
command=@DIR@/surroundings
[missing]
kind=plugin
command=/none/plugin --password planted-secret
[failing]
kind=plugin
command=@DIR@/failing planted-secret
[page]
kind=http
url=http://127.0.0.1:1/status?token=planted-secret#planted-secret
[text]
kind=http
url=http://127.0.0.1:1/
text=planted-secret
[absent]
kind=process
name=none
";

const PLUGINS: [(&str, &str); 4] = [
    ("prints", "echo \"planted-secret | planted-secret=1\"; exit 1"),
    ("lines", "echo \"all is well | size=5MB\"; echo planted-secret; echo \"more | planted=1\""),
    ("surroundings", "echo \"has $(env | tr '\\n' ' ')\"; exit 2"),
    ("failing", "echo planted-secret >&2; kill -9 $$"),
];

fn sandbox(server: &Server) -> Sandbox {
    let mut sandbox = Sandbox::with_spool();
    sandbox.set("server", server.url()).set("server_compression", "off").set("environment_interval", "60");
    sandbox.set("environment_readings", "system disks telemetry certificates packages");
    let certificates = sandbox.path("keys");
    fs::create_dir(&certificates).unwrap();
    test_harness::certificates::make_version_1(&certificates, "planted-secret");
    fs::rename(certificates.join("planted-secret.pem"), certificates.join("named.pem")).unwrap();
    sandbox.set("certificate_files", certificates.join("named.pem").display().to_string());
    let text = CHECKS.replace("@DIR@", &sandbox.path("").display().to_string());
    let text: String = text.replace("kind=", "attempts=1\nretry=1\ninterval=10\nkind=");
    let file = sandbox.write("etc/checks.d/a.conf", &text);
    fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
    for (name, script) in PLUGINS {
        let path = sandbox.write(name, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    sandbox
}

/// All that is in a request: a record's headers are those of HTTP.
fn shown(request: &Request) -> String {
    format!("{}\n{:?}\n{}", request.line, request.headers, String::from_utf8_lossy(&request.body))
}

/// Nothing of what was planted is in these bytes.
fn check(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for planted in [SECRET, ADDRESS, CARD, CARD_COLONS, HOST, "000000000777", "mnt-planted", "--password"] {
        assert!(!text.contains(planted), "{planted} is in {what}: {text}");
    }
}

#[test]
fn no_planted_secret_is_in_a_byte_that_a_server_gets_or_that_is_previewed() {
    if !needs_namespaces("namespaces, mounts and other users") {
        return;
    }
    let _turn = TURN.lock();
    let server = Server::start(|_, _| Reply::Status(201));
    let sandbox = sandbox(&server);
    let (_stranger, _mount) = (Stranger::start(&sandbox), Mount::new(&sandbox));
    let preview = planted(&sandbox, "telemctl", "preview --environment").output();
    let preview = preview.unwrap();
    assert!(preview.status.success(), "{preview:?}");
    check("the preview", &preview.stdout);
    let _telemprobd = sandbox.start_telemprobd();
    let _telempostd = sandbox.start("telempostd");
    let sent = planted(&sandbox, "envprobe", "").output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let mut checkprobe =
        Process::spawn(&sandbox.path(""), "checkprobe", &mut planted(&sandbox, "checkprobe", ""));
    let checks: Vec<_> =
        CHECKS.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')).collect();
    let come = || server.requests().iter().map(shown).collect::<String>();
    let has_come = |text: &str| {
        let all = ["# EOF", "org.telemetrics/environment/packages", "telemetry_certificate_not_after"];
        let states = checks.iter().map(|check| format!("Check: {check}\n"));
        all.map(str::to_owned).into_iter().chain(states).all(|part| text.contains(&part))
    };
    let text = until("all records to come", || Some(come()).filter(|text| has_come(text)));
    checkprobe.stop();
    server.requests().iter().for_each(|request| check("a request", shown(request).as_bytes()));
    // What may leave did: were it not, the rest would prove nothing.
    for part in [
        "Output: all is well\n",
        "Perfdata: size=5MB",
        "Output: has ",
        "LC_ALL=C",
        "Output: http://127.0.0.1:1/status: ",
        "mountpoint=\"/\"",
        "State: UNKNOWN",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Arguments of other users' processes, mounts and addresses are nobody's who asks either, and no answer has a machine id.
#[test]
fn no_planted_secret_is_in_an_answer_to_whoever_asks() {
    if !needs_namespaces("namespaces, mounts and other users") {
        return;
    }
    let _turn = TURN.lock();
    let server = Server::start(|_, _| Reply::Status(201));
    let mut sandbox = sandbox(&server);
    let socket = sandbox.path("run/pull");
    sandbox.set("pull_local", socket.display().to_string()).set("member", "A/B/1").set("server_code", "s1");
    let _stranger = Stranger::start(&sandbox);
    let _telemprobd = sandbox.start_telemprobd();
    // It gives this machine an id.
    assert!(planted(&sandbox, "envprobe", "").output().unwrap().status.success());
    let id = fs::read_to_string(sandbox.path("state/machine_id")).unwrap();
    let daemon = Process::spawn(&sandbox.path(""), "telempulld", &mut planted(&sandbox, "telempulld", ""));
    daemon.wait_for_log("answers those who ask");
    let request = sandbox.write("request.xml", &soap_request());
    let request = format!("@{}", request.display());
    let posting = ["-H", "Content-Type: text/xml", "--data-binary", &request];
    let lists =
        "/v1/environment?fields=operating_system,readings,windows,sensors,certificates,packages,processes";
    for (path, words) in [("/metrics", &[][..]), ("/v1/environment", &[]), (lists, &[]), ("/", &posting)] {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "60", "--unix-socket"]).arg(&socket);
        let output = command.args(words).arg(format!("http://localhost{path}")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("system_uptime_seconds") || text.contains("SystemCpuLoad"), "{path}: {text}");
        assert!(!text.contains(id.trim()), "the machine id is in {path}");
        // A list of processes has their names and users, and the answers to those who may have it have the list.
        let text = if path == lists || path == "/" {
            assert!(text.contains("planted-secret-user"), "{path}: {text}");
            text.replace(SECRET, "")
        } else {
            text
        };
        check(path, text.as_bytes());
    }
}

fn soap_request() -> String {
    let member =
        "<i:xRoadInstance>A</i:xRoadInstance><i:memberClass>B</i:memberClass><i:memberCode>1</i:memberCode>";
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:i=\"http://x-road.eu/xsd/identifiers\" \
         xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:m=\"http://x-road.eu/xsd/monitoring\"><s:Header>\
         <x:client i:objectType=\"MEMBER\">{member}</x:client><x:service i:objectType=\"SERVICE\">{member}\
         <i:serviceCode>getSecurityServerMetrics</i:serviceCode></x:service><x:id>1</x:id>\
         <x:protocolVersion>4.0</x:protocolVersion></s:Header><s:Body><m:getSecurityServerMetrics/></s:Body></s:Envelope>"
    )
}
