//! A broken set-up each: doctor finds it and says the remedy, and the remedy, carried out, ends the finding. Whatever is
//! broken, there is output, and that of `--json` is JSON.
// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{Uid, geteuid};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::server::Server;
use test_harness::{Printed, Sandbox, until};

/// An instance with both daemons, and nothing wrong with it.
struct Running {
    instance: Sandbox,
    daemons: Vec<test_harness::Process>,
    _server: Server,
}

impl Running {
    fn start() -> Self {
        let server = Server::accepting();
        let instance = Sandbox::bare(&format!("server={}\nspool_keep_free=0\n", server.url()));
        instance.opt_in();
        let daemons = vec![instance.start_telemprobd(), instance.start_telempostd()];
        let running = Self { instance, daemons, _server: server };
        until("telempostd", || running.instance.path("state/delivery.json").exists().then_some(()));
        running.instance.open_to_all("etc");
        running
    }

    fn path(&self, name: &str) -> String {
        self.instance.path(name).display().to_string()
    }

    fn edit(&self, change: impl FnOnce(&str) -> String) {
        let config = self.instance.config();
        let text = change(&fs::read_to_string(&config).unwrap());
        fs::write(config, text).unwrap();
    }
}

/// What doctor has to say, as text and as JSON: one line an error or warning, with a remedy each.
fn findings(instance: &Sandbox, command: impl Fn(&[&str]) -> Command) -> Vec<String> {
    let text = Printed::from_command(&mut command(&["doctor"]));
    let json = Printed::from_command(&mut command(&["doctor", "--json"]));
    let report: Value =
        serde_json::from_str(&json.out).map_err(|error| format!("{error}: {json:?}")).unwrap();
    assert!(!text.out.is_empty() && !json.out.is_empty(), "{text:?} {json:?}");
    let found = report["findings"].as_array().unwrap();
    assert!(!found.is_empty(), "{} {}", instance.config_arg(), json.out);
    let is_wrong = |finding: &&Value| finding["level"] != "ok";
    let line = |finding: &Value| {
        let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        assert!(!part("remedy").is_empty(), "no remedy: {finding}");
        format!("{} {}: {}; {}", part("level"), part("about"), part("text"), part("remedy"))
    };
    found.iter().filter(is_wrong).map(line).collect()
}

fn all(instance: &Sandbox) -> Vec<String> {
    findings(instance, |arguments| instance.telemctl(arguments))
}

/// The finding that begins so and names this remedy.
#[track_caller]
fn find(instance: &Sandbox, begin: &str, remedy: &str) {
    let found = all(instance);
    assert!(
        found.iter().any(|line| line.starts_with(begin) && line.contains(remedy)),
        "`{begin}` ... `{remedy}`: {found:#?}"
    );
}

#[track_caller]
fn well(instance: &Sandbox) {
    let mut found = all(instance);
    // It may have ended of itself, as when its spool cannot be used; that is not what is tested here.
    found.retain(|line| !line.starts_with("warning telempostd: does not run"));
    assert_eq!(found, [""; 0]);
}

