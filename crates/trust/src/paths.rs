//! Where the files of a service stand (contract).

use std::path::{Path, PathBuf};

/// Key and certificate of who connects.
pub const CLIENT_CERTIFICATE_FILE: &str = "cli_certificate.pem";

/// Key and certificate of who listens.
pub const SERVER_CERTIFICATE_FILE: &str = "srv_certificate.pem";

/// Key and certificate that are to take the place of the service's own.
pub const NEXT_CERTIFICATE_FILE: &str = "next_certificate.pem";

/// The same of who connects, where a service also listens.
pub const NEXT_CLIENT_CERTIFICATE_FILE: &str = "next_cli_certificate.pem";

/// Which peers have the next certificate.
pub const ANNOUNCED_FILE: &str = "announced";

/// Which peers were asked for theirs, and when.
pub const EXCHANGED_FILE: &str = "exchanged";

/// The fingerprint of who connects, for everybody to read.
pub const FINGERPRINT_FILE: &str = "cli_certificate.fingerprint";

/// The list of trusted certificates, which people write.
pub fn trust_file(etc_dir: &Path, service: &str) -> PathBuf {
    etc_dir.join(service).join("trusted_certificates.cfg")
}

/// The directory of a service's identity and of what it learned.
pub fn identity_dir(state_dir: &Path, service: &str) -> PathBuf {
    state_dir.join(identity_below(service))
}

/// The same, seen from `state_dir`.
pub(crate) fn identity_below(service: &str) -> PathBuf {
    Path::new("identity").join(service)
}
