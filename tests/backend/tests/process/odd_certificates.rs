//! Certificates of clients that are odd in other ways than their fingerprint, which is what counts.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, IsCa, KeyPair, date_time_ymd,
};

use crate::collector::Collector;
use crate::party::{Party, curl, openssl};

/// Numbers of an extension that nobody knows.
const UNKNOWN_EXTENSION: [u64; 7] = [1, 3, 6, 1, 4, 1, 99_999];

/// A party whose certificate is valid in these years, with an extension of so many bytes, by this issuer or by itself.
fn party(
    directory: &Path,
    name: &str,
    (from, until): (i32, i32),
    bytes: usize,
    issuer: Option<&CertifiedIssuer<'_, KeyPair>>,
) -> Party {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    if bytes > 0 {
        let extension = CustomExtension::from_oid_content(&UNKNOWN_EXTENSION, vec![4; bytes]);
        params.custom_extensions.push(extension);
    }
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    fs::write(directory.join(format!("{name}.crt")), certificate.unwrap().pem()).unwrap();
    fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    Party::of_files(directory, name, name)
}

#[test]
fn dates_issuers_and_sizes_are_not_judged_and_what_cannot_be_verified_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let now = (2020, 2049);
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let authority_fingerprint = telem_collector::trust::Fingerprint::of_der(authority.der());
    let listed = [
        party(directory, "expired", (2000, 2001), 0, None),
        party(directory, "to-come", (2070, 2071), 0, None),
        party(directory, "large", now, 60_000, None),
        party(directory, "chained", now, 0, Some(&authority)),
        Party::new(directory, "rsa-v1", "-newkey rsa:2048"),
        Party::new(directory, "p384-v1", "-newkey ec -pkeyopt ec_paramgen_curve:secp384r1"),
    ];
    let of_authority = party(directory, "of-authority", now, 0, Some(&authority));
    openssl(
        directory,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp521r1 -nodes -subj /CN=x -days 2 -keyout p521.key -out p521.crt",
    );
    let p521 = Party::of_files(directory, "p521", "p521");
    let fingerprints =
        listed.iter().map(|party| party.fingerprint).chain([p521.fingerprint, authority_fingerprint]);
    let lines: String = fingerprints.map(|fingerprint| format!("{fingerprint} role=read\n")).collect();
    fs::write(directory.join("trust"), lines).unwrap();
    let [database, trust] = ["t.db", "trust"].map(|name| directory.join(name).display().to_string());
    let options = ["--tls-listen", "127.0.0.1:0", "--client-certificates", "require"];
    let collector = Collector::start(&[&options[..], &["--database", &database, "--trust", &trust]].concat());
    let page = format!("https://{}/telemetryui/groups", collector.tls.unwrap());
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let reads = |party: &Party| curl(&[&[page.as_str()], version, &party.shown()[..]].concat()).0;
        for party in &listed {
            assert_eq!(reads(party), 200, "{} {version:?}", party.pem.display());
        }
        assert_eq!(reads(&of_authority), 0, "a listed authority lists nobody else {version:?}");
        assert_eq!(reads(&p521), 0, "{version:?}");
    }
    assert_eq!(curl(&[&[page.as_str()], &listed[0].shown()[..]].concat()).0, 200, "it goes on");
    collector.stop();
}