/// What stands between backquotes in a remedy, as a person would type it.
fn carry_out(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

#[test]
fn the_spool_is_removed_or_replaced() {
    let mut running = Running::start();
    let (instance, spool) = (&running.instance, running.path("spool"));
    well(instance);
    // It makes the spool anew at once.
    running.daemons.pop().unwrap().stop();
    let uid = geteuid();
    let make = format!("install -d -m 0750 -o {uid} {spool}").replace(" 0 ", " root ");

    fs::rename(&spool, running.path("moved")).unwrap();
    find(
        instance,
        &format!("error directories: spool_dir {spool} is not there, though the daemons run"),
        &make,
    );
    carry_out(&make);
    well(instance);

    fs::remove_dir(&spool).or_else(|_| fs::remove_dir_all(&spool)).unwrap();
    fs::write(&spool, "").unwrap();
    find(instance, &format!("error directories: spool_dir {spool} is no directory"), "move it away");
    fs::remove_file(&spool).unwrap();

    symlink("nowhere", &spool).unwrap();
    find(
        instance,
        &format!("error directories: spool_dir {spool} is a link that leads nowhere"),
        &format!("`rm {spool}`"),
    );
    fs::remove_file(&spool).unwrap();
    carry_out(&make);

    fs::set_permissions(&spool, Permissions::from_mode(0o777)).unwrap();
    find(
        instance,
        &format!("error directories: spool_dir {spool} has mode 0777"),
        &format!("`chmod go-w {spool}`"),
    );
    carry_out(&format!("chmod go-w {spool}; chmod o= {spool}"));
    well(instance);
}

#[test]
fn file_systems_without_inodes_or_for_reading_only() {
    if !geteuid().is_root() {
        return; // Only root mounts.
    }
    let running = Running::start();
    let instance = &running.instance;
    for (name, options, begin, remedy) in [
        ("spool", "nr_inodes=1,mode=750", "error spool: its file system has no inode left", "df -i"),
        ("log", "nr_inodes=1,mode=750", "error directories: log_dir ", "df -i"),
        ("state", "ro,mode=755", "error directories: state_dir ", "mount it for writing"),
    ] {
        let path = instance.path(name);
        let is_ro = options.starts_with("ro");
        let flags = if is_ro { MsFlags::MS_RDONLY } else { MsFlags::empty() };
        let data = options.trim_start_matches("ro,");
        mount(Some("none"), &path, Some("tmpfs"), flags, Some(data)).unwrap();
        let found = all(instance);
        // The remedy: more inodes, or writing.
        let more = if is_ro { "mode=755" } else { "nr_inodes=100" };
        mount(Some("none"), &path, None::<&str>, MsFlags::MS_REMOUNT, Some(more)).unwrap();
        let after = all(instance);
        umount2(&path, MntFlags::MNT_DETACH).unwrap();
        let is_it = |line: &&String| line.starts_with(begin) && line.contains(remedy);
        assert!(found.iter().any(|line| is_it(&line)), "{name}: {found:#?}");
        assert!(!after.iter().any(|line| is_it(&line)), "{name}: {after:#?}");
    }
    well(instance);
}

#[test]
fn a_file_that_cannot_be_removed() {
    if !geteuid().is_root() {
        return; // Only root makes a file immutable.
    }
    let server = Server::accepting();
    let instance = Sandbox::bare(&format!("server={}\nspool_keep_free=0\n", server.url()));
    instance.opt_in();
    instance.store("x");
    let name = instance.waiting().remove(0);
    let path = instance.path("spool").join(&name).display().to_string();
    if !Command::new("chattr").args(["+i", &path]).status().is_ok_and(|status| status.success()) {
        return; // This file system has no such attribute.
    }
    let daemons = [instance.start_telemprobd(), instance.start_telempostd()];
    server.wait_for(1);
    let line =
        until("the finding", || all(&instance).into_iter().find(|line| line.starts_with("error spool: ")));
    carry_out(&format!("chattr -i {path}"));
    assert!(
        line.starts_with(&format!("error spool: {path}: cannot be removed: Operation not permitted")),
        "{line}"
    );
    assert!(line.contains(&format!("`chattr -i {path}`")), "{line}");
    // Removed by hand, or by the next scan.
    fs::remove_file(&path).unwrap();
    well(&instance);
    drop(daemons);
}

#[test]
fn certificates_that_are_not_there_before_the_first_try() {
    let running = Running::start();
    let instance = &running.instance;
    let cainfo = running.path("ca.pem");
    let server = running._server.url();
    running.edit(|text| {
        text.replace(&server, &server.replace("http:", "https:")) + &format!("cainfo={cainfo}\n")
    });
    find(
        instance,
        &format!("error server: cainfo {cainfo}: No such file or directory"),
        "put the certificate of",
    );
    fs::write(&cainfo, "no certificate\n").unwrap();
    find(instance, &format!("error server: cainfo {cainfo} holds no certificate in PEM"), "in PEM");
    fs::write(&cainfo, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n").unwrap();
    well(instance);
}

#[test]
fn state_that_is_noise_or_cannot_be_read() {
    let mut running = Running::start();
    for mut daemon in running.daemons.drain(..) {
        daemon.stop();
    }
    let instance = &running.instance;
    for (name, about) in [
        ("telemprobd.counters.json", "counters"),
        ("telempostd.counters.json", "counters"),
        ("delivery.json", "delivery"),
        ("klogscanner.json", "klogscanner"),
    ] {
        let path = instance.path("state").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, "noise").unwrap();
        let begin = format!("warning {about}: {} cannot be read: ", path.display());
        find(instance, &begin, "remove it, and it is made anew");
        let status = instance.say(&["status"]);
        assert!(status.out.contains(&begin[begin.find('/').unwrap()..]), "{}", status.out);
        fs::remove_file(&path).unwrap();
        let found = all(instance);
        assert!(!found.iter().any(|line| line.contains(name)), "{found:#?}");
    }
    instance.write("state/telemprobd.counters.json", "noise");
    let json: Value = serde_json::from_str(&instance.say(&["status", "--json"]).out).unwrap();
    assert_eq!(json["counters"]["accepted"]["total"], Value::Null);
    assert_eq!(json["counters"]["delivered"]["total"], 0);
    let text = instance.say(&["status"]).out;
    assert!(
        text.contains("Accepted        not known\n") && text.contains("Delivered       0 records\n"),
        "{text}"
    );
    let metrics = instance.say(&["status", "--prometheus"]).out;
    assert!(!metrics.contains("records_accepted_total") && metrics.contains("records_delivered_total 0"));
}

#[test]
fn a_clock_that_cannot_be_right() {
    let running = Running::start();
    let instance = &running.instance;
    let at = |time: &'static str| {
        findings(instance, |arguments| {
            let plain = instance.telemctl(arguments);
            let mut command = Command::new("faketime");
            command.args(["-f", time]).arg(plain.get_program()).args(plain.get_args()).current_dir("/");
            command
        })
    };
    if Command::new("faketime").arg("--version").output().is_err() {
        return; // Not installed.
    }
    for (time, begin) in [
        ("@2099-01-01 00:00:00", "error clock: it stands after 2044"),
        ("@1980-01-01 00:00:00", "error clock: it stands before 2025"),
    ] {
        let found = at(time);
        let is_it = |line: &String| line.starts_with(begin) && line.contains("timedatectl set-ntp true");
        assert!(found.iter().any(is_it), "{begin}: {found:#?}");
    }
    well(instance);
}

