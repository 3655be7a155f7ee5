//! `pull status`: where this machine is asked, who may, what each gets, and by what it is known itself.

use super::rights::params_file;
use super::{Rights, central_client, files, switched_on};
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::{duration_text, local_time, services, trust};
use jiff::tz::TimeZone;
use std::io::{self, Write};
use std::path::Path;
use telemetry_config::consent;
use telemetry_record::harmless::word;
use telemetry_trust::paths::SERVER_CERTIFICATE_FILE;
use telemetry_trust::{TrustList, TrustedCertificate, Window, shown_fingerprint};
use telemetry_xroad::identifier::ClientId;
use telempull_answers::access::Caller;
use telempull_answers::settings::{SERVICE, Settings};

/// Width of the names on the left.
const NAME_WIDTH: usize = 15;

/// What is known of trust.
struct Trusted {
    list: TrustList,
    learned: TrustList,
    window: Option<Window>,
}

/// Prints it, a line a thing.
pub(super) fn print(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let files = files(installation);
    let trusted =
        Trusted { list: files.parse(&files.text()?)?, learned: files.learned()?, window: files.window()? };
    let settings = &installation.settings.pull;
    let central = central_client(settings);
    let mut lines = vec![("Asked", asked(installation))];
    if settings.is_on() || settings.state_dir.exists() {
        lines.push(("Certificate", certificate(&settings.state_dir)));
    }
    lines.extend(trusted_lines(&trusted, settings, central.as_ref().ok().and_then(Option::as_ref)));
    if settings.member.is_some() {
        lines.push(("Central client", central_text(settings, &central)));
    }
    lines.extend(trusted.list.warnings().iter().map(|warning| ("", format!("warning: {warning}"))));
    write_lines(&lines, out).map_err(Failure::Output)
}

fn write_lines(lines: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|(name, text)| writeln!(out, "{name:<NAME_WIDTH$} {}", word(text)))
}

fn asked(installation: &Installation) -> String {
    let Some(words) = switched_on(&installation.settings.pull) else {
        return "nowhere: pull_listen and pull_local are empty".to_owned();
    };
    if !consent::is_opted_in(&installation.settings.etc_dir) {
        return format!("after opt-in, {words}");
    }
    let is_running = services::residents(installation).iter().any(|(name, _)| *name == SERVICE);
    match (is_running, services::is_managed(installation)) {
        (false, false) => format!("when somebody runs {SERVICE}, {words}"),
        _ => words,
    }
}

/// By what those who ask know this machine.
fn certificate(state_dir: &Path) -> String {
    match shown_fingerprint(state_dir, SERVICE, SERVER_CERTIFICATE_FILE) {
        Ok(Some(fingerprint)) => fingerprint.to_string(),
        Ok(None) => format!("{SERVICE} makes one when it is first started"),
        Err(error) => format!("cannot be read: {error}; run this as root"),
    }
}

fn trusted_lines(
    trusted: &Trusted,
    settings: &Settings,
    central: Option<&ClientId>,
) -> Vec<(&'static str, String)> {
    let zone = local_time::zone();
    let written = trusted.list.certificates().iter().map(|line| (line, false));
    // What was announced has the rights of who announced it, and is gone with him.
    let all = trusted.list.clone().with_learned(&trusted.learned);
    let is_learned = |line: &&TrustedCertificate| trusted.list.find(&line.fingerprint).is_none();
    let both = written.chain(all.certificates().iter().filter(is_learned).map(|line| (line, true)));
    let mut lines: Vec<_> = both
        .map(|(line, is_learned)| ("Trusted", trusted_text(line, is_learned, settings, central, &zone)))
        .collect();
    if lines.is_empty() {
        lines.push((
            "Trusted",
            "no certificate; `telemctl pull trust FINGERPRINT role=pull` adds one".to_owned(),
        ));
    }
    if let Some(window) = &trusted.window {
        let rest = duration_text::of_secs(window.rest.as_secs());
        lines.push(("First use", format!("the next unknown certificate is trusted, for {rest} more")));
    }
    lines
}

