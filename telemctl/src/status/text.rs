//! The status for people.

use super::{DaemonStatus, Delivery, ForgetStatus, ListedServer, SpoolStatus, Status, counters};
use crate::duration_text;
use crate::local_time;
use jiff::tz::TimeZone;
use std::io::{self, Write};
use telemetry_record::harmless::word;

/// Width of the names on the left.
const NAME_WIDTH: usize = 15;

/// Prints the status, a line a thing.
pub(super) fn print(status: &Status, zone: &TimeZone, out: &mut dyn Write) -> io::Result<()> {
    for (name, text) in lines(status, zone) {
        writeln!(out, "{name:<NAME_WIDTH$} {}", word(&text))?;
    }
    Ok(())
}

fn lines(status: &Status, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let file = status.consent.file.display();
    let consent = match &status.consent.error {
        Some(error) => error.clone(),
        None if status.consent.opted_in => format!("opted in ({file})"),
        None => format!("not opted in; see `telemctl preview` ({file})"),
    };
    let source = status.config.source.as_ref().map(|path| path.display().to_string());
    let mut lines = vec![
        ("Consent", consent),
        ("Configuration", source.unwrap_or_else(|| "built-in defaults".to_owned())),
    ];
    lines.extend(status.config.warnings.iter().map(|warning| ("", format!("warning: {warning}"))));
    lines.extend(status.daemons.iter().map(|daemon| (daemon.name, daemon_text(daemon))));
    let socket = status.socket.error.as_deref().unwrap_or("listening");
    lines.push(("Socket", format!("{}: {socket}", status.socket.path.display())));
    lines.push(("Server", server_text(status)));
    let active = status.server.list.iter().position(|server| server.active);
    lines.extend(status.server.list.iter().enumerate().map(|(position, server)| {
        ("", listed_text(server, active.is_some_and(|active| position < active), status.taken_unix_secs))
    }));
    lines.extend(status.server.copies.iter().map(|copy| ("Copy", copy.text(status.taken_unix_secs))));
    lines.extend(spool_lines(&status.spool, status.taken_unix_secs));
    lines.extend(delivery_lines(&status.delivery, status.taken_unix_secs, zone));
    lines.extend(
        status.forget.iter().map(|request| ("To forget", forget_text(request, status.taken_unix_secs))),
    );
    lines.extend(counters::lines(&status.counters));
    lines.extend(status.counters_error.clone().map(|error| ("", error)));
    lines.extend(status.crashes.lines(status.taken_unix_secs, zone));
    lines.extend(status.environment.words.clone().map(|words| ("Environment", words)));
    lines.extend(status.pull.line().map(|line| ("Pull", line)));
    lines.extend(status.checks.line().map(|line| ("Checks", line)));
    lines.extend(status.probes.iter().filter_map(|probe| Some((probe.name, probe.trouble()?))));
    lines
}

fn daemon_text(daemon: &DaemonStatus) -> String {
    match (daemon.running, daemon.pid) {
        (Some(true), Some(pid)) => format!("running, pid {pid}"),
        (Some(true), None) => "running".to_owned(),
        (Some(false), _) => "not running".to_owned(),
        (None, _) => "not known; run this as root".to_owned(),
    }
}

fn server_text(status: &Status) -> String {
    let server = match &status.server.url {
        Some(url) => format!("{url} ({})", status.server.api),
        None => "none is set".to_owned(),
    };
    let off =
        if status.server.delivery_enabled { "" } else { "; delivery is off, records end in the journal" };
    format!("{server}{off}")
}

/// A server that is still to forget this machine.
fn forget_text(request: &ForgetStatus, now: u64) -> String {
    let wait = match request.next_try_unix_secs.checked_sub(now) {
        Some(wait) if wait > 0 => format!("asked again in {}", duration_text::of_secs(wait)),
        _ => "due".to_owned(),
    };
    let left = duration_text::of_secs(request.until_unix_secs.saturating_sub(now));
    let reason = request.last_result.as_deref().unwrap_or("not asked yet");
    format!("{}: {wait}, for {left} at most: {reason}", request.url)
}

/// A server of the list: where records go, and why not to an earlier one.
fn listed_text(server: &ListedServer, is_before_active: bool, now: u64) -> String {
    let url = &server.url;
    let since = server.active_since_unix_secs.map(|secs| now.saturating_sub(secs));
    let since = since.map(|secs| format!(" for {}", duration_text::of_secs(secs))).unwrap_or_default();
    match (server.active, server.failures, &server.last_failure) {
        (true, 0, _) => format!("{url}: records go there{since}"),
        (false, 0, _) if is_before_active => {
            format!("{url}: works again; records go back there once it has for failback_after")
        }
        (false, 0, _) => format!("{url}: is not needed, as far as is known"),
        (is_active, _, reason) => {
            let role = if is_active { format!("records go there{since}, and ") } else { String::new() };
            let reason = reason.as_deref().unwrap_or("no reason is known");
            format!("{url}: {role}fails: {reason}")
        }
    }
}

