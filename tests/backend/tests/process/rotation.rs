//! Certificates that follow, between processes: who has the next one, and what is left where somebody is killed or a disk is full.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use telem_collector::trust::Fingerprint;

use crate::collector::Collector;
use crate::party::Party;
use crate::sample::headers;
use crate::sync::{Net, payloads, until};

fn command(net: &Net, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(args).args(net.args(name));
    command
}

fn run(net: &Net, name: &str, args: &[&str]) -> Output {
    command(net, name, args).output().unwrap()
}

#[track_caller]
fn said(net: &Net, name: &str, args: &[&str]) -> String {
    let output = run(net, name, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn identity_file(net: &Net, name: &str, file: &str) -> PathBuf {
    net.file(name).join("identity").join(file)
}

/// Who has the next certificate of a party that has ended.
fn announced(net: &Net, name: &str, file: &str) -> String {
    fs::read_to_string(identity_file(net, name, file)).unwrap_or_default()
}

/// A source's next certificate that cannot be taken is heard of, and not had: the source waits.
#[test]
fn who_does_not_take_a_next_certificate_is_waited_for() {
    let net = Net::new();
    let other = Party::ecdsa(net.root.path(), "other");
    drop((net.buffer(&[]), net.centre(&[])));
    net.introduce();
    said(&net, "buffer", &["identity", "renew"]);
    let next = net.fingerprint("buffer", "next_certificate.pem");
    let source = net.fingerprint("buffer", "srv_certificate.pem");
    let lines = format!("{source} server=127.0.0.1:{}\n{} server=other:1", net.port, other.fingerprint);
    net.trust("centre", &lines);
    // Another has announced it here before.
    let learned = identity_file(&net, "centre", "trusted_learned.cfg");
    fs::write(&learned, format!("{next} next-of={} since=1\n", other.fingerprint)).unwrap();
    fs::set_permissions(&learned, fs::Permissions::from_mode(0o600)).unwrap();
    let (buffer, mut centre) = (net.buffer(&[]), net.centre(&[]));
    let line = centre.next_complaint();
    assert!(line.contains("its next certificate is not taken: another peer has announced it"), "{line}");
    drop(centre);
    // Who looks for faults hears of it too, and has it as little.
    let address = format!("127.0.0.1:{}", net.port);
    let doctor = run(&net, "centre", &["doctor", "--sync-address", &address]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(text.contains(&format!("{address} answers")), "{text}");
    buffer.stop();
    assert_eq!(announced(&net, "buffer", "announced"), "", "nobody has it");
    // Once it can be taken, it is.
    fs::remove_file(&learned).unwrap();
    let (buffer, centre) = (net.buffer(&[]), net.centre(&[]));
    until("it is learned", || {
        fs::read_to_string(&learned).is_ok_and(|text| text.contains(&next.to_string()))
    });
    // That is said a moment later, and written down within half a minute.
    let fetcher = net.fingerprint("centre", "cli_certificate.pem").to_string();
    until("it is noted", || announced(&net, "buffer", "announced").contains(&fetcher));
    drop((buffer, centre));
}

/// A HEAD, and what speaks of another certificate, leave nobody noted.
#[test]
fn a_peer_that_hears_of_a_next_certificate_has_it_unless_it_says_otherwise() {
    let net = Net::new();
    let names = ["asks", "heads", "has-none", "has-another", "has-it"];
    let parties = names.map(|name| Party::ecdsa(net.root.path(), name));
    drop(net.buffer(&[]));
    net.trust(
        "buffer",
        &parties.iter().map(|party| format!("{} role=fetch\n", party.fingerprint)).collect::<String>(),
    );
    said(&net, "buffer", &["identity", "renew"]);
    let next = net.fingerprint("buffer", "next_certificate.pem");
    let buffer = net.buffer(&[]);
    let has = [
        String::new(),
        String::new(),
        "?has=-".into(),
        format!("?has={}", parties[0].fingerprint),
        format!("?has={next}"),
    ];
    for (party, has) in parties.iter().zip(&has) {
        let url = format!("https://127.0.0.1:{}/v3/identity{has}", net.port);
        let head = if party.pem.ends_with("heads-heads.pem") { &["--head"][..] } else { &[] };
        let args = [&[&*url, "--tlsv1.3"], &party.shown()[..], head].concat();
        assert_eq!(crate::party::curl(&args).0, 200, "{url}");
    }
    buffer.stop();
    let noted = announced(&net, "buffer", "announced");
    let found = parties.iter().zip(names).filter(|(party, _)| noted.contains(&party.fingerprint.to_string()));
    assert_eq!(found.map(|(_, name)| name).collect::<Vec<_>>(), ["asks", "has-it"], "{noted}");
}

#[test]
fn whoever_ask_for_a_new_identity_at_once_get_the_same() {
    let net = Net::new();
    for round in 0..5 {
        let _ = fs::remove_dir_all(net.file("buffer").join("identity"));
        let asking: Vec<_> = (0..8)
            .map(|_| {
                command(&net, "buffer", &["identity"])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let said: Vec<_> = asking.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let listens = net.fingerprint("buffer", "srv_certificate.pem");
        for output in said {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.starts_with(&format!("listens: {listens}\n")), "{round}: {output:?}");
        }
    }
}

/// Numbers by chance.
fn roll(dice: &mut u64, bound: u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice % bound
}

/// The certificates of a directory: each is whole, and one that was there or was to follow.
fn check_identity(net: &Net, name: &str, known: &mut Vec<Fingerprint>) {
    for file in ["srv_certificate.pem", "cli_certificate.pem"] {
        let now = net.fingerprint(name, file);
        assert!(known.contains(&now), "{file} is nobody's");
    }
    let directory = net.file(name).join("identity");
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap().file_name().into_string().unwrap();
        assert!(!entry.contains("malformed"), "{entry}");
        if entry.starts_with("next_") {
            known.push(net.fingerprint(name, &entry));
        }
    }
}

#[test]
fn a_renewal_that_is_killed_at_any_moment_leaves_a_whole_identity() {
    let net = Net::new();
    said(&net, "buffer", &["identity"]);
    let mut known =
        ["srv_certificate.pem", "cli_certificate.pem"].map(|file| net.fingerprint("buffer", file)).to_vec();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..60 {
        // What `--now` uses was made by an earlier round, so that it is known.
        said(&net, "buffer", &["identity", "renew"]);
        check_identity(&net, "buffer", &mut known);
        let args: &[&str] =
            if round % 2 == 0 { &["identity", "renew", "--now"] } else { &["identity", "renew"] };
        if round % 2 == 1 {
            for file in ["next_certificate.pem", "next_cli_certificate.pem"] {
                fs::remove_file(identity_file(&net, "buffer", file)).unwrap();
            }
        }
        let mut child = command(&net, "buffer", args).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(roll(&mut dice, 40_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        check_identity(&net, "buffer", &mut known);
        // The next command puts right what stands beside it.
        said(&net, "buffer", &["identity"]);
        let written =
            fs::read_to_string(identity_file(&net, "buffer", "cli_certificate.fingerprint")).unwrap();
        assert_eq!(written, format!("{}\n", net.fingerprint("buffer", "cli_certificate.pem")));
    }
    let last = said(&net, "buffer", &["identity", "renew", "--now"]);
    assert!(
        last.contains(&format!("listens: {}\n", net.fingerprint("buffer", "srv_certificate.pem"))),
        "{last}"
    );
}

/// Makes it a day that a peer has had the next certificate.
fn a_day_later(net: &Net, name: &str, [next, file]: [&str; 2], peer: &str) {
    let next = net.fingerprint(name, next);
    let file = identity_file(net, name, file);
    fs::write(&file, format!("{next}\n1 {peer}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn collectors_that_are_killed_while_certificates_change_lock_nobody_out() {
    let net = Net::new();
    let (mut buffer, mut centre) = (net.buffer(&[]), net.centre(&[]));
    net.introduce();
    let (mut dice, mut posted) = (0x2545_f491_4f6c_dd1d_u64, 0);
    let mut post = |buffer: &Collector| {
        posted += 1;
        assert_eq!(buffer.post("/", &headers(&[]), posted.to_string()).status, 201);
        posted
    };
    let source = format!("127.0.0.1:{}", net.port);
    let learned = |name: &str, next: &Fingerprint| {
        let text = fs::read_to_string(identity_file(&net, name, "trusted_learned.cfg"));
        text.is_ok_and(|text| text.contains(&next.to_string()))
    };
    for _ in 0..4 {
        let before = ["srv_certificate.pem", "cli_certificate.pem"];
        let before = [net.fingerprint("buffer", before[0]), net.fingerprint("centre", before[1])];
        said(&net, "buffer", &["identity", "renew"]);
        said(&net, "centre", &["identity", "renew"]);
        let of_buffer = net.fingerprint("buffer", "next_certificate.pem");
        let of_centre = net.fingerprint("centre", "next_cli_certificate.pem");
        // Who is started asks at once, and not daily.
        drop(centre);
        centre = net.centre(&[]);
        until("each has the other's", || learned("centre", &of_buffer) && learned("buffer", &of_centre));
        drop((buffer, centre));
        // A fetcher that has shown its next one is the same peer by both names.
        a_day_later(&net, "buffer", ["next_certificate.pem", "announced"], &before[1].to_string());
        a_day_later(&net, "centre", ["next_cli_certificate.pem", "announced_cli"], &source);
        (buffer, centre) = (net.buffer(&[]), net.centre(&[]));
        std::thread::sleep(Duration::from_millis(roll(&mut dice, 2_000)));
        drop((buffer, centre));
        (buffer, centre) = (net.buffer(&[]), net.centre(&[]));
        until("both are used", || {
            let now = ["srv_certificate.pem", "cli_certificate.pem"];
            [net.fingerprint("buffer", now[0]), net.fingerprint("centre", now[1])] == [of_buffer, of_centre]
        });
        let count = post(&buffer);
        until("what is posted then is fetched", || payloads(&centre).len() == count);
        // People make lines of those that were announced.
        said(&net, "buffer", &["trust", "accept", &of_centre.to_string()]);
        said(&net, "centre", &["trust", "accept", &of_buffer.to_string()]);
        assert_ne!(before, [of_buffer, of_centre]);
    }
}

/// A file system of its own, until it is dropped.
struct Small(PathBuf);

impl Small {
    /// None where nobody may mount, which is said.
    fn new(path: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "small"])
            .arg(path)
            .output()
            .unwrap();
        if mounted.status.success() {
            return Some(Self(path.to_owned()));
        }
        eprintln!("skipped: a disk that is full needs the right to mount: {mounted:?}");
        assert!(
            std::env::var("CI").map_or(true, |value| value != "true"),
            "nothing may be skipped where CI=true"
        );
        None
    }

    fn fill(&self) {
        let full = fs::write(self.0.join("fill"), vec![0; 1 << 17]);
        assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    fn free(&self) {
        fs::remove_file(self.0.join("fill")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Whoever still has a file open there keeps it until then.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_costs_no_identity_and_makes_none_by_halves() {
    let net = Net::new();
    let directory = net.file("buffer").join("identity");
    fs::create_dir(&directory).unwrap();
    let Some(small) = Small::new(&directory) else { return };
    let names = || {
        let mut names: Vec<String> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".lock" && name != "fill");
        names.sort();
        names
    };
    small.fill();
    let output = run(&net, "buffer", &["identity"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("No space left on device"), "{output:?}");
    assert_eq!(names(), [""; 0]);
    small.free();
    said(&net, "buffer", &["identity"]);
    let files = ["cli_certificate.fingerprint", "cli_certificate.pem", "srv_certificate.pem"];
    assert_eq!(names(), files);
    let before = said(&net, "buffer", &["identity"]);
    let buffer = net.buffer(&[]);
    small.fill();
    for args in [&["identity", "renew"][..], &["identity", "renew", "--now"]] {
        let output = run(&net, "buffer", args);
        assert!(String::from_utf8_lossy(&output.stderr).contains("No space left on device"), "{output:?}");
        assert_eq!(names(), files, "{args:?}");
    }
    assert_eq!(said(&net, "buffer", &["identity"]), before);
    small.free();
    said(&net, "buffer", &["identity", "renew"]);
    let next =
        ["next_certificate.pem", "next_cli_certificate.pem"].map(|file| net.fingerprint("buffer", file));
    // A rename takes no room: the next ones are used, and what stands beside them follows.
    small.fill();
    let used = said(&net, "buffer", &["identity", "renew", "--now"]);
    assert_eq!(
        [net.fingerprint("buffer", "srv_certificate.pem"), net.fingerprint("buffer", "cli_certificate.pem")],
        next,
        "{used}"
    );
    small.free();
    said(&net, "buffer", &["identity"]);
    let written = fs::read_to_string(directory.join("cli_certificate.fingerprint")).unwrap();
    assert_eq!(written, format!("{}\n", next[1]));
    buffer.stop();
}
