//! A client of debuginfod: one request, one file, within bounds.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::limits::{DOWNLOAD_TIME, FILE_BYTES, REDIRECTS, SILENT_TIME};
use super::server_url::ServerUrl;
use super::temporary;

/// What a file may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    /// From the connection to the last byte.
    pub(super) total: Duration,
    /// Until the next byte.
    pub(super) silent: Duration,
}

impl Bounds {
    /// Those of [`super::limits`].
    pub(super) const DEFAULT: Self = Self { bytes: FILE_BYTES, total: DOWNLOAD_TIME, silent: SILENT_TIME };

    /// What a server does within its time.
    async fn silent<T>(self, what: impl Future<Output = T>) -> Result<T, NoFile> {
        let silent = |_| NoFile::Failed(format!("it was silent for {} s", self.silent.as_secs_f32()));
        timeout(self.silent, what).await.map_err(silent)
    }
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoFile {
    /// The server has none.
    NotThere,
    /// What it has is not used.
    Refused(String),
    /// The server is out of order, or out of reach.
    Failed(String),
}

/// Fetches the debug file of a build-id.
///
/// # Errors
/// If there is none.
pub(super) async fn fetch(server: &ServerUrl, build_id: &str, bounds: Bounds) -> Result<(File, u64), NoFile> {
    let too_slow = || NoFile::Failed(format!("it took longer than {} s", bounds.total.as_secs_f32()));
    let file = timeout(bounds.total, follow(server, server.path_of(build_id), bounds));
    file.await.unwrap_or_else(|_| Err(too_slow()))
}

async fn follow(server: &ServerUrl, mut path: String, bounds: Bounds) -> Result<(File, u64), NoFile> {
    for _ in 0..=REDIRECTS {
        let response = ask(server, &path, bounds).await?;
        let status = response.status();
        if status == StatusCode::OK {
            return store(response, bounds).await;
        }
        if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
            return Err(NoFile::NotThere);
        }
        if !status.is_redirection() {
            return Err(NoFile::Failed(format!("it answered {status}")));
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let elsewhere =
            || NoFile::Refused("it redirects to another server, which is not followed".to_owned());
        path = location.and_then(|location| server.redirected(location)).ok_or_else(elsewhere)?;
    }
    Err(NoFile::Refused(format!("it redirects more than {REDIRECTS} times")))
}

async fn ask(server: &ServerUrl, path: &str, bounds: Bounds) -> Result<Response<Incoming>, NoFile> {
    let failed = |error: &dyn std::fmt::Display| NoFile::Failed(error.to_string());
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let stream =
        bounds.silent(TcpStream::connect((host, server.port))).await?.map_err(|error| failed(&error))?;
    if !server.is_tls {
        return exchange(stream, server, path, bounds).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let connector = TlsConnector::from(Arc::new(tls().map_err(NoFile::Failed)?));
    let stream = bounds.silent(connector.connect(name, stream)).await?.map_err(|error| failed(&error))?;
    exchange(stream, server, path, bounds).await
}

/// With the system's certificates.
fn tls() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // Some systems have odd ones among theirs; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

/// Asks, and waits for the headers of the answer.
async fn exchange<S>(
    stream: S,
    server: &ServerUrl,
    path: &str,
    bounds: Bounds,
) -> Result<Response<Incoming>, NoFile>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| NoFile::Failed(error.to_string());
    let (mut sender, connection) =
        bounds.silent(http1::handshake(TokioIo::new(stream))).await?.map_err(failed)?;
    // It ends with the response.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get(path)
        .header(header::HOST, server.authority())
        .header(header::USER_AGENT, concat!("telem-collector/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| NoFile::Refused(error.to_string()))?;
    bounds.silent(sender.send_request(request)).await?.map_err(failed)
}

/// Writes a body to a file, up to its bound.
async fn store(response: Response<Incoming>, bounds: Bounds) -> Result<(File, u64), NoFile> {
    let too_large = || NoFile::Refused(format!("the file has more than {} bytes", bounds.bytes));
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > bounds.bytes) {
        return Err(too_large());
    }
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(NoFile::Refused("it is encoded, which was not asked for".to_owned()));
    }
    let failed = |error: &dyn std::fmt::Display| NoFile::Failed(error.to_string());
    let no_room = |error: std::io::Error| NoFile::Failed(format!("it cannot be stored: {error}"));
    let mut file = temporary::file().map_err(no_room)?;
    let (mut body, mut bytes) = (response.into_body(), 0_u64);
    while let Some(frame) = bounds.silent(body.frame()).await? {
        let frame = frame.map_err(|error| failed(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        bytes = bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if bytes > bounds.bytes {
            return Err(too_large());
        }
        // This thread has nothing else to do.
        file.write_all(data).map_err(no_room)?;
    }
    Ok((file, bytes))
}

#[cfg(test)]
mod tests;
