//! What the command line says of TLS and of who is trusted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::http::HeaderName;
use clap::Args;

use super::caller::ClientCertificates;
use crate::storage::sqlite::MEMORY;

/// TLS, and who is trusted. Without any of it this collector speaks plain HTTP, and asks nobody for a certificate.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustOptions {
    /// Speak TLS at every --listen
    #[arg(long)]
    pub tls: bool,

    /// Address and port to listen on with TLS, beside a plain --listen; repeatable
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub tls_listen: Vec<SocketAddr>,

    /// Certificate with its chain, in PEM; left out: one of our own making in --identity, to be trusted by its fingerprint
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// Key of --certificate, where that file has none
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,

    /// Directory of this collector's own certificates; `identity` beside a database file if it is left out
    #[arg(long, value_name = "DIR")]
    pub identity: Option<PathBuf>,

    /// File of trusted certificates: a fingerprint a line, then role=deliver|fetch|read|administrate; read again when it
    /// changes
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,

    /// Authorities, in PEM, whose certificates may fetch, besides those of --trust
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,

    /// Whether clients are asked for a certificate
    #[arg(long, value_enum, default_value_t)]
    pub client_certificates: ClientCertificates,

    /// Header in which a proxy passes a client's certificate, as nginx's $ssl_client_escaped_cert; believed from the
    /// addresses of --proxy alone
    #[arg(long, value_name = "NAME")]
    pub proxy_certificate_header: Option<HeaderName>,
}

/// Reads an address to listen on.
///
/// # Errors
/// A sentence on what an address is like.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address is like 127.0.0.1:8080 or [::1]:8080".to_owned())
}

impl TrustOptions {
    /// The directory of our own certificates: the one that is given, or that beside a database file.
    #[must_use]
    pub fn identity_directory(&self, database_file: Option<&Path>) -> Option<PathBuf> {
        let beside = || {
            let file = database_file.filter(|file| *file != Path::new(MEMORY))?;
            Some(file.parent()?.join("identity"))
        };
        self.identity.clone().or_else(beside)
    }
}
