//! What doctor finds in instances that are well, and in ones that are not.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;
use telemctl::programs;
use telemetry_runtime::instance::InstanceLock;
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::{Printed, Sandbox};

/// An instance in which everything is as it should be, and what has to stay for that.
struct Well {
    instance: Sandbox,
    server: TcpListener,
    _held: (UnixListener, [InstanceLock; 2]),
}

impl Well {
    fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://me:secret@{}/v2/collector", server.local_addr().unwrap());
        let instance = Sandbox::bare(&format!("server={url}\nspool_keep_free=0\n"));
        instance.opt_in();
        for (name, mode) in
            [("spool", 0o750), ("log", 0o750), ("cache", 0o750), ("state", 0o755), ("run", 0o755)]
        {
            fs::create_dir_all(instance.path(name)).unwrap();
            fs::set_permissions(instance.path(name), Permissions::from_mode(mode)).unwrap();
        }
        let listener = UnixListener::bind(instance.path("telem-0")).unwrap();
        fs::set_permissions(instance.path("telem-0"), Permissions::from_mode(0o666)).unwrap();
        let lock = |name| InstanceLock::acquire(&instance.path("run"), name).unwrap();
        let locks = [lock("telemprobd"), lock("telempostd")];
        Self { instance, server, _held: (listener, locks) }
    }
}

/// The lines that are not `ok`.
fn complaints(said: &Printed) -> Vec<&str> {
    said.out.lines().filter(|line| !line.starts_with("ok ")).collect()
}

