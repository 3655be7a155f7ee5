//! The certificate that a proxy of ours was shown: PEM, URL-encoded, as nginx's `$ssl_client_escaped_cert`.

use axum::http::{HeaderMap, HeaderName};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use telemetry_trust::{Fingerprint, der};

/// Bytes of a header; a certificate of RSA 4096 has 2,500 when it is encoded.
const MAX_BYTES: usize = 24 * 1024;

/// The fingerprint of the certificate in a header; none where there is none, or no single one.
pub(super) fn fingerprint(headers: &HeaderMap, name: &HeaderName) -> Option<Fingerprint> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else { return None };
    if value.len() > MAX_BYTES {
        return None;
    }
    let pem = decoded(value)?;
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    let (Some(Ok(leaf)), None) = (certificates.next(), certificates.next()) else { return None };
    der::parts(&leaf).ok()?;
    Some(Fingerprint::of_der(&leaf))
}

/// Undoes `%XX`; a plus sign stands for itself.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-client-certificate");

    fn certificate() -> (String, Fingerprint) {
        let made = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
        let escaped: String = made.cert.pem().bytes().map(|byte| format!("%{byte:02X}")).collect();
        (escaped, Fingerprint::of_der(made.cert.der()))
    }

    #[test]
    fn one_whole_certificate_counts_and_nothing_else() {
        let (escaped, expected) = certificate();
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(NAME, HeaderValue::from_str(value).unwrap());
            }
            fingerprint(&headers, &NAME)
        };
        assert_eq!(of(&[&escaped]), Some(expected));
        for wrong in [
            vec![],
            vec![""],
            vec![escaped.as_str(), escaped.as_str()],
            vec![&escaped[..escaped.len() - 1]],
            vec![&escaped[..escaped.len() / 2]],
            vec!["%2"],
            vec!["%zz"],
        ] {
            assert_eq!(of(&wrong), None, "{wrong:?}");
        }
        assert_eq!(of(&[&format!("{escaped}{}", certificate().0)]), None, "two in one");
    }
}
