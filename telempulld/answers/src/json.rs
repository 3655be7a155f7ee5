//! `/v1/environment`.

use crate::access::Extent;
use crate::checks::Check;
use crate::environment::{Environment, WatchedCertificate, iso_seconds};
use crate::fields::{Field, Fields};
use crate::window::{self, Summary};
use serde::Serialize;
use std::collections::BTreeMap;
use telemetry_sensors::process_list::Process;
use telemetry_sensors::{Family, Kind, Number, SensorReport};
use telemetry_xroad::identifier::ServerId;

/// The version of this form: names may be added, never renamed.
const FORM: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    server: Option<String>,
    time: &'a str,
    client_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operating_system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readings: Option<Vec<Reading<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Vec<Named<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensors: Option<Vec<Sensor<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a [Check]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<Certificate<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<Vec<Package<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<Running<'a>>>,
}

#[derive(Serialize)]
struct Reading<'a> {
    name: &'static str,
    labels: BTreeMap<&'static str, &'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    value: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Whole(u64),
    /// What is no number is null.
    Real(f64),
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

#[derive(Serialize)]
struct Sensor<'a> {
    name: &'a str,
    age_seconds: Option<u64>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Certificate<'a> {
    path: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    sha256: String,
    not_before: String,
    not_after: String,
    active: bool,
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Running<'a> {
    pid: u32,
    user: &'a str,
    command: &'a str,
    cpu: f64,
    memory: f64,
    start: String,
}

/// The text for somebody who may have this much, and asks for these parts.
pub fn text(
    environment: &Environment,
    server: Option<&ServerId>,
    extent: Extent,
    fields: &Fields,
) -> Vec<u8> {
    let is_all = extent == Extent::Everything;
    let all = |field| is_all && fields.has(field);
    // Where certificates are nearly all there is, they come without being named.
    let has_certificates = fields.has(Field::Certificates) || (!is_all && fields.is_usual());
    let states = environment.check_states();
    let document = Document {
        version: FORM,
        server: server.map(|server| format!("{}/{}", server.owner, server.code)),
        time: &environment.time,
        client_version: environment.version,
        operating_system: environment
            .operating_system
            .as_deref()
            .filter(|_| fields.has(Field::OperatingSystem)),
        readings: all(Field::Readings)
            .then(|| environment.families.iter().chain([&states]).flat_map(readings).collect()),
        windows: all(Field::Windows).then(|| {
            window::NAMES
                .into_iter()
                .zip(&environment.windows)
                .map(|(name, summary)| Named { name, summary })
                .collect()
        }),
        sensors: all(Field::Sensors).then(|| environment.sensors.iter().map(sensor).collect()),
        checks: all(Field::Checks).then_some(&environment.checks),
        certificates: has_certificates.then(|| certificates(environment)),
        packages: environment.packages.as_ref().filter(|_| all(Field::Packages)).map(|packages| {
            packages
                .iter()
                .map(|package| Package { name: &package.name, version: &package.version })
                .collect()
        }),
        processes: environment
            .processes
            .as_ref()
            .filter(|_| all(Field::Processes))
            .map(|processes| processes.iter().map(running).collect()),
    };
    let mut text = serde_json::to_vec(&document).unwrap_or_default();
    text.push(b'\n');
    text
}

fn readings(family: &Family) -> impl Iterator<Item = Reading<'_>> {
    family.samples.iter().map(|sample| Reading {
        name: family.metric.name,
        labels: sample.labels.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        kind: match family.metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Info => "info",
        },
        unit: family.metric.unit,
        value: match sample.value {
            Number::Whole(value) => Value::Whole(value),
            Number::Real(value) => Value::Real(value),
        },
    })
}

fn sensor(report: &SensorReport) -> Sensor<'_> {
    Sensor {
        name: &report.name,
        age_seconds: report.age_secs,
        error: report.error.as_ref().map(ToString::to_string),
    }
}

fn certificates(environment: &Environment) -> Vec<Certificate<'_>> {
    let now = environment.timestamp().as_second();
    environment.certificates.iter().map(|certificate| shown(certificate, now)).collect()
}

fn shown(certificate: &WatchedCertificate, now_unix_secs: i64) -> Certificate<'_> {
    Certificate {
        path: &certificate.path,
        kind: certificate.kind.word(),
        sha256: certificate.fingerprint.to_string(),
        not_before: iso_seconds(certificate.not_before_unix_secs),
        not_after: iso_seconds(certificate.not_after_unix_secs),
        active: certificate.is_valid_at(now_unix_secs),
    }
}