#[test]
fn an_instance_that_is_well() {
    let well = Well::new();
    let said = well.instance.say(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert_eq!(complaints(&said), [""; 0]);
    let address = well.server.local_addr().unwrap();
    for part in [
        "ok      consent: opted in (",
        "ok      configuration: ",
        "ok      directories: spool_dir ",
        "ok      directories: run_dir ",
        "ok      telemprobd: runs, pid ",
        "ok      telempostd: runs, pid ",
        "ok      socket: ",
        "ok      spool: nothing waits, ",
        "ok      delivery: nothing was delivered yet",
        &format!("ok      server: 127.0.0.1 port {}: {address} takes connections", address.port()),
        "ok      clock: ",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(!said.out.contains("secret"), "{}", said.out);
    // Connected to, and sent nothing.
    let (mut connection, _) = well.server.accept().unwrap();
    assert_eq!(std::io::Read::read(&mut connection, &mut [0]).unwrap(), 0);
}

#[test]
fn each_fault_is_printed_with_its_remedy() {
    let well = Well::new();
    let path = |name: &str| well.instance.path(name);
    fs::set_permissions(path("spool"), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(path("log"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(path("telem-0"), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(well.instance.config(), Permissions::from_mode(0o666)).unwrap();
    well.instance.write("spool/.damaged/d", "");
    let config = well.instance.config();
    let Well { instance, server, _held } = well;
    let address = server.local_addr().unwrap();
    drop((server, _held));
    let said = instance.say(&["doctor"]);
    let path = |name: &str| instance.path(name).display().to_string();
    let by_hand =
        format!("start the daemons with `telemprobd -f {0} &` and `telempostd -f {0} &`", config.display());
    let expected = [
        format!(
            "error   configuration: {0} has mode 0666: others can send every record elsewhere; `chmod go-w {0}`",
            config.display()
        ),
        format!(
            "error   directories: spool_dir {0} has mode 0777: others could put files into it; `chmod go-w {0}`",
            path("spool")
        ),
        format!(
            "warning directories: log_dir {0} has mode 0755: every user can read it; `chmod o= {0}`",
            path("log")
        ),
        format!("error   telemprobd: does not run; {by_hand}"),
        format!("warning telempostd: does not run; nothing waits for it; {by_hand}"),
        format!("error   socket: {}: nobody listens on it; {by_hand}", path("telem-0")),
        format!(
            "warning spool: 1 file gave no record, as after a power cut; look at {0} and remove what is there: `rm {0}/*`",
            path("spool/.damaged")
        ),
        format!(
            "error   server: 127.0.0.1 port {}: {address} cannot be connected to: nothing listens there; check the port, and that the server runs",
            address.port()
        ),
    ];
    assert_eq!(complaints(&said), expected);
    assert_eq!((said.code, said.err.as_str()), (Some(1), "telemctl: doctor found 5 errors\n"));

    let json = instance.say(&["doctor", "--json"]);
    assert_eq!((json.code, json.err), (said.code, said.err));
    let report: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&report["errors"], &report["warnings"]), (&Value::from(5), &Value::from(3)));
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["about"] == "telempostd").unwrap();
    assert_eq!((&finding["level"], &finding["remedy"]), (&"warning".into(), &by_hand.into()));
}

#[test]
fn before_opt_in_nothing_is_wrong_and_the_server_is_left_alone() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let instance = Sandbox::bare(&format!(
        "server=http://{}/\ncolour=red\nspool_keep_free=0\n",
        server.local_addr().unwrap()
    ));
    let said = instance.say(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    let found = complaints(&said);
    let [consent, config] = found.as_slice() else { panic!("{found:?}") };
    assert!(consent.starts_with("warning consent: not opted in: ") && consent.contains("`telemctl opt-in`"));
    assert!(config.ends_with("unknown key `colour`; correct or remove the line"), "{config}");
    assert!(said.out.contains("not asked before opt-in"), "{}", said.out);
    assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // Looking leaves nothing behind.
    assert_eq!(fs::read_dir(instance.path("")).unwrap().count(), 1);
}

#[test]
fn the_proxy_of_the_environment_is_what_is_asked() {
    let well = Well::new();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = proxy.local_addr().unwrap().port();
    let mut command = well.instance.telemctl(&["doctor"]);
    let said = Printed::from_command(command.env("http_proxy", format!("http://127.0.0.1:{port}")));
    assert_eq!(said.code, Some(0), "{}", said.out);
    let expected = format!(" by way of the proxy 127.0.0.1 port {port} (http_proxy of this environment): ");
    assert!(said.out.contains(&expected), "{}", said.out);
    proxy.accept().unwrap();
    well.server.set_nonblocking(true).unwrap();
    assert_eq!(well.server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_server_must_be_set_and_have_an_address() {
    for (lines, part) in [
        ("server=\n", "error   server: none is set; set `server` in the configuration"),
        (
            "server=http://name.invalid/\n",
            "error   server: name.invalid port 80: the name gives no address: ",
        ),
        ("record_server_delivery_enabled=false\n", "ok      server: not asked: delivery is off "),
    ] {
        let instance = Sandbox::bare(lines);
        instance.opt_in();
        let said = instance.say(&["doctor"]);
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn wrong_values_of_every_program_are_errors_that_name_whom_they_stop() {
    let instance = Sandbox::bare(
        "server=htp://me:secret@h/\nbyte_window_length=99\ncrash_burst_limit=x\nspool_dri=/x\n",
    );
    instance.opt_in();
    let said = instance.say(&["doctor"]);
    let file = instance.config();
    for (line, part) in [
        (
            9,
            "server=...@h/: must be an http:// or https:// URL; it stops telempostd; correct or remove the line",
        ),
        (
            10,
            "byte_window_length=99: must be 0 to 59 minutes; it stops telempostd; correct or remove the line",
        ),
        (
            11,
            "crash_burst_limit=x: must be 0 to 1000 reports an hour of one executable, or -1 for no limit; it stops crashprobe; ",
        ),
    ] {
        let line = format!("error   configuration: {}:{line}: {part}", file.display());
        assert!(said.out.contains(&line), "{line}: {}", said.out);
    }
    assert!(said.out.contains("unknown key `spool_dri`; did you mean `spool_dir`?"), "{}", said.out);
    assert!(!said.out.contains("secret") && !said.out.contains(" server: "), "{}", said.out);
    assert_eq!(said.code, Some(1));
}

#[test]
fn a_wrong_value_of_each_key_is_an_error() {
    for key in programs::keys().filter(|key| !key.allows("?!")) {
        let instance = Sandbox::bare(&format!("{}=?!\n", key.name()));
        let said = instance.say(&["doctor"]);
        let wrong = format!("{}=?!: must be {}", key.name(), key.allowed());
        let is_error = |line: &str| line.starts_with("error   configuration: ") && line.contains(&wrong);
        assert!(said.out.lines().any(is_error) && said.code == Some(1), "{wrong}: {}", said.out);
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_finding() {
    let instance = Sandbox::bare("spool_dir=spool\n");
    let line = format!("{}:9: spool_dir=spool: must be an absolute path", instance.config().display());
    let said = instance.say(&["doctor"]);
    assert_eq!(
        said.out,
        format!(
            "error   configuration: {line}; correct or remove the line; until then nothing else is examined\n"
        )
    );
    let said = instance.say(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["errors"]), (Some(1), &Value::from(1)));
    assert_eq!(report["findings"][0]["text"], line);
}

#[test]
fn a_user_sees_what_he_may_not_read() {
    if !nix::unistd::geteuid().is_root() {
        return; // Only root can make what it may not read itself.
    }
    let Well { instance, server: _server, _held } = Well::new();
    instance.open_to_all("etc");
    fs::create_dir(instance.path("closed")).unwrap();
    fs::set_permissions(instance.path("closed"), Permissions::from_mode(0o700)).unwrap();
    let config = fs::read_to_string(instance.config()).unwrap();
    let moved = instance.path("closed/cache").display().to_string();
    let config = config
        .replace(&format!("cache_dir={}", instance.path("cache").display()), &format!("cache_dir={moved}"));
    fs::write(instance.config(), config).unwrap();
    let (_dir, program) = for_every_user("telemctl");
    let mut command = Command::new(program);
    command
        .args(["doctor", "-f", instance.config().to_str().unwrap()])
        .current_dir("/")
        .env_remove("http_proxy");
    let said = Printed::from_command(command.uid(NOBODY).gid(NOBODY));
    // A daemon of somebody else is known by its program's name, which this one has not.
    let of_daemons = |line: &&str| line.starts_with("error   telem");
    let found: Vec<_> = complaints(&said).into_iter().filter(|line| !of_daemons(line)).collect();
    let expected = [
        format!("warning directories: cache_dir {moved} cannot be seen by this user; run this as root"),
        format!(
            "warning spool: {} cannot be read: Permission denied (os error 13); run this as root",
            instance.path("spool").display()
        ),
    ];
    assert_eq!(found, expected);
}
