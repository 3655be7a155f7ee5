//! The buffers that are fetched from: each is spoken with, and what the database says of it is read.

use std::time::Duration;

use super::Examined;
use super::finding::Finding;
use crate::storage::Purpose;
use crate::sync::{Source, SourceState, probe, states};
use crate::timestamp::format_utc;
use crate::trust::{Connecting, Fingerprint, Kind};

const ABOUT: &str = "sync";

/// Two clocks may differ by so much.
const CLOCK_SECS: u64 = 300;

/// Longest silence of a source that is waited for here.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let sync = &examined.options.sync;
    if !sync.fetches() {
        return Vec::new();
    }
    let sources = match Source::list(&sync.sync_address.join(" "), sync.sync_port) {
        Ok(sources) => sources,
        Err(error) => return vec![Finding::error(ABOUT, error.to_string(), "mend sync_address")],
    };
    let known = known(examined);
    let mut findings = Vec::new();
    if let Err(error) = &known {
        let text = format!("how fetching stands cannot be seen: {error}");
        findings.push(Finding::warning(ABOUT, text, "start the collector, then run this again"));
    }
    let connecting = connecting(examined);
    let known = known.unwrap_or_default();
    for source in &sources {
        let state = known.iter().find(|state| state.source == source.to_string());
        findings.extend(of_source(examined, connecting.as_ref(), source, state));
    }
    findings
}

/// What the database says of all sources.
fn known(examined: &Examined<'_>) -> Result<Vec<SourceState>, String> {
    let database = examined.database.ok_or("there is no database")?;
    let engine = database.open_reading().map_err(|error| error.to_string())?;
    let mut session = engine.open(Purpose::Export).map_err(|error| error.to_string())?;
    states(&mut *session).map_err(|error| error.to_string())
}

/// Who connects; none where that is not there, which is said of it elsewhere. Nothing is made.
fn connecting(examined: &Examined<'_>) -> Option<Connecting> {
    let sync = &examined.options.sync;
    let own = examined.identity_directory().map(|directory| directory.join(Kind::Client.file()));
    let own = own.filter(|own| own.is_file());
    let certificate = sync.sync_cert.as_deref().or(own.as_deref())?;
    let given = (Some(certificate), sync.sync_key.as_deref());
    Connecting::new(given, sync.sync_ca.as_deref(), None).ok()
}

fn of_source(
    examined: &Examined<'_>,
    connecting: Option<&Connecting>,
    source: &Source,
    state: Option<&SourceState>,
) -> Vec<Finding> {
    let address = source.address();
    let lines = examined.list.certificates().iter().filter(|line| line.words.servers.contains(&address));
    let pins: Vec<Fingerprint> = lines.map(|line| line.fingerprint).collect();
    if pins.is_empty() && examined.options.sync.sync_ca.is_none() {
        return vec![Finding::error(
            ABOUT,
            format!("{source} is not trusted: no line has server={address}"),
            format!(
                "`telem-collector identity` there prints what listens; here, `telem-collector trust add FINGERPRINT \
                 server={address}`"
            ),
        )];
    }
    let Some(connecting) = connecting else { return state.map(of_state).unwrap_or_default() };
    let answer = probe(connecting, source, pins, SILENCE);
    if let Some(finding) = of_answer(source, &answer, connecting.fingerprint(), state) {
        return vec![finding];
    }
    let mut findings = state.map(of_state).unwrap_or_default();
    if findings.is_empty() {
        let fetched = state.filter(|state| state.fetched_secs > 0);
        let when = fetched.map_or_else(
            || "nothing was fetched yet".to_owned(),
            |state| format!("fetched at {}, {} records", format_utc(state.fetched_secs), state.records),
        );
        findings.push(Finding::ok(ABOUT, format!("{source} answers; {when}")));
    }
    findings
}

