//! What a failure of TLS means: which check failed, for which host, and the remedy.
//!
//! libcurl passes on what its TLS library reports. The words below are those of OpenSSL, 1.1 and 3; what is in
//! other words, as with GnuTLS, is passed on as it is, behind the host.

use telemetry_trust::Fingerprint;

/// Codes of libcurl that are about TLS (`CURLE_...` in curl.h).
const SSL_CONNECT_ERROR: u32 = 35;
const PEER_FAILED_VERIFICATION: u32 = 60;
const RECV_ERROR: u32 = 56;
const SSL_CACERT_BADFILE: u32 = 77;
const SSL_PINNEDPUBKEYNOTMATCH: u32 = 90;

/// What a server's alerts are called that are about our certificate.
const ALERTS_ABOUT_OURS: [&str; 6] = [
    "alert certificate required",
    "alert unknown ca",
    "alert bad certificate",
    "alert handshake failure",
    "alert access denied",
    "alert certificate unknown",
];

/// Whether a code says that the server's certificate is not accepted.
pub(crate) fn is_refused(code: u32) -> bool {
    matches!(code, PEER_FAILED_VERIFICATION | SSL_PINNEDPUBKEYNOTMATCH)
}

/// What is reported of a certificate that the clock decides about.
const EXPIRED: &str = "has expired";
const NOT_YET_VALID: &str = "not yet valid";

/// Parts of what is reported, and the check that they mean.
const CHECKS: [(&[&str], &str); 5] = [
    (
        &["subject name", "Hostname mismatch", "IP address mismatch"],
        "is not for this name; `server` must name a host that it is for",
    ),
    (&[EXPIRED], "has expired; the server needs a new one, if this machine's clock is right"),
    (&[NOT_YET_VALID], "is not valid yet; the server needs another one, if this machine's clock is right"),
    (
        &["self-signed certificate in", "self signed certificate in", "issuer", "verify the first"],
        "is by an authority that is not known here; `cainfo` must name a file with the authority's certificate",
    ),
    (
        &["self-signed", "self signed"],
        "is self-signed, by no authority that is known here; `cainfo` must name a file that holds it",
    ),
];

/// Whether a certificate was not accepted for the time that this machine's clock shows.
pub(crate) fn is_about_time(code: u32, said: &str) -> bool {
    code == PEER_FAILED_VERIFICATION && (said.contains(EXPIRED) || said.contains(NOT_YET_VALID))
}

/// A sentence, ending in what libcurl reports; none if `code` is no matter of TLS. `fingerprint` is that of the certificate
/// which was shown to the server.
pub(crate) fn sentence(
    code: u32,
    said: &str,
    url: &str,
    ca_file: Option<&str>,
    fingerprint: Option<Fingerprint>,
) -> Option<String> {
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let authority = authority(url);
    let host = host(authority);
    let finding = match code {
        PEER_FAILED_VERIFICATION => {
            let check = CHECKS.iter().find(|(parts, _)| says(parts)).map(|(_, check)| *check);
            format!("the certificate of {host} {}", check.unwrap_or("is not accepted"))
        }
        SSL_PINNEDPUBKEYNOTMATCH => format!("{authority} has another key than the one that was trusted"),
        SSL_CONNECT_ERROR | RECV_ERROR if says(&ALERTS_ABOUT_OURS) => about_ours(authority, fingerprint),
        SSL_CACERT_BADFILE => match ca_file {
            Some(file) => format!("cainfo={file}: no file with certificates in PEM that can be read"),
            None => "the system's certificates cannot be read; `cainfo` can name others".to_owned(),
        },
        SSL_CONNECT_ERROR if says(&["protocol version", "unsupported protocol", "no protocols"]) => {
            format!("{authority} does not speak TLS 1.2 or later; the server needs it")
        }
        SSL_CONNECT_ERROR if says(&["wrong version number", "packet length", "http request"]) => {
            format!(
                "{authority} does not speak TLS; `server` must name a port that does, or begin with http://"
            )
        }
        SSL_CONNECT_ERROR => format!("TLS with {authority} cannot begin"),
        _ => return None,
    };
    Some(format!("{finding} ({said})"))
}