fn spool_lines(spool: &SpoolStatus, now: u64) -> Vec<(&'static str, String)> {
    let waiting = match (&spool.error, spool.records, spool.files, spool.disk_bytes) {
        (Some(error), ..) => error.clone(),
        (None, Some(0), ..) => "nothing".to_owned(),
        (None, Some(records), Some(files), Some(bytes)) => {
            let at_least = if spool.records_exact { "" } else { "at least " };
            let age = match spool.oldest_unix_secs {
                Some(oldest) => format!(", oldest {}", duration_text::of_secs(age(now, oldest))),
                None => String::new(),
            };
            let files = plural(files, "file");
            format!("{at_least}{} in {files}, {} KiB{age}", plural(records, "record"), bytes.div_ceil(1024))
        }
        _ => "not known".to_owned(),
    };
    let mut lines = vec![("Waiting", waiting)];
    let is_unknown = spool.error.is_none() && (spool.damaged.is_none() || spool.rejected.is_none());
    if is_unknown {
        lines.push(("", "what was set aside or rejected cannot be counted; run this as root".to_owned()));
    }
    if let Some(number) = spool.damaged.filter(|number| *number > 0) {
        let dir = spool.dir.join(telemetry_store::spool::DAMAGED_DIR);
        lines.push(("", format!("{} that gave no record in {}", plural(number, "file"), dir.display())));
    }
    if let Some(number) = spool.rejected.filter(|number| *number > 0) {
        let records = plural(number, "record");
        lines.push(("", format!("{records} that the server refused; see `telemctl rejected list`")));
    }
    lines
}

fn delivery_lines(delivery: &Delivery, now: u64, zone: &TimeZone) -> Vec<(&'static str, String)> {
    if let Some(error) = &delivery.error {
        return vec![("Delivery", error.clone())];
    }
    let moment = |secs: u64| local_time::format(i64::try_from(secs).unwrap_or(i64::MAX), zone);
    let past =
        |secs: u64| format!("{} ago ({})", duration_text::of_secs(now.saturating_sub(secs)), moment(secs));
    let last = delivery.last_delivered_unix_secs.map_or_else(|| "never".to_owned(), past);
    let mut lines = vec![("Last delivered", last)];
    if let Some(secs) = delivery.next_try_unix_secs {
        let wait = match secs.checked_sub(now) {
            Some(wait) => format!("in {}", duration_text::of_secs(wait)),
            None => "due".to_owned(),
        };
        lines.push(("Next try", format!("{wait} ({})", moment(secs))));
    }
    if let Some(fault) = &delivery.last_error {
        lines.push(("Last error", format!("{}: {}: {}", past(fault.unix_secs), fault.server, fault.reason)));
    }
    if let Some(fault) = &delivery.spool_fault {
        lines.push(("Spool fault", format!("{}: {}", fault.path.display(), fault.reason)));
    }
    lines
}

fn age(now: u64, unix_secs: i64) -> u64 {
    now.saturating_sub(u64::try_from(unix_secs).unwrap_or(0))
}