#[test]
fn configurations_that_are_wrong() {
    let running = Running::start();
    let instance = &running.instance;
    let config = instance.config_arg();
    let good = fs::read_to_string(instance.config()).unwrap();
    let number = good.lines().count() + 1;
    let wrong = |bytes: &[u8], begin: &str, remedy: &str| {
        fs::write(instance.config(), bytes).unwrap();
        find(instance, begin, remedy);
    };
    let with = |line: &str| format!("{good}{line}\n").into_bytes();
    let at = |line: usize, rest: &str| format!("error configuration: {config}:{line}: {rest}");
    let odd = |line: usize, rest: &str| format!("warning configuration: {config}:{line}: {rest}");
    wrong(&with("spool_max_size=soon"), &at(number, "spool_max_size=soon: must be "), "correct or remove");
    wrong(&with("spool_dir=spool"), &at(number, "spool_dir=spool: must be an abs"), "correct or remove");
    wrong(&with("server=htp://u:secret@h/"), &at(number, "server=...@h/: must be "), "correct or remove");
    wrong(&with("nonsense"), &at(number, ""), "correct or remove");
    wrong(
        &with("spool_dri=/x"),
        &odd(number, "unknown key `spool_dri`; did you mean `spool_dir`?"),
        "correct",
    );
    wrong(
        good.replace("[settings]", "[Settings]").as_bytes(),
        &odd(2, "`cache_dir` stands outside [settings], in [Settings], and has no"),
        "move the line below one that says [settings], in small letters",
    );
    wrong(
        good.replace("[settings]", "").as_bytes(),
        &odd(2, "`cache_dir` stands outside [settings], before any section"),
        "move the line below one that says [settings]",
    );
    wrong(
        format!("\u{feff}{good}").as_bytes(),
        &odd(1, "begins with a byte order mark"),
        "save the file as UTF-8",
    );
    carry_out(&format!("sed -i '1s/^\\xEF\\xBB\\xBF//' {config}"));
    assert_eq!(fs::read_to_string(instance.config()).unwrap(), good);
    well(instance);
    let utf16: Vec<u8> = "\u{feff}[settings]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = |rest: &str| format!("error configuration: {config}: {rest}");
    wrong(&utf16, &file("UTF-16, not UTF-8 text"), "save it as UTF-8 text");
    wrong(&[b'#'; 70_000], &file("larger than 65536 bytes"), "leave out");
    fs::remove_file(instance.config()).unwrap();
    find(instance, &file("No such file"), "make the file, or name another");
    fs::create_dir(instance.config()).unwrap();
    find(instance, &file("not a regular file"), "put a file there, or name another");
    fs::remove_dir(instance.config()).unwrap();
    fs::write(instance.config(), good).unwrap();
    well(instance);
}

