//! Certificates that an administrator named: when each ends. Of a certificate nothing is read but its dates and its hash.

use crate::catalogue::CERTIFICATE_NOT_AFTER;
use crate::error::SensorError;
use crate::limits::{CERTIFICATE_FILE_BYTES, CERTIFICATES, LABEL_BYTES};
use crate::metric::{Family, Sample};
use crate::text;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;
use telemetry_files::bounded_file;
use telemetry_trust::{Fingerprint, der};

mod glob;

/// Digits of the hash that distinguish certificates of one file.
const HASH_DIGITS: usize = 16;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The file that it is in.
    pub path: String,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// When it begins, in seconds since 1970.
    pub not_before_unix_secs: i64,
    /// When it ends, likewise.
    pub not_after_unix_secs: i64,
}

/// When a certificate in DER ends, in seconds since 1970; none for what is no certificate.
pub fn end_of(der: &[u8]) -> Option<i64> {
    unix_secs(&der::parts(der).ok()?.not_after)
}

/// The series of these files and patterns, and what cannot be read.
pub(crate) fn read(words: &[String]) -> (Family, Vec<(String, SensorError)>) {
    let (certificates, faults) = list(words);
    let sample = |certificate: &Certificate| {
        let hash: String = certificate.fingerprint.to_string().chars().filter(|c| *c != ':').collect();
        let hash: String = hash.to_ascii_lowercase().chars().take(HASH_DIGITS).collect();
        let end = certificate.not_after_unix_secs as f64;
        Sample::labelled("path", certificate.path.clone(), end).and("sha256", hash)
    };
    let samples = certificates.iter().map(sample).collect();
    (Family { metric: &CERTIFICATE_NOT_AFTER, samples }, faults)
}

/// The certificates of these files and patterns, each once a file, and what cannot be read.
pub fn list(words: &[String]) -> (Vec<Certificate>, Vec<(String, SensorError)>) {
    let (mut certificates, mut faults) = (Vec::new(), Vec::new());
    for path in words.iter().flat_map(|word| glob::files(word)) {
        let shown = text::name(path.as_os_str().as_encoded_bytes()).into_owned();
        if shown.len() > LABEL_BYTES || certificates.len() >= CERTIFICATES {
            let why = if shown.len() > LABEL_BYTES { "its path is too long" } else { "there are too many" };
            faults.push((shown.chars().take(LABEL_BYTES / 4).collect(), SensorError::Other(why.to_owned())));
            continue;
        }
        match of_file(&path, &shown) {
            Ok(found) => {
                for certificate in found.into_iter().take(CERTIFICATES) {
                    if !certificates.contains(&certificate) {
                        certificates.push(certificate);
                    }
                }
            }
            Err(error) => faults.push((shown, error)),
        }
    }
    certificates.truncate(CERTIFICATES);
    (certificates, faults)
}

fn of_file(path: &Path, shown: &str) -> Result<Vec<Certificate>, SensorError> {
    let read =
        |path: &Path| bounded_file::read_all(&bounded_file::open_regular(path)?, CERTIFICATE_FILE_BYTES);
    let bytes = read(path).map_err(|error| SensorError::Other(error.to_string()))?;
    let none = || SensorError::Other("no certificate is in it".to_owned());
    let found: Vec<_> = if bytes.starts_with(&[0x30]) {
        certificate(&bytes, shown).into_iter().collect()
    } else {
        let all = CertificateDer::pem_slice_iter(&bytes).map_while(Result::ok);
        all.filter_map(|der| certificate(&der, shown)).collect()
    };
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

fn certificate(bytes: &[u8], path: &str) -> Option<Certificate> {
    let parts = der::parts(bytes).ok()?;
    Some(Certificate {
        path: path.to_owned(),
        fingerprint: Fingerprint::of_der(bytes),
        not_before_unix_secs: unix_secs(&parts.not_before)?,
        not_after_unix_secs: unix_secs(&parts.not_after)?,
    })
}

/// From `YYYYMMDDhhmmss` in UTC.
fn unix_secs(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(8..10)?, number(10..12)?, number(12..14)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 || text.len() != 14 {
        return None;
    }
    // Days of years that begin in March, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn dates_are_seconds() {
        for (text, expected) in [
            ("19700101000000", Some(0)),
            ("20000229120000", Some(951_825_600)),
            ("20261127071954", Some(1_795_763_994)),
            ("99991231235959", Some(253_402_300_799)),
            ("20261327000000", None),
            ("2026112707195", None),
            ("2026112707195x", None),
        ] {
            assert_eq!(unix_secs(text), expected, "{text}");
        }
    }

    #[test]
    fn files_are_read_in_both_forms_and_by_patterns_and_others_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "10",
            ])
            .args(["-subj", "/CN=secret.example", "-keyout", &at("key.pem"), "-out", &at("a.crt")])
            .output();
        assert!(made.unwrap().status.success(), "openssl");
        let made = Command::new("openssl")
            .args(["x509", "-in", &at("a.crt"), "-outform", "DER", "-out", &at("b.crt")])
            .output();
        assert!(made.unwrap().status.success(), "openssl");
        let pem = std::fs::read_to_string(at("a.crt")).unwrap();
        std::fs::write(at("chain.crt"), format!("text\n{pem}{pem}")).unwrap();
        let (found, faults) = list(&[at("*.crt"), at("key.pem"), at("none.pem")]);
        let names: Vec<_> = found.iter().map(|certificate| certificate.path.clone()).collect();
        assert_eq!(names, [at("a.crt"), at("b.crt"), at("chain.crt")]);
        assert!(found.windows(2).all(|pair| pair[0].fingerprint == pair[1].fingerprint));
        assert_eq!(found[0].not_after_unix_secs - found[0].not_before_unix_secs, 10 * 86_400);
        let faults: Vec<_> = faults.into_iter().map(|(path, _)| path).collect();
        assert_eq!(faults, [at("key.pem"), at("none.pem")]);
        let (family, _) = read(&[at("a.crt")]);
        let text = crate::openmetrics::text(&[family]);
        assert!(text.contains("sha256=\"") && !text.contains("secret"), "{text}");
    }

    proptest! {
        #[test]
        fn noise_is_no_certificate(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[0-9]{14}") {
            let _ = certificate(&bytes, "/x");
            let _ = unix_secs(&text);
        }
    }
}
