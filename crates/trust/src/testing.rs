//! Certificates for tests, made by `openssl`: of version 1 by `openssl x509 -req -signkey`, of version 3 by
//! `openssl req -x509`, both of P-256 keys.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub(crate) const CERTIFICATE_V1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBIzCBywIUTqjYF7uktneUpoom1pDlwgJrZ6IwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJdGVsZW1ldHJ5MCAXDTI2MTEyNzA0MDEwNFoYDzIwNTEwNzE5MDQwMTA0
WjAUMRIwEAYDVQQDDAl0ZWxlbWV0cnkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASoX5xWt29jNrYkolU9c8vCAQYRhUNTuHesCA6Pp5a52qR4MzY07e+eh3bR6ofW
nD4WUYmC+4m5IsaTTIqzCrEAMAoGCCqGSM49BAMCA0cAMEQCIFJdXhFggHuIdFZu
0yPm3hZ4A8Y+B+drgLAZjqB7ObAHAiA9ftTJPCCOqOtCbUyIdlVkk5RDv6Gvlyq/
JCSOAkIahg==
-----END CERTIFICATE-----
";
pub(crate) const KEY_V1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILQpti1Rbn3t01Aed288lXmZTq5bvP2LTBU1CLTSK5TfoAoGCCqGSM49
AwEHoUQDQgAEqF+cVrdvYza2JKJVPXPLwgEGEYVDU7h3rAgOj6eWudqkeDM2NO3v
nod20eqH1pw+FlGJgvuJuSLGk0yKswqxAA==
-----END EC PRIVATE KEY-----
";
pub(crate) const PIN_V1: &str = "sha256//zXEsitzBpemZktf+uzCCW1ZA0Q6vGA9OlLX1vyzXde4=";
pub(crate) const FINGERPRINT_V1: &str =
    "8D:C4:C4:F5:53:74:3D:1D:A5:C8:66:7A:E8:62:7C:AD:4D:19:14:71:BF:B8:52:C8:42:4E:DF:DD:84:6A:D8:DA";
pub(crate) const CERTIFICATE_V3: &str = "\
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUcY6fhknVVfUpoQeLRxzrSTUmDxAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJdGVsZW1ldHJ5MCAXDTI2MTEyNzA0MDEwNFoYDzIwNTEwNzE5
MDQwMTA0WjAUMRIwEAYDVQQDDAl0ZWxlbWV0cnkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARzha+2I8KN5+V2hrEjNOMISzxx04MoMiiBSMS2B1++3judAZc3pueA
YC1kF4giOOrux5xt9mhoq8pSQ2pJRBkso1MwUTAdBgNVHQ4EFgQUraJKwcAEcsZq
a3TIQysKfR8DfdwwHwYDVR0jBBgwFoAUraJKwcAEcsZqa3TIQysKfR8DfdwwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAsg4v8fYLGHkjnKFbRdsk
FrSe2XEVuqxE+SqeLw5C4QUCIBFygzm7KIkZldq5t/wEUcLpUzSJAFXxrlFL6StE
sawJ
-----END CERTIFICATE-----
";
pub(crate) const KEY_V3: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2Vt3p9oprKbOoIxJ
u/HIo/h7DwpQJxqP5VwAYMYBcCWhRANCAARzha+2I8KN5+V2hrEjNOMISzxx04Mo
MiiBSMS2B1++3judAZc3pueAYC1kF4giOOrux5xt9mhoq8pSQ2pJRBks
-----END PRIVATE KEY-----
";
pub(crate) const PIN_V3: &str = "sha256//Xudh4Y3rI3ANd3/RnAIQ9QZbzBoEcQ8FHQOTxsq4AF4=";
pub(crate) const FINGERPRINT_V3: &str =
    "5E:1A:D9:76:13:CB:B6:35:1C:67:38:A2:D0:F1:5C:BA:69:04:2A:45:8F:36:68:4A:AE:0D:ED:F5:51:D9:98:DA";

/// The DER of a certificate in PEM.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().as_ref().to_owned()
}
