//! Who can connect, and as whom.

use telemetry_trust::{Role, TrustedCertificate};

use super::Examined;
use super::finding::Finding;
use crate::trust::ClientCertificates;

const ABOUT: &str = "listener";

pub(super) fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let options = examined.options;
    let mut findings = Vec::new();
    if let (Some(header), true) = (&options.trust.proxy_certificate_header, options.proxy.is_empty()) {
        findings.push(Finding::error(
            ABOUT,
            format!(
                "certificates in the header {header} are believed from nobody, since no --proxy is given"
            ),
            "give the proxy's address as --proxy ADDRESS",
        ));
    }
    let connects = |line: &&TrustedCertificate| line.words.servers.is_empty();
    let listed = examined.list.certificates().iter().filter(connects).count();
    let asks = options.trust.client_certificates != ClientCertificates::None;
    let is_proxied = options.trust.proxy_certificate_header.is_some();
    match (examined.speaks_tls(), asks) {
        (false, _) if options.sync.buffer && !is_proxied => findings.push(Finding::error(
            ABOUT,
            "this buffer speaks no TLS, so that nobody can fetch from it",
            "give --tls-listen ADDR:PORT",
        )),
        (false, _) if listed > 0 && !is_proxied => findings.push(Finding::warning(
            ABOUT,
            format!("{listed} certificates are listed, and no TLS is spoken, where they could be shown"),
            "give --tls-listen ADDR:PORT",
        )),
        (true, false) if listed > 0 => findings.push(Finding::warning(
            ABOUT,
            format!("{listed} certificates are listed, and nobody is asked for one"),
            "give --client-certificates ask",
        )),
        (true, true) if listed == 0 && options.trust.client_certificates == ClientCertificates::Require => {
            findings.push(Finding::error(
                ABOUT,
                "everybody is refused: a certificate is required, and none is listed",
                "`telem-collector trust add FINGERPRINT role=deliver`",
            ));
        }
        _ => {}
    }
    if options.sync.buffer && examined.speaks_tls() {
        findings.push(fetchers(examined));
    }
    findings
}

fn fetchers(examined: &Examined<'_>) -> Finding {
    let fetches = |line: &&TrustedCertificate| line.words.roles.contains(&Role::Fetch);
    let trust = &examined.options.trust;
    match examined.list.certificates().iter().filter(fetches).count() {
        0 if trust.client_ca.is_none() => Finding::error(
            ABOUT,
            "nobody may fetch from this buffer: no line has role=fetch",
            "`telem-collector identity` at the centre prints what connects; here, `telem-collector trust add FINGERPRINT \
             role=fetch`",
        ),
        _ if trust.client_certificates == ClientCertificates::None => Finding::error(
            ABOUT,
            "nobody can fetch from this buffer: nobody is asked for a certificate",
            "give --client-certificates ask",
        ),
        count => Finding::ok(ABOUT, format!("{count} certificates may fetch from this buffer")),
    }
}