/// A number with its noun.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigStatus, Consent, EnvironmentStatus, PullStatus, ServerStatus};
    use super::*;
    use crate::status::checks::CheckCounts;
    use crate::status::counters::CounterStatus;
    use crate::status::crashes::CrashStatus;
    use crate::status::socket::SocketStatus;
    use std::collections::BTreeMap;
    use telemetry_store::counters::Counter;
    use telemetry_store::delivery_status::DeliveryFault;

    const NOW: u64 = 1_522_691_281;

    fn status() -> Status {
        Status {
            version: "1",
            taken_unix_secs: NOW,
            config: ConfigStatus { source: Some("/c".into()), warnings: vec!["/c:1: odd".to_owned()] },
            consent: Consent { opted_in: true, file: "/e/opt-in".into(), error: None },
            daemons: vec![
                DaemonStatus { name: "telemprobd", running: Some(true), pid: Some(7) },
                DaemonStatus { name: "telempostd", running: Some(false), pid: None },
            ],
            socket: SocketStatus { path: "/s".into(), listening: true, error: None },
            server: ServerStatus {
                url: Some("http://h/".to_owned()),
                api: "v2",
                delivery_enabled: true,
                list: Vec::new(),
                copies: Vec::new(),
            },
            spool: SpoolStatus {
                dir: "/spool".into(),
                records: Some(3),
                records_exact: true,
                files: Some(1),
                disk_bytes: Some(4096),
                oldest_unix_secs: Some(NOW as i64 - 90),
                damaged: Some(0),
                rejected: Some(2),
                error: None,
            },
            delivery: Delivery {
                last_delivered_unix_secs: Some(NOW - 60),
                next_try_unix_secs: Some(NOW + 30),
                last_error: Some(DeliveryFault {
                    unix_secs: NOW - 3600,
                    server: "http://h/".to_owned(),
                    reason: "answered 500\u{1b}".to_owned(),
                }),
                ..Delivery::default()
            },
            counters: vec![
                CounterStatus { counter: Counter::Accepted, total: Some(5), by_reason: BTreeMap::new() },
                CounterStatus {
                    counter: Counter::RateLimited,
                    total: Some(2),
                    by_reason: BTreeMap::from([("a/b/c\u{1b}".to_owned(), 2)]),
                },
            ],
            counters_error: None,
            forget: Vec::new(),
            crashes: CrashStatus::default(),
            environment: EnvironmentStatus::default(),
            pull: PullStatus::default(),
            checks: CheckCounts::default(),
            probes: Vec::new(),
        }
    }

    fn printed(status: &Status) -> String {
        let mut out = Vec::new();
        print(status, &TimeZone::UTC, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_busy_system() {
        assert_eq!(
            printed(&status()),
            "\
Consent         opted in (/e/opt-in)
Configuration   /c
                warning: /c:1: odd
telemprobd      running, pid 7
telempostd      not running
Socket          /s: listening
Server          http://h/ (v2)
Waiting         3 records in 1 file, 4 KiB, oldest 1 min
                2 records that the server refused; see `telemctl rejected list`
Last delivered  1 min ago (Mon 2018-04-02 17:47:01 UTC)
Next try        in 30 s (Mon 2018-04-02 17:48:31 UTC)
Last error      1 h 0 min ago (Mon 2018-04-02 16:48:01 UTC): http://h/: answered 500\\u{1b}
Accepted        5 records
Rate limited    2 records: a/b/c\\u{1b} 2
Crashes         none was seen
"
        );
    }

    #[test]
    fn what_a_server_is_still_to_forget_is_said() {
        let request = ForgetStatus {
            url: "http://h/".to_owned(),
            ids: 1,
            tries: 2,
            next_try_unix_secs: NOW + 120,
            until_unix_secs: NOW + 2 * 24 * 60 * 60,
            last_result: Some("refused".to_owned()),
        };
        assert_eq!(
            forget_text(&request, NOW),
            "http://h/: asked again in 2 min, for 2 days 0 h at most: refused"
        );
    }

    #[test]
    fn of_several_servers_each_says_where_records_go_and_why() {
        let server = |url: &str, active, failures, last_failure: Option<&str>| ListedServer {
            url: url.to_owned(),
            active,
            active_since_unix_secs: Some(NOW - 120).filter(|_| active),
            failures,
            last_failure: last_failure.map(str::to_owned),
        };
        assert_eq!(
            listed_text(&server("http://a/", false, 0, Some("refused")), true, NOW),
            "http://a/: works again; records go back there once it has for failback_after"
        );
        for (server, expected) in [
            (server("http://a/", false, 3, Some("refused")), "http://a/: fails: refused"),
            (server("http://b/", true, 0, Some("long ago")), "http://b/: records go there for 2 min"),
            (
                server("http://b/", true, 1, None),
                "http://b/: records go there for 2 min, and fails: no reason is known",
            ),
            (server("http://c/", false, 0, None), "http://c/: is not needed, as far as is known"),
        ] {
            assert_eq!(listed_text(&server, false, NOW), expected);
        }
    }

    #[test]
    fn what_can_not_be_seen_and_what_is_off() {
        let mut status = status();
        status.config = ConfigStatus { source: None, warnings: Vec::new() };
        status.consent.opted_in = false;
        status.daemons = vec![DaemonStatus { name: "telemprobd", running: None, pid: None }];
        status.socket.error = Some("nobody listens on it".to_owned());
        status.server = ServerStatus {
            url: None,
            api: "v2",
            delivery_enabled: false,
            list: Vec::new(),
            copies: Vec::new(),
        };
        status.spool =
            SpoolStatus { error: Some("/spool cannot be read: x".to_owned()), ..Default::default() };
        status.delivery = Delivery::default();
        status.counters = Vec::new();
        status.crashes.error = Some("/state/crashes.json cannot be read: x".to_owned());
        assert_eq!(
            printed(&status),
            "\
Consent         not opted in; see `telemctl preview` (/e/opt-in)
Configuration   built-in defaults
telemprobd      not known; run this as root
Socket          /s: nobody listens on it
Server          none is set; delivery is off, records end in the journal
Waiting         /spool cannot be read: x
Last delivered  never
Crashes         /state/crashes.json cannot be read: x
"
        );
    }
}
