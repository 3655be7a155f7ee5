//! How a server's certificate is checked.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::url::RootCertificates;

/// A configuration that trusts these certificates, and no server with another name.
pub(super) fn config(source: &RootCertificates) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match source {
        RootCertificates::System => {
            // Some systems have odd ones among theirs; the others count.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        RootCertificates::File(path) => {
            let wrong = |reason: String| format!("cannot read certificates from {path:?}: {reason}");
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
        }
    }
    if roots.is_empty() {
        return Err("there are no certificates to check the server's against".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
