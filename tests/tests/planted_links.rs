//! Links that the owner of the daemons' directories planted there: root, who starts daemons or telemctl by hand, neither
//! follows nor overwrites what they point to.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::process::Command;
use system_tests::torture::exchange::{Answer, exchange, message};
use system_tests::torture::needs_root;
use test_harness::server::Server;
use test_harness::{Process, Sandbox, programs, until};

/// To whom the directories belong, as they do to `telemetry`.
const OWNER: u32 = 4_321_000;

const DIRECTORIES: [&str; 5] = ["spool", "state", "log", "cache", "run"];

/// What only root may read, and nobody is to change.
const SECRET: &str = "root's alone\n";

/// A sandbox whose directories are another user's, with a secret of root beside them.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_spool();
    for name in DIRECTORIES {
        fs::create_dir_all(sandbox.path(name)).unwrap();
        give_away(&sandbox.path(name));
    }
    for name in ["secret", "secrets/0de9de8d5f3c6a7d445d75ba01cc3322"] {
        let path = sandbox.write(name, SECRET);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    sandbox
}

/// Gives a directory and all that is in it to the owner.
fn give_away(path: &std::path::Path) {
    lchown(path, Some(OWNER), Some(OWNER)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path()));
    }
}

/// Plants a link that the owner made.
fn plant(sandbox: &Sandbox, name: &str, target: &str) {
    let link = sandbox.path(name);
    let _ = fs::remove_file(&link);
    symlink(sandbox.path(target), &link).unwrap();
    lchown(&link, Some(OWNER), Some(OWNER)).unwrap();
}

fn check_secrets(sandbox: &Sandbox, planted: &str) {
    for name in ["secret", "secrets/0de9de8d5f3c6a7d445d75ba01cc3322"] {
        let path = sandbox.path(name);
        assert_eq!(fs::read_to_string(&path).unwrap(), SECRET, "{planted}");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600), "{planted}");
    }
    assert_eq!(sandbox.names("secrets").len(), 1, "{planted}");
}

/// Starts a daemon as root, from where every user may run it.
fn start(sandbox: &Sandbox, name: &str) -> Process {
    let folder = sandbox.path("bin");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        for name in
            ["telemprobd", "telempostd", "telempost-upload", "klogscanner", "pstoreprobe", "journalprobe"]
        {
            // By another process: were it open for writing here while another thread forks, it could not be started.
            assert!(Command::new("cp").arg(programs::path(name)).arg(&folder).status().unwrap().success());
        }
    }
    let mut command = Command::new(folder.join(name));
    Process::spawn(&sandbox.path(""), name, command.args(["-f", &sandbox.config_arg()]))
}

fn user_of(process: &Process) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let fields = ["Uid:", "Gid:", "Groups:"];
    let lines = fields.map(|field| status.lines().find_map(|line| line.strip_prefix(field)).unwrap());
    lines.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect()
}

#[test]
fn daemons_that_root_starts_become_the_owner_of_the_spool() {
    if !needs_root("acting for other users") {
        return;
    }
    let server = Server::accepting();
    let mut sandbox = sandbox();
    fs::remove_dir_all(sandbox.path("run")).unwrap();
    sandbox.set("server", server.url()).set("record_retention_enabled", "true");
    let mut telemprobd = start(&sandbox, "telemprobd");
    let message = message("org.example/links/record", "hello");
    until("an answer", || (exchange(&sandbox.socket_path(), &message) == Answer::Stored).then_some(()));
    let mut telempostd = start(&sandbox, "telempostd");
    server.wait_for(1);
    sandbox.wait_until_empty();
    let owner = OWNER.to_string();
    for daemon in [&telemprobd, &telempostd] {
        assert!(user_of(daemon).iter().all(|id| *id == owner), "{:?}", user_of(daemon));
    }
    telemprobd.stop();
    telempostd.stop();
    for name in ["run", "run/telemprobd.lock", "state/machine_id", "log/journal", "log/records"] {
        assert_eq!(fs::symlink_metadata(sandbox.path(name)).unwrap().uid(), OWNER, "{name}");
    }
}

/// A probe that keeps a state, or moves what it reports.
const PROBES: [(&str, &str); 3] = [
    ("klogscanner", "state/klogscanner.json"),
    ("pstoreprobe", "state/pstoreprobe.json"),
    ("journalprobe", "state/journalprobe.json"),
];

