//! What the command line says of access.

use std::net::IpAddr;
use std::path::PathBuf;

use axum::http::HeaderName;

/// What the options say of access.
#[derive(Clone, Debug, Default)]
pub struct AccessOptions {
    /// The password file.
    pub users: Option<PathBuf>,
    /// The header in which a proxy names the user.
    pub user_header: Option<HeaderName>,
    /// The addresses of proxies.
    pub proxies: Vec<IpAddr>,
    /// Who may change; empty: everybody who is known.
    pub may_change: Vec<String>,
}