fn trusted_text(
    line: &TrustedCertificate,
    is_learned: bool,
    settings: &Settings,
    central: Option<&ClientId>,
    zone: &TimeZone,
) -> String {
    let rights = Rights::new(&Caller::of_line(&line.words), settings, central);
    let (words, origin) = match is_learned {
        true => (String::new(), format!(" ({})", trust::origin(line, zone))),
        false if line.comment.is_empty() => (line.words.to_string(), String::new()),
        false => (line.words.to_string(), format!(" ({})", line.comment)),
    };
    format!("{}{words}: gets {rights}{origin}", line.fingerprint)
}

/// Whether no certificate gets anything.
pub(crate) fn is_nobody_trusted(
    list: &TrustList,
    learned: &TrustList,
    settings: &Settings,
    central: Option<&ClientId>,
) -> bool {
    let all = list.clone().with_learned(learned);
    all.certificates()
        .iter()
        .all(|line| Rights::new(&Caller::of_line(&line.words), settings, central).are_none())
}

fn central_text(settings: &Settings, central: &Result<Option<ClientId>, String>) -> String {
    let file = params_file(settings);
    let file = file.display();
    match central {
        Ok(Some(client)) => format!("{client}, says {file}"),
        Ok(None) => format!("none, says {file}: nobody but the owner gets SOAP"),
        Err(error) => format!("{file}: {error}; the last valid one holds until {SERVICE} ends"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;
    use telemetry_trust::{Fingerprint, Grammar};

    #[test]
    fn each_certificate_is_listed_with_what_it_gets() {
        let (a, b, c) = (Fingerprint::of_der(b"a"), Fingerprint::of_der(b"b"), Fingerprint::of_der(b"c"));
        let list = format!("{a} role=read Prometheus\n{b} client=A/B/9\n");
        let list = TrustList::parse(list.as_bytes(), Grammar::Administrators).unwrap();
        let (d, e) = (Fingerprint::of_der(b"d"), Fingerprint::of_der(b"e"));
        let learned =
            format!("{c} by=first-use\n{d} next-of={a}\n{e} next-of={}\n", Fingerprint::of_der(b"gone"));
        let learned = TrustList::parse(learned.as_bytes(), Grammar::Learned).unwrap();
        let text = "[settings]\nmember=A/B/1\npull_listen=127.0.0.1:1\n";
        let settings = Settings::read(&Configuration::parse(Path::new("/f"), text).unwrap()).unwrap();
        let trusted = Trusted { list, learned, window: None };
        let lines: Vec<_> =
            trusted_lines(&trusted, &settings, None).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            lines,
            [
                format!("{a} role=read: gets /metrics (Prometheus)"),
                format!("{b} client=A/B/9: gets nothing"),
                format!("{c}: gets /v1/environment, /metrics (learned on first use)"),
                format!("{d}: gets /metrics (announced by {a})"),
            ]
        );
        assert!(!is_nobody_trusted(&trusted.list, &trusted.learned, &settings, None));
        let none = TrustList::default();
        assert!(is_nobody_trusted(&none, &none, &settings, None));
    }

    #[test]
    fn the_file_of_the_central_client_is_named() {
        let text = "[settings]\nmonitoring_params=/p.xml\n";
        let settings = Settings::read(&Configuration::parse(Path::new("/f"), text).unwrap()).unwrap();
        for (central, part) in [
            (Ok("A/B/1".parse().ok()), "MEMBER:A/B/1, says /p.xml"),
            (Ok(None), "nobody but the owner"),
            (Err("line 3: x".to_owned()), "/p.xml: line 3: x; the last valid one holds"),
        ] {
            let text = central_text(&settings, &central);
            assert!(text.contains(part), "{text}");
        }
    }
}