#[test]
fn a_daemon_of_root_and_what_it_left() {
    if !geteuid().is_root() {
        return; // Only root gives files away.
    }
    let running = Running::start();
    let instance = &running.instance;
    // The instance is another user's, and root ran the daemons.
    for name in ["spool", "log", "state", "run", "cache"] {
        fs::create_dir_all(instance.path(name)).unwrap();
        chown(instance.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let nobody = nix::unistd::User::from_uid(Uid::from_raw(NOBODY)).unwrap().map(|user| user.name);
    let nobody = nobody.unwrap_or_else(|| format!("user {NOBODY}"));
    for (daemon, process) in ["telemprobd", "telempostd"].into_iter().zip(&running.daemons) {
        let pid = process.pid();
        find(
            instance,
            &format!("error {daemon}: runs as root and not as {nobody}, pid {pid}"),
            &format!("`kill {pid}`, and as {nobody}: start the daemons with"),
        );
    }
    let state = running.path("state");
    find(
        instance,
        &format!("error directories: state_dir {state}: "),
        &format!("`chown -R {} {state}`", nobody.trim_start_matches("user ")),
    );
    carry_out(&format!("chown -R {NOBODY} {state}"));
    let found = all(instance);
    assert!(!found.iter().any(|line| line.contains("state_dir")), "{found:#?}");
}

#[test]
fn consent_that_cannot_be_read() {
    if !geteuid().is_root() {
        return; // Root alone sees what others cannot.
    }
    let running = Running::start();
    let instance = &running.instance;
    let etc = running.path("etc");
    fs::set_permissions(&etc, Permissions::from_mode(0o700)).unwrap();
    // Of another user, who sends.
    instance.open_to_all("");
    let (_dir, program) = for_every_user("telemctl");
    let config = instance.config_arg();
    let found = findings(instance, |arguments| {
        let mut command = Command::new(&program);
        command.args(["-f", &config]).args(arguments).uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    });
    let begin = format!("error consent: {etc}/opt-in cannot be seen by this user, which counts as no");
    assert!(found.iter().any(|line| line.starts_with(&begin) && line.contains("chmod a+x")), "{found:#?}");
    // Of the daemons' user, as root sees it.
    chown(instance.path("spool"), Some(NOBODY), None).unwrap();
    find(
        instance,
        &format!("error consent: {etc}/opt-in cannot be seen by every program that needs to"),
        &format!("`chmod a+x {etc}`"),
    );
    carry_out(&format!("chmod a+x {etc}"));
    let found = all(instance);
    assert!(!found.iter().any(|line| line.contains("consent")), "{found:#?}");
}

#[test]
fn certificates_of_this_machine_and_of_servers() {
    let instance = Sandbox::bare("server=https://localhost:1/v2/collector\nspool_keep_free=0\n");
    let telemctl = |arguments: &[&str]| {
        let output = instance.telemctl(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let is_gone = |begin: &str| {
        let found = all(&instance);
        assert!(!found.iter().any(|line| line.starts_with(begin)), "{begin}: {found:#?}");
    };
    let identity = instance.path("state/identity/telempostd");
    let own = identity.join("cli_certificate.pem");
    let shown = own.display();
    telemctl(&["identity"]);
    is_gone("error identity");
    is_gone("warning identity");

    fs::set_permissions(&own, Permissions::from_mode(0o644)).unwrap();
    find(&instance, "error identity: ", &format!("`chmod 0600 {shown}`"));
    carry_out(&format!("chmod 0600 {shown}"));
    is_gone("error identity");
    fs::write(&own, "half").unwrap();
    find(&instance, "error identity: ", &format!("`rm {shown}`"));
    carry_out(&format!("rm {shown}"));
    telemctl(&["identity"]);
    is_gone("error identity");
    fs::write(identity.join("cli_certificate.fingerprint"), "another\n").unwrap();
    find(&instance, "warning identity: ", "`telemctl identity`");
    telemctl(&["identity"]);
    is_gone("warning identity");
    telemctl(&["identity", "renew"]);
    find(
        &instance,
        "warning identity: the next certificate, ",
        "`telemctl identity renew --now --service telempostd`",
    );
    telemctl(&["identity", "renew", "--now"]);
    is_gone("warning identity");

    let (one, next) = (["AB"; 32].join(":"), ["CD"; 32].join(":"));
    let trusted = instance.path("etc/telempostd/trusted_certificates.cfg");
    telemctl(&["trust", "localhost:1", "--fingerprint", &one]);
    let good = fs::read_to_string(&trusted).unwrap();
    fs::write(&trusted, format!("{good}12:34\n")).unwrap();
    find(
        &instance,
        &format!("error trust: {}: line 2: a fingerprint is 64", trusted.display()),
        "mend that line",
    );
    fs::write(&trusted, &good).unwrap();
    is_gone("error trust");
    fs::write(identity.join("trusted_learned.cfg"), format!("{next} next-of={one}\n")).unwrap();
    let remedy = format!("`telemctl trust accept {next}`");
    find(&instance, &format!("warning trust: {next} is trusted since {one} has announced it"), &remedy);
    telemctl(&["trust", "accept", &next]);
    is_gone("warning trust");
    telemctl(&["trust", "--first-use", "5"]);
    find(
        &instance,
        "warning trust: the first certificate of a server is trusted, for 5 minutes",
        "it closes by itself",
    );
    fs::remove_file(identity.join("first-use")).unwrap();
    is_gone("warning trust");
    let config = fs::read_to_string(instance.config()).unwrap();
    fs::write(instance.config(), config.replace("https://localhost", "http://localhost")).unwrap();
    find(&instance, "warning trust: http://localhost:1/v2/collector is spoken with in the clear", "https://");
    fs::write(instance.config(), config).unwrap();
    is_gone("warning trust");
}