/// The server ended the handshake over our certificate, or over there being none.
fn about_ours(authority: &str, fingerprint: Option<Fingerprint>) -> String {
    match fingerprint {
        Some(fingerprint) => format!(
            "{authority} does not accept this machine's certificate; the server's list of trusted certificates needs the line \
             {fingerprint} role=deliver"
        ),
        None => format!(
            "{authority} wants a certificate, and is shown none; `telemctl trust {authority}` trusts it by its fingerprint, \
             after which it is shown ours"
        ),
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Without the port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://me:secret@telemetry.example.org:8443/v2/collector";

    #[test]
    fn each_fault_of_a_certificate_names_its_check_and_host() {
        for (said, expected) in [
            // OpenSSL 3 and 1.1, and libcurl's own words for names.
            (
                "SSL: no alternative certificate subject name matches target host name 'telemetry.example.org'",
                "is not for this name",
            ),
            (
                "SSL: certificate subject name 'a' does not match target host name 'telemetry.example.org'",
                "is not for this name",
            ),
            ("SSL certificate problem: certificate has expired", "has expired"),
            ("SSL certificate problem: certificate is not yet valid", "is not valid yet"),
            ("SSL certificate problem: self-signed certificate", "is self-signed"),
            ("SSL certificate problem: self signed certificate", "is self-signed"),
            (
                "SSL certificate problem: self-signed certificate in certificate chain",
                "is by an authority that is not known here",
            ),
            (
                "SSL certificate problem: unable to get local issuer certificate",
                "is by an authority that is not known here",
            ),
            (
                "SSL certificate problem: unable to verify the first certificate",
                "is by an authority that is not known here",
            ),
            ("SSL certificate problem: CA certificate key too weak", "is not accepted ("),
            ("server certificate verification failed. CAfile: none CRLfile: none", "is not accepted ("),
        ] {
            let sentence = sentence(60, said, URL, None, None).unwrap();
            let begin = format!("the certificate of telemetry.example.org {expected}");
            assert!(sentence.starts_with(&begin) && sentence.ends_with(&format!(" ({said})")), "{sentence}");
            let is_about_time = expected == "has expired" || expected == "is not valid yet";
            assert_eq!(
                (super::is_about_time(60, said), super::is_about_time(35, said)),
                (is_about_time, false)
            );
        }
    }

    #[test]
    fn other_faults_of_tls_name_the_remedy() {
        for (code, said, ca_file, expected) in [
            (
                35,
                "error:0A00042E:SSL routines::tlsv1 alert protocol version",
                None,
                "h:1 does not speak TLS 1.2",
            ),
            (35, "error:0A000102:SSL routines::unsupported protocol", None, "h:1 does not speak TLS 1.2"),
            (35, "error:0A00010B:SSL routines::wrong version number", None, "h:1 does not speak TLS;"),
            (35, "OpenSSL SSL_connect: Connection reset by peer", None, "TLS with h:1 cannot begin ("),
            (77, "error setting certificate file: /ca", Some("/ca"), "cainfo=/ca: no file"),
            (77, "error setting certificate file: /etc", None, "the system's certificates cannot be read"),
        ] {
            let sentence = sentence(code, said, "https://h:1/", ca_file, None).unwrap();
            assert!(
                sentence.starts_with(expected) && sentence.ends_with(&format!(" ({said})")),
                "{sentence}"
            );
        }
        for code in [0, 6, 7, 28, 52, 56, 92] {
            assert_eq!(sentence(code, "no matter of TLS: certificate has expired", URL, None, None), None);
        }
    }

    #[test]
    fn the_host_is_found_in_any_url() {
        for (url, authority_of_it, host_of_it) in [
            ("https://h/", "h", "h"),
            ("https://h:443?x=https://other/", "h:443", "h"),
            ("https://u:p@h:1/x@y", "h:1", "h"),
            ("https://[::1]:8443/", "[::1]:8443", "[::1]"),
            ("https://[::1]/", "[::1]", "[::1]"),
            ("https://h#f", "h", "h"),
        ] {
            assert_eq!((authority(url), host(authority(url))), (authority_of_it, host_of_it), "{url}");
        }
    }
}