/// Arguments are in no JSON: they may hold secrets.
fn running(process: &Process) -> Running<'_> {
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    Running {
        pid: process.pid,
        user: &process.user,
        command: &process.command,
        cpu: tenths(process.cpu_percent),
        memory: tenths(process.memory_percent),
        start: iso_seconds(i64::try_from(process.start_unix_secs).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::CertificateKind;
    use serde_json::Value as Json;
    use std::sync::Arc;
    use telemetry_sensors::catalogue::{CPU_TIME, UPTIME};
    use telemetry_sensors::moment::{Memory, OwnProcess};
    use telemetry_sensors::{Sample, SensorError, packages};
    use telemetry_trust::Fingerprint;

    fn environment() -> Environment {
        let process = Process {
            pid: 7,
            user: "root".to_owned(),
            command: "sh".to_owned(),
            arguments: Some("sh --secret".to_owned()),
            cpu_percent: 1.26,
            memory_percent: 0.0,
            start_unix_secs: 0,
        };
        let failed =
            SensorReport { name: "memory".to_owned(), error: Some(SensorError::Hangs), age_secs: Some(60) };
        Environment {
            time: "2026-11-26T21:30:05.120Z".to_owned(),
            version: "4.0.1",
            operating_system: Some("Linux version 6".to_owned()),
            families: vec![
                Family { metric: &CPU_TIME, samples: vec![Sample::labelled("mode", "user", 1.5)] },
                Family { metric: &UPTIME, samples: vec![Sample::plain(f64::NAN)] },
            ],
            sensors: vec![failed],
            memory: Memory::default(),
            own: OwnProcess::default(),
            root: None,
            windows: [Summary::of(vec![1.0, 2.0]); 5],
            checks: vec![Check {
                name: "c".to_owned(),
                state: "OK",
                since: 3,
                attempt: 0,
                value: None,
                output: None,
            }],
            certificates: vec![WatchedCertificate {
                kind: CertificateKind::ClientTls,
                path: "/c".to_owned(),
                fingerprint: Fingerprint::of_der(b"x"),
                not_before_unix_secs: 0,
                not_after_unix_secs: 1,
            }],
            packages: Some(Arc::from([packages::Package { name: "a".to_owned(), version: "1".to_owned() }])),
            processes: Some(Arc::from([process])),
        }
    }

    fn json(extent: Extent, query: &str) -> Json {
        serde_json::from_slice(&text(&environment(), None, extent, &Fields::of_query(query))).unwrap()
    }

    fn names(json: &Json) -> Vec<&str> {
        json.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_usual_parts_and_those_that_are_named() {
        let json_of = json(Extent::Everything, "");
        let usual = [
            "checks",
            "client_version",
            "operating_system",
            "readings",
            "sensors",
            "server",
            "time",
            "version",
            "windows",
        ];
        assert_eq!(names(&json_of), usual);
        let reading = serde_json::json!({"name": "system_cpu_time_seconds", "labels": {"mode": "user"}, "type": "counter",
                                         "unit": "seconds", "value": 1.5});
        assert_eq!(json_of["readings"][0], reading);
        assert_eq!(json_of["readings"][1]["value"], Json::Null);
        assert_eq!(json_of["readings"][2]["name"], "telemetry_check_state");
        assert_eq!(json_of["windows"][0]["name"], "SystemCpuLoad");
        assert_eq!(json_of["windows"][0]["median"], 1.5);
        assert_eq!(
            json_of["sensors"][0],
            serde_json::json!({"name": "memory", "age_seconds": 60, "error": "no answer"})
        );
        let lists = json(Extent::Everything, "fields=packages,processes,certificates");
        assert_eq!(
            names(&lists),
            ["certificates", "client_version", "packages", "processes", "server", "time", "version"]
        );
        assert_eq!(lists["processes"][0]["cpu"], 1.3);
        assert_eq!(lists["certificates"][0]["active"], false);
        assert!(!lists.to_string().contains("secret"));
    }

    #[test]
    fn the_limit_leaves_what_it_leaves_by_soap() {
        let all = "fields=readings,windows,sensors,checks,packages,processes,certificates,operating_system";
        for query in ["", all] {
            let limited = json(Extent::Limited, query);
            assert_eq!(
                names(&limited),
                ["certificates", "client_version", "operating_system", "server", "time", "version"]
            );
        }
        assert_eq!(
            names(&json(Extent::Limited, "fields=packages")),
            ["client_version", "server", "time", "version"]
        );
    }
}