/// What an answer to us means; none: that we are known there.
fn of_answer(
    source: &Source,
    answer: &Result<u16, String>,
    own: Fingerprint,
    state: Option<&SourceState>,
) -> Option<Finding> {
    let address = source.address();
    let unknown = || {
        Finding::error(
            ABOUT,
            format!("{source} does not know this collector"),
            format!("there, `telem-collector trust add {own} role=fetch`"),
        )
    };
    match answer {
        Ok(200) => None,
        // One that knows us by an authority lets us fetch, and nothing else.
        Ok(403) if state.is_some_and(|state| state.fetched_secs > 0 && state.failing_since.is_none()) => None,
        Ok(403) => Some(unknown()),
        Ok(404 | 405 | 501) => Some(Finding::error(
            ABOUT,
            format!("{source} answers, but not to this: it is an old collector, or nothing is at this path"),
            "mend sync_address, or bring that collector up to date; Tentacle (41121) is another protocol",
        )),
        Ok(status) => Some(Finding::error(ABOUT, format!("{source} answers {status}"), "see its log")),
        Err(text) if text.contains("not the trusted one") => Some(Finding::error(
            ABOUT,
            text.clone(),
            format!(
                "if `telem-collector identity` there prints that one: `telem-collector trust add` it with server={address}, and \
                     remove the other"
            ),
        )),
        Err(text) if text.contains("alert") => Some(unknown()),
        Err(text) => Some(Finding::error(
            ABOUT,
            format!("{text}: it cannot be spoken with"),
            "check its address, that it runs with --tls-listen there, and what is between (firewall, proxy)",
        )),
    }
}

/// What the database says of a source.
fn of_state(state: &SourceState) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(since), Some(error)) = (state.failing_since, &state.error) {
        let text = format!("{error} (since {})", format_utc(since));
        findings.push(Finding::error(ABOUT, text, "put that right; the collector tries again by itself"));
    }
    if state.clock_behind_secs.unsigned_abs() > CLOCK_SECS {
        let (secs, source) = (state.clock_behind_secs, &state.source);
        let (by, where_to) = (secs.unsigned_abs(), if secs > 0 { "behind" } else { "ahead of" });
        findings.push(Finding::warning(
            ABOUT,
            format!("{source}: its clock is {by} seconds {where_to} ours"),
            "set the wrong one of both, for example by NTP; records have corrected times meanwhile",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn each_answer_has_its_cause_and_remedy() {
        let source = &Source::list("inner", 8443).unwrap()[0];
        let own = Fingerprint::of_der(b"own");
        let fetched = SourceState { fetched_secs: 5, ..SourceState::default() };
        let failed = |text: &str| Err(text.to_owned());
        for (answer, state, part) in [
            (Ok(200), None, None),
            (Ok(403), None, Some(format!("trust add {own} role=fetch"))),
            (Ok(403), Some(&fetched), None),
            (Ok(404), None, Some("an old collector".to_owned())),
            (Ok(500), None, Some("answers 500".to_owned())),
            (
                failed("inner: its certificate is X, which is not the trusted one"),
                None,
                Some("server=inner:8443".to_owned()),
            ),
            (
                failed("inner: received fatal alert: UnknownCA"),
                None,
                Some("does not know this collector".to_owned()),
            ),
            (failed("inner: Connection refused"), None, Some("it cannot be spoken with".to_owned())),
        ] {
            let found = of_answer(source, &answer, own, state);
            match part {
                None => assert_eq!(found, None, "{answer:?}"),
                Some(part) => {
                    let found = found.unwrap();
                    assert!(found.level == Level::Error && found.line().contains(&part), "{found:?}");
                }
            }
        }
    }

    #[test]
    fn a_failure_and_a_clock_are_reported_from_the_database() {
        let state = |behind, error: Option<&str>| SourceState {
            source: "inner:8443".to_owned(),
            clock_behind_secs: behind,
            failing_since: error.map(|_| 9),
            error: error.map(str::to_owned),
            ..SourceState::default()
        };
        assert_eq!(of_state(&state(300, None)), []);
        assert!(of_state(&state(301, None))[0].text.contains("301 seconds behind ours"));
        assert!(of_state(&state(-999, None))[0].text.contains("999 seconds ahead of ours"));
        let found = of_state(&state(0, Some("inner:8443: f frees here")));
        assert!(
            found[0].level == Level::Error && found[0].text.contains("f frees here (since "),
            "{found:?}"
        );
    }
}