#[test]
fn probes_that_root_starts_become_the_owner_of_their_state_and_follow_no_link() {
    if !needs_root("acting for other users") {
        return;
    }
    for (probe, state) in PROBES {
        let sandbox = sandbox();
        fs::create_dir(sandbox.path("cache/pstore")).unwrap();
        give_away(&sandbox.path("cache"));
        for (name, target) in
            [(state, "secret"), ("run/klogscanner.lock", "secret"), ("run/journalprobe.pid", "secret")]
        {
            plant(&sandbox, name, target);
        }
        let mut process = start(&sandbox, probe);
        until("the probe's own user", || {
            let log = process.log();
            let said = format!("runs as user {OWNER}, to whom state_dir belongs");
            // In a container without a kernel log it ends before.
            (log.contains(&said) || log.contains("/dev/kmsg")).then_some(())
        });
        process.signal(nix::sys::signal::Signal::SIGTERM);
        process.wait();
        check_secrets(&sandbox, probe);
    }
}

#[test]
fn what_a_planted_link_points_to_stays_as_it_is() {
    if !needs_root("acting for other users") {
        return;
    }
    let planted = [
        ("state/machine_id", "secret"),
        ("state/telemprobd.counters.json", "secret"),
        ("state/telempostd.json", "secret"),
        ("run/telemprobd.pid", "secret"),
        ("run/telemprobd.lock", "secret"),
        ("run/telempostd.pid", "secret"),
        ("spool/.telemprobd.lock", "secret"),
        ("spool/.rejected", "secrets"),
        ("spool/.damaged", "secrets"),
        ("log/journal", "secret"),
        ("log/records", "secrets"),
    ];
    for (name, target) in planted {
        let server = Server::accepting();
        let mut sandbox = sandbox();
        sandbox.set("server", server.url()).set("record_retention_enabled", "true");
        let bad = sandbox.configure_record("bad.conf", "", "");
        sandbox.store("good");
        sandbox.store_from(1000, &test_harness::records::record_for(&bad, "is rejected"));
        fs::write(sandbox.path("spool/noise"), "no record\n").unwrap();
        sandbox.age("noise", std::time::Duration::from_secs(60));
        DIRECTORIES.iter().for_each(|name| give_away(&sandbox.path(name)));
        plant(&sandbox, name, target);
        let mut daemons = ["telemprobd", "telempostd"].map(|name| start(&sandbox, name));
        let message = message("org.example/links/record", "hello");
        until("an answer, or no start", || {
            let answered = exchange(&sandbox.socket_path(), &message) != Answer::None;
            (answered || daemons[0].try_status().unwrap().is_some()).then_some(())
        });
        until("a delivery, or no start", || {
            let is_over = !server.requests().is_empty() || daemons[1].try_status().unwrap().is_some();
            is_over.then_some(())
        });
        for daemon in &mut daemons {
            daemon.kill();
        }
        check_secrets(&sandbox, name);
    }
}

#[test]
fn telemctl_of_root_shows_nothing_that_a_planted_link_leads_to() {
    if !needs_root("acting for other users") {
        return;
    }
    let sandbox = sandbox();
    let id = "0de9de8d5f3c6a7d445d75ba01cc3322";
    let rs = '\u{1e}';
    let entry = |record: &str| format!("{record}{rs}1522691281{rs}a/b/c{rs}{id}{rs}boot\n");
    let log = format!("{}{}", entry(id), entry(&format!("../secrets/{id}")));
    sandbox.write("log/journal", &log);
    plant(&sandbox, "log/records", "secrets");
    let shown = |arguments: &[&str]| {
        let printed = sandbox.say(arguments);
        format!("{}{}", printed.out, printed.err)
    };
    for arguments in
        [&["journal", "-i"][..], &["journal", "--all", "-i"], &["status"], &["status", "--json"], &["doctor"]]
    {
        assert!(!shown(arguments).contains("root's alone"), "{arguments:?}: {}", shown(arguments));
    }
    // Everything else is a link to the secret, too.
    let links: [(&str, &str); 8] = [
        ("log/journal", "secret"),
        ("state/machine_id", "secret"),
        ("state/telemprobd.counters.json", "secret"),
        ("state/telempostd.json", "secret"),
        ("run/telemprobd.pid", "secret"),
        ("spool/0de9de8d5f3c6a7d445d75ba01cc3322.1000", "secret"),
        ("spool/.rejected", "secrets"),
        ("spool/.damaged", "secrets"),
    ];
    for (name, target) in links {
        plant(&sandbox, name, target);
    }
    for arguments in [
        &["journal", "-i"][..],
        &["journal", "--all", "-i"],
        &["rejected", "list"],
        &["rejected", "show", id],
        &["rejected", "drop", "--all"],
        &["status"],
        &["doctor"],
    ] {
        assert!(!shown(arguments).contains("root's alone"), "{arguments:?}: {}", shown(arguments));
    }
    check_secrets(&sandbox, "all of them");
}
