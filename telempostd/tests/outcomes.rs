//! Records and servers that misbehave.

use std::collections::BTreeSet;
use std::fs;
use test_harness::records::record_for;
use test_harness::sandbox::sender;
use test_harness::server::{Gate, Reply, Request, Server, nobody};
use test_harness::{Process, Sandbox, programs, until};

/// A server that answers the first request so, and takes the rest.
fn first(reply: Reply) -> Server {
    Server::start(move |number, _| if number == 0 { reply.clone() } else { Reply::Status(201) })
}

/// One record is sent to a server that fails at first, and again under the same key. Returns the log.
fn retried_after(reply: Reply) -> String {
    let server = first(reply);
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let id = sandbox.store("again");
    let mut daemon = sandbox.start_telempostd();
    let requests = server.wait_for(2);
    assert!(requests.iter().all(|request| request.key() == id && request.text() == "again"));
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert_eq!(server.requests().len(), 2);
    assert_eq!(log.matches("records wait in the spool").count(), 1, "{log}");
    assert_eq!(log.matches("takes records again").count(), 1, "{log}");
    assert_eq!(sandbox.delivery_log().len(), 1);
    assert_eq!(sandbox.names("spool/.rejected"), [""; 0]);
    log
}

#[test]
fn after_an_error_of_the_server_the_record_is_sent_again() {
    let log = retried_after(Reply::Full(500, "X: y", "no\n\u{1b}[31mdisk"));
    assert!(log.contains("the server answers with status 500: no [31mdisk;"), "{log}");
    retried_after(Reply::Status(503));
}

#[test]
fn after_a_wait_that_the_server_asks_for_the_record_is_sent_again() {
    retried_after(Reply::Full(429, "Retry-After: 1", ""));
    retried_after(Reply::Full(503, "Retry-After: Tue, 15 Nov 1994 08:12:31 GMT", ""));
    retried_after(Reply::Status(408));
}

#[test]
fn a_proxy_that_wants_a_login_and_a_refused_certificate_are_waited_for() {
    let log = retried_after(Reply::Status(407));
    assert!(log.contains("the proxy at 127.0.0.1:") && log.contains("wants a login (status 407)"), "{log}");
    for refused in [
        Reply::Full(403, "X: y", "{\"message\": \"m\", \"code\": \"not_trusted\"}"),
        Reply::Full(400, "X: y", "<h1>The SSL certificate error</h1>"),
        Reply::Status(495),
        Reply::Status(496),
    ] {
        let log = retried_after(refused);
        assert!(log.contains("the server does not accept this machine's certificate (status 4"), "{log}");
    }
}

#[test]
fn a_proxy_that_wants_a_login_is_named_whatever_it_was_asked() {
    for (variable, url) in
        [("http_proxy", "http://telemetry.invalid/"), ("https_proxy", "https://telemetry.invalid/")]
    {
        let proxy = Server::start(|_, _| Reply::Full(407, "Proxy-Authenticate: Basic realm=\"p\"", ""));
        let sandbox = Sandbox::with_spool();
        sandbox.configure(url, "");
        sandbox.store("waits");
        let mut command = programs::command("telempostd", &["-f", &sandbox.config_arg()]);
        command.env(variable, proxy.url());
        let mut daemon = Process::spawn(&sandbox.path(""), "telempostd", &mut command);
        daemon.wait_for_log(&format!("the proxy at {} wants a login (status 407)", proxy.address()));
        daemon.stop();
        assert_eq!((sandbox.waiting().len(), sandbox.names("spool/.rejected").len()), (1, 0));
    }
}

