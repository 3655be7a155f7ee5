//! Who may read and change.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::collector::{Collector, refusal};
use crate::http::Client;

/// The password of `alice` is `correct horse`, of `bob` `battery`. Cost 4: tests have no time to spend.
fn users(directory: &tempfile::TempDir) -> String {
    let path = directory.path().join("users");
    let line = |name: &str, password: &str| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
    fs::write(&path, line("alice", "correct horse") + &line("bob", "battery")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn basic(text: &str) -> (String, String) {
    use base64::Engine;
    header("Authorization", &format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text)))
}

fn request(
    collector: &Collector,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> crate::http::Answer {
    Client::connect(collector.address).request(method, path, headers, body.as_bytes())
}

#[test]
fn with_users_pages_need_a_login_and_machines_none() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(&["--database", ":memory:", "--users", &users(&directory)]);
    let get = |path: &str, headers: &[(String, String)]| request(&collector, "GET", path, headers, "");
    assert_eq!(collector.post("/", &crate::sample::headers(&[]), "x").status, 201);
    let answer = get("/telemetryui/groups?days=7", &[]);
    let login = "/telemetryui/login?next=%2Ftelemetryui%2Fgroups%3Fdays%3D7";
    assert_eq!((answer.status, answer.header("location")), (303, Some(login)), "{answer:?}");
    for path in ["/api/records", "/telemetryui/groups?format=json"] {
        let answer = get(path, &[]);
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "{answer:?}");
        assert_eq!(get(path, &[basic("alice:correct horse")]).status, 200, "{path}");
        assert_eq!(get(path, &[basic("alice:battery")]).status, 401, "{path}");
    }
    assert_eq!(
        get("/telemetryui/groups", &[basic("alice:battery")]).status,
        401,
        "a script sees that it is wrong"
    );
    assert_eq!(get(login, &[]).status, 200);
    assert_eq!(get("/telemetryui/static/style.css", &[]).status, 200);
}

#[test]
fn a_session_begins_with_a_password_and_ends_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(&["--database", ":memory:", "--users", &users(&directory)]);
    let log_in = |fields: &str, headers: &[(String, String)]| {
        request(&collector, "POST", "/telemetryui/login", headers, fields)
    };
    let wrong = log_in("name=alice&password=battery&next=", &[]);
    assert!(
        wrong.status == 403 && wrong.body.contains("is not known") && wrong.header("set-cookie").is_none(),
        "{wrong:?}"
    );
    let good = log_in("name=alice&password=correct+horse&next=/telemetryui/groups", &[]);
    assert_eq!((good.status, good.header("location")), (303, Some("/telemetryui/groups")), "{good:?}");
    let cookie = good.header("set-cookie").unwrap().to_owned();
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = header("Cookie", cookie.split(';').next().unwrap());
    let page = request(&collector, "GET", "/telemetryui/records", std::slice::from_ref(&session), "");
    assert!(page.status == 200 && page.body.contains("alice") && page.body.contains("Log out"), "{page:?}");
    let elsewhere = log_in("name=alice&password=correct+horse&next=//evil.example.org", &[]);
    assert_eq!(elsewhere.header("location"), Some("/telemetryui"));
    // Somebody else's page cannot log anybody in or out.
    let foreign = header("Sec-Fetch-Site", "cross-site");
    assert_eq!(log_in("name=alice&password=correct+horse&next=", std::slice::from_ref(&foreign)).status, 403);
    assert_eq!(
        request(&collector, "POST", "/telemetryui/logout", &[session.clone(), foreign], "").status,
        403
    );
    assert_eq!(
        request(&collector, "POST", "/telemetryui/logout", std::slice::from_ref(&session), "").status,
        303
    );
    assert_eq!(request(&collector, "GET", "/telemetryui/records", &[session], "").status, 303);
}

#[test]
fn guessing_is_slowed() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(&["--database", ":memory:", "--users", &users(&directory)]);
    let get = |credentials: &str| request(&collector, "GET", "/api/records", &[basic(credentials)], "");
    let statuses: Vec<u16> = (0..12).map(|number| get(&format!("alice:{number}")).status).collect();
    assert_eq!(statuses[..3], [401, 401, 401], "{statuses:?}");
    let waits = statuses.iter().filter(|status| **status == 429).count();
    assert!(waits >= 6, "{statuses:?}");
    let slowed = (0..3).map(|_| get("alice:wrong")).find(|answer| answer.status == 429).unwrap();
    assert!(slowed.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1, "{slowed:?}");
}

#[test]
fn a_proxys_word_counts_from_the_proxy_alone() {
    let args = ["--database", ":memory:", "--user-header", "X-User", "--may-change", "alice", "--proxy"];
    let status = |proxy: &str, method: &str, headers: &[(String, String)]| {
        let collector = Collector::start(&[&args[..], &[proxy]].concat());
        request(&collector, method, "/telemetryui/records", headers, "").status
    };
    let alice = header("X-User", "alice");
    assert_eq!(status("127.0.0.1", "GET", std::slice::from_ref(&alice)), 200);
    assert_eq!(status("127.0.0.1", "GET", &[]), 403);
    assert_eq!(
        status("127.0.0.1", "GET", &[alice.clone(), header("X-User", "bob")]),
        403,
        "two names are none"
    );
    assert_eq!(status("192.0.2.1", "GET", std::slice::from_ref(&alice)), 403, "not from the proxy");
    assert_eq!(status("127.0.0.1", "POST", &[header("X-User", "bob")]), 403, "may read alone");
    assert_eq!(status("127.0.0.1", "POST", &[alice]), 303);
    let line = refusal_of(&["--user-header", "X-User"]);
    assert!(line.contains("--proxy"), "{line}");
}

fn refusal_of(args: &[&str]) -> String {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_telem-collector")).args(args).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_users_only_this_machine_changes_and_no_other_site() {
    let collector = Collector::in_memory();
    let post = |headers: &[(String, String)]| {
        request(&collector, "POST", "/telemetryui/records", headers, "").status
    };
    assert_eq!(post(&[]), 303);
    assert_eq!(post(&[header("Sec-Fetch-Site", "same-origin")]), 303);
    assert_eq!(post(&[header("Origin", "http://localhost")]), 303);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://evil.example.org"),
        ("Origin", "null"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1"),
    ] {
        assert_eq!(post(&[header(name, value)]), 403, "{name}: {value}");
    }
}

#[test]
fn a_password_file_with_other_hashes_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users");
    fs::write(&path, "alice:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n").unwrap();
    let path = path.to_str().unwrap();
    let line = refusal(&["--listen", "127.0.0.1:0", "--database", ":memory:", "--users", path]);
    assert!(line.contains(path) && line.contains("line 1") && line.contains("htpasswd -B"), "{line}");
}
