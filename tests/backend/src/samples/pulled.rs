//! The answer to `GET /v1/environment`. How many bytes it may have is a matter of whoever fetches it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::check::{self, CheckReport};
use super::gather::{Gatherer, Reading};
use super::limits::{MACHINE_CHECKS, MACHINE_SERIES, WORD_CHARS};
use super::series::{Kind, Series};
use super::state::CheckState;
use super::text::clean;

/// The form that is read. Names may be added to it, never renamed.
const FORM: u32 = 1;

/// Elements of a list that are kept while it is read: more than count, since some are none.
const ELEMENTS: usize = 2 * MACHINE_SERIES;

/// The series of certificates.
const NOT_AFTER: &str = "telemetry_certificate_not_after_timestamp_seconds";

/// Digits of a certificate's fingerprint that its series have.
const FINGERPRINT_DIGITS: usize = 16;

/// What a machine answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// When it read that, by its clock, in Unix seconds.
    pub taken_secs: Option<i64>,
    /// What it is called in X-Road.
    pub server: Option<String>,
    /// The version of the client.
    pub client_version: Option<String>,
    /// The operating system.
    pub operating_system: Option<String>,
    /// Readings, with the ends of certificates.
    pub reading: Reading,
    /// All of its checks, if it says which it has.
    pub checks: Option<Vec<CheckReport>>,
}

#[derive(Deserialize)]
struct Document {
    version: u32,
    time: Option<String>,
    server: Option<String>,
    client_version: Option<String>,
    operating_system: Option<String>,
    readings: Option<Bounded<Value>>,
    checks: Option<Bounded<Check>>,
    certificates: Option<Bounded<Certificate>>,
}

#[derive(Deserialize)]
struct Value {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    unit: String,
    value: Option<f64>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    state: String,
    #[serde(default)]
    since: i64,
    #[serde(default)]
    attempt: i64,
    value: Option<f64>,
    output: Option<String>,
}

#[derive(Deserialize)]
struct Certificate {
    #[serde(default)]
    path: String,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    not_after: String,
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it: it is no JSON, or of another form.
pub fn parse(json: &[u8]) -> Result<Answer, String> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| clean(&format!("the answer is not of its form: {error}"), 200))?;
    if document.version != FORM {
        return Err(format!("the answer is of form {}; this collector reads form {FORM}", document.version));
    }
    let word =
        |text: Option<String>| text.map(|text| clean(&text, WORD_CHARS)).filter(|text| !text.is_empty());
    let mut gatherer = Gatherer::default();
    if let Some(Bounded { elements, left_out, .. }) = document.readings {
        gatherer.leave_out(left_out);
        elements.into_iter().for_each(|value| add(&mut gatherer, value));
    }
    if let Some(Bounded { elements, left_out, .. }) =
        document.certificates.filter(|_| !gatherer.has(NOT_AFTER))
    {
        gatherer.leave_out(left_out);
        elements.iter().for_each(|certificate| add_certificate(&mut gatherer, certificate));
    }
    Ok(Answer {
        taken_secs: document.time.as_deref().and_then(check::time),
        server: word(document.server),
        client_version: word(document.client_version),
        operating_system: document.operating_system.map(|text| clean(&text, 2 * WORD_CHARS)),
        reading: gatherer.finish(),
        checks: document
            .checks
            .map(|checks| checks.elements.into_iter().filter_map(report).take(MACHINE_CHECKS).collect()),
    })
}

fn add(gatherer: &mut Gatherer, value: Value) {
    let kind = match value.kind.as_str() {
        "counter" => Kind::Counter,
        "info" => Kind::Info,
        _ => Kind::Gauge,
    };
    let series = Series::new(&value.name, value.labels.into_iter().collect(), &value.unit, kind);
    gatherer.add(series, value.value.unwrap_or(f64::NAN));
}

/// As the machine itself names it.
fn add_certificate(gatherer: &mut Gatherer, certificate: &Certificate) {
    let digits: String =
        certificate.sha256.chars().filter(char::is_ascii_hexdigit).take(FINGERPRINT_DIGITS).collect();
    let labels = vec![
        ("path".to_owned(), certificate.path.clone()),
        ("sha256".to_owned(), digits.to_ascii_lowercase()),
    ];
    let series = Series::new(NOT_AFTER, labels, "seconds", Kind::Gauge);
    // Exact up to the year 285,000,000.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let ends = check::time(&certificate.not_after).map_or(f64::NAN, |secs| secs as f64);
    gatherer.add(series, ends);
}