#[test]
fn the_last_error_has_the_status_where_the_answer_has_no_body() {
    let server = Server::start(|_, _| Reply::Status(404));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("refused");
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(sandbox.status().last_error.unwrap().reason, "the server answers with status 404");
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::accepting();
    let header: &'static str = format!("Location: {}", elsewhere.url()).leak();
    let log = retried_after(Reply::Full(302, header, ""));
    assert!(log.contains("the server redirects (status 302)"), "{log}");
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn after_a_broken_answer_the_record_is_sent_again() {
    retried_after(Reply::Close);
    retried_after(Reply::CloseInHead);
    retried_after(Reply::CloseInBody(500));
}

#[test]
fn a_record_that_was_taken_is_delivered_whatever_the_body_does() {
    for status in [200, 201] {
        let server = Server::start(move |_, _| Reply::CloseInBody(status));
        let sandbox = Sandbox::with_spool();
        sandbox.configure(&server.url(), "");
        for n in 0..3 {
            sandbox.store(&n.to_string());
        }
        let mut daemon = sandbox.start_telempostd();
        sandbox.wait_until_empty();
        daemon.stop();
        assert_eq!((server.requests().len(), sandbox.delivery_log().len()), (3, 3), "{status}");
    }
}

#[test]
fn a_slow_server_is_waited_for() {
    let server = Server::start(|_, _| Reply::Slow(201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    for n in 0..10 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert_eq!(server.requests().len(), 10);
    assert!(!log.contains("wait in the spool"), "{log}");
}

#[test]
fn the_status_has_the_next_try_that_retry_after_asks_for() {
    let server = Server::start(|_, _| Reply::Full(429, "Retry-After: 5000", ""));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("later");
    let mut daemon = sandbox.start_telempostd();
    let status = until("a next try", || {
        let status = sandbox.status();
        status.next_try_unix_secs.is_some().then_some(status)
    });
    let fault = status.last_error.unwrap();
    assert_eq!((fault.server, fault.reason), (server.url(), "the server answers with status 429".to_owned()));
    // Both numbers are of one moment and one clock.
    assert!(status.next_try_unix_secs.unwrap() >= fault.unix_secs + 5000);
    daemon.stop();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(sandbox.status().next_try_unix_secs, None);
    assert_eq!(sandbox.waiting().len(), 1);
}

#[test]
fn a_server_that_is_down_is_tried_until_it_is_up() {
    let address = nobody();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://user:secret@{address}/"), "");
    let ids: BTreeSet<_> = (0..200).map(|n| sandbox.store(&n.to_string())).collect();
    let mut daemon = sandbox.start_telempostd();
    daemon.wait_for_log(&format!("http://{address}/: Failed to connect to"));
    let server = Server::start_at(address, |_, _| Reply::Status(201));
    sandbox.wait_until_empty();
    let keys: BTreeSet<_> = server.requests().iter().map(Request::key).collect();
    assert_eq!((keys, server.requests().len()), (ids, 200));
    let log = daemon.stop();
    assert_eq!(log.lines().count(), 3, "an outage is two lines: {log}");
    assert!(!log.contains("secret"), "{log}");
    let status = sandbox.status();
    assert!(status.last_delivered_unix_secs.is_some() && status.last_error.is_some());
}

#[test]
fn a_record_that_is_rejected_is_kept_and_the_rest_goes_on() {
    let server = Server::start(|_, request| match request.text().as_str() {
        "bad" => Reply::Full(400, "X: y", "{\"message\":\n \"bad severity\"}"),
        _ => Reply::Status(201),
    });
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let bad = sandbox.store("bad");
    sandbox.age(&bad, std::time::Duration::from_secs(60));
    for n in 0..20 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert_eq!(server.requests().len(), 21);
    let answer = fs::read_to_string(sandbox.path("spool/.rejected").join(format!("{bad}.answer"))).unwrap();
    let expected = format!(
        "server: {}\nstatus: 400\nreason: {{\"message\": \"bad severity\"}}\nsender: {}\n",
        server.url(),
        sender()
    );
    assert_eq!(answer.split_once('\n').unwrap().1, expected);
    let kept = fs::read_to_string(sandbox.path("spool/.rejected").join(&bad)).unwrap();
    assert!(kept.ends_with("\nbad\n"));
    assert!(
        log.contains(&format!("record {bad} for {} is rejected permanently with status 400", server.url()))
    );
    assert_eq!(sandbox.delivery_log().len(), 20, "only what was delivered is in the delivery log");
}

#[test]
fn a_flood_of_rejected_records_is_bounded_in_files_and_log_lines() {
    let server = Server::start(|_, _| Reply::Status(404));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    for batch in 0..5 {
        sandbox.store_batch((0..60).map(|n| format!("{batch}/{n}")));
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert_eq!(server.requests().len(), 300);
    assert_eq!(sandbox.names("spool/.rejected").len(), 160, "80 of one user, each with its answer");
    assert_eq!(log.matches("rejected permanently").count(), 2, "{log}");
    assert!(log.contains("299 more records were rejected permanently"), "{log}");
}

#[test]
fn an_answer_without_end_is_cut_off_and_counts_by_its_status() {
    let long: &'static str = "x".repeat(1 << 20).leak();
    let server = Server::start(move |_, _| Reply::Full(201, "X: y", long));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("a");
    sandbox.store("b");
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn records_for_another_server_go_there_while_the_first_is_down() {
    let gate = Gate::default();
    let held = gate.clone();
    let hanging = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let other = Server::accepting();
    for first_server in [format!("http://{}/", nobody()), hanging.url()] {
        let sandbox = Sandbox::with_spool();
        sandbox.configure(&first_server, "");
        let url = format!("{}v3/collector", other.url());
        let config = sandbox.configure_record("other.conf", &url, "tidheader=X-Other: 1\nspool_dir=wrong");
        for n in 0..40 {
            sandbox.store(&format!("first {n}"));
        }
        let before = other.requests().len();
        let ids: BTreeSet<_> =
            (0..20).map(|n| sandbox.store_message(record_for(&config, &format!("{n}")))).collect();
        let daemon = sandbox.start_telempostd();
        let requests = other.wait_for(before + 20);
        let keys: BTreeSet<_> = requests.iter().skip(before).map(Request::key).collect();
        assert_eq!(keys, ids);
        assert!(requests.iter().all(|request| request.header("X-Other") == Some("1")));
        until("40 left", || (sandbox.waiting().len() == 40).then_some(()));
        drop(daemon);
    }
    gate.open();
}

#[test]
fn a_record_whose_configuration_is_gone_goes_nowhere() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let config = sandbox.configure_record("gone.conf", &server.url(), "");
    let id = sandbox.store_message(record_for(&config, "lost"));
    let open_to_all = sandbox.configure_record("open.conf", &server.url(), "");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(&open_to_all, mode).unwrap();
    sandbox.store_message(record_for(&open_to_all, "lost too"));
    fs::remove_file(&config).unwrap();
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    sandbox.store("arrives");
    let requests = server.wait_for(1);
    assert_eq!(requests[0].text(), "arrives");
    daemon.stop();
    let answer = fs::read_to_string(sandbox.path("spool/.rejected").join(format!("{id}.answer"))).unwrap();
    assert!(
        answer.contains("status: none\nreason: ") && answer.contains("gone.conf: No such file"),
        "{answer}"
    );
    assert_eq!(sandbox.names("spool/.rejected").len(), 4);
    assert_eq!(server.requests().len(), 1);
}