fn report(check: Check) -> Option<CheckReport> {
    let state = CheckState::from_word(&check.state)?;
    let report = CheckReport::new(&check.name, state, check.since.max(0))?;
    Some(CheckReport {
        value: check.value.filter(|value| value.is_finite()),
        attempts: check.attempt.clamp(0, 1000),
        ..report.with_output(&check.output.unwrap_or_default())
    })
}

/// The first elements of a list, and how many more there are.
struct Bounded<T> {
    elements: Vec<T>,
    left_out: u64,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut bounded = Bounded { elements: Vec::new(), left_out: 0 };
                while bounded.elements.len() < ELEMENTS {
                    match list.next_element()? {
                        Some(element) => bounded.elements.push(element),
                        None => return Ok(bounded),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    bounded.left_out += 1;
                }
                Ok(bounded)
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"version":1,"server":"EE/GOV/1/s","time":"2026-11-26T21:30:05.120Z","client_version":"4.0.1",
        "operating_system":"Linux version 6","more":[{}],
        "readings":[
          {"name":"system_cpu_time_seconds","labels":{"mode":"user"},"type":"counter","unit":"seconds","value":1.5},
          {"name":"system_uptime_seconds","labels":{},"type":"gauge","unit":"seconds","value":null},
          {"name":"system_load","labels":{"minutes":"1"},"type":"gauge","unit":"","value":18446744073709551615}],
        "windows":[{"name":"SystemCpuLoad","count":2}],
        "checks":[{"name":"c","state":"CRITICAL","since":3,"attempt":1,"value":2.5,"output":"full\u001b"},
          {"name":"C","state":"OK","since":3,"attempt":0,"value":null,"output":null},
          {"name":"d","state":"FINE","since":3,"attempt":0,"value":null,"output":null}],
        "certificates":[{"path":"/c","type":"SECURITY_SERVER_TLS","sha256":"AB:CD:01234567890123456789","not_before":"2020-01-01T00:00:00Z",
          "not_after":"2049-12-31T00:00:00Z","active":true}]}"#;

    #[test]
    fn an_answer_is_read() {
        let answer = parse(TEXT.as_bytes()).unwrap();
        assert_eq!(answer.taken_secs, Some(1_795_728_605));
        assert_eq!(answer.server.as_deref(), Some("EE/GOV/1/s"));
        let points: Vec<_> = answer
            .reading
            .points
            .iter()
            .map(|p| (p.series.name.as_str(), p.series.labels.as_str(), p.value))
            .collect();
        assert_eq!(
            points,
            [
                ("system_cpu_time_seconds", "mode=\"user\"", 1.5),
                ("system_load", "minutes=\"1\"", 18_446_744_073_709_551_615.0),
                (NOT_AFTER, "path=\"/c\",sha256=\"abcd012345678901\"", 2_524_521_600.0),
            ]
        );
        assert_eq!(answer.reading.left_out, 1);
        let checks = answer.checks.unwrap();
        assert_eq!(checks.len(), 1, "{checks:?}");
        assert_eq!(
            (checks[0].state, checks[0].since_secs, checks[0].value),
            (CheckState::Critical, 3, Some(2.5))
        );
        assert_eq!(checks[0].output, "full\u{fffd}");
    }

    #[test]
    fn who_may_see_little_has_neither_readings_nor_checks() {
        let answer = parse(br#"{"version":1,"server":null,"time":"x","client_version":"4"}"#).unwrap();
        assert_eq!((answer.taken_secs, answer.checks, answer.reading), (None, None, Reading::default()));
    }

    #[test]
    fn wrong_answers_say_what_is_wrong_and_large_ones_are_bounded() {
        for (json, expected) in [
            ("", "EOF"),
            ("<html>", "expected value"),
            ("[]", "not of its form"),
            ("{\"version\":2}", "form 2"),
            ("{\"version\":1,\"readings\":{}}", "a list"),
            ("{\"version\":1,\"readings\":[{\"name\":\"a\",\"value\":\"x\"}]}", "not of its form"),
        ] {
            let error = parse(json.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let many: Vec<String> =
            (0..100_000).map(|n| format!("{{\"name\":\"n{n}\",\"value\":{n}}}")).collect();
        let answer =
            parse(format!("{{\"version\":1,\"readings\":[{}]}}", many.join(",")).as_bytes()).unwrap();
        assert_eq!((answer.reading.points.len(), answer.reading.left_out), (MACHINE_SERIES, 100_000 - 512));
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
