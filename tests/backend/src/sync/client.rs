//! The way to a buffer: HTTP over TLS 1.3, on connections that are kept from one request to the next.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::source::Source;
use crate::trust::Fingerprint;

/// Connections that are kept: one fetches while the other confirms.
const KEPT: usize = 2;

/// Bytes of an answer that says why something is not done.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The way to one buffer.
pub(super) struct Link {
    source: Source,
    silence: Duration,
    kept: Mutex<Vec<Kept>>,
}

/// A connection, and the trust under which it was made.
type Kept = (Arc<ClientConfig>, SendRequest<Full<Bytes>>);

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Link {
    pub(super) fn new(source: Source, silence: Duration) -> Self {
        Self { source, silence, kept: Mutex::default() }
    }

    /// Posts JSON; the whole takes no longer than `whole`, and no step is silent for longer than may be.
    pub(super) async fn post(
        &self,
        tls: &Arc<ClientConfig>,
        what: &str,
        body: String,
        max_bytes: usize,
        whole: Duration,
    ) -> Result<Answer, String> {
        let posting = self.post_within(tls, what, body, max_bytes);
        timeout(whole, posting).await.map_err(|_| format!("{}: no whole answer in {whole:?}", self.source))?
    }

    async fn post_within(
        &self,
        tls: &Arc<ClientConfig>,
        what: &str,
        body: String,
        max_bytes: usize,
    ) -> Result<Answer, String> {
        let request = || {
            let host = self.source.address().to_string();
            Request::post(self.source.path(what))
                .header(header::HOST, host)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::ACCEPT_ENCODING, "zstd, gzip")
                .body(Full::new(Bytes::from(body.clone())))
                .map_err(|error| error.to_string())
        };
        // A connection that was kept may have been closed meanwhile; a new one is tried then.
        let kept = self.take_kept(tls);
        let (mut sender, response) = match kept {
            Some(mut sender) => match self.bounded("an answer", sender.send_request(request()?)).await {
                Ok(Ok(response)) => (sender, response),
                Ok(Err(_)) => self.send_anew(tls, request()?).await?,
                Err(silent) => return Err(silent),
            },
            None => self.send_anew(tls, request()?).await?,
        };
        let (head, body) = response.into_parts();
        let limit = if head.status == StatusCode::OK { max_bytes } else { MAX_ERROR_BYTES };
        let bytes = self.read(body, limit).await?;
        let body =
            unpack(&head.headers, bytes, limit).map_err(|error| format!("{}: {error}", self.source))?;
        if sender.ready().await.is_ok() {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((Arc::clone(tls), sender));
            kept.truncate(KEPT);
        }
        Ok(Answer { status: head.status, body })
    }

    /// A kept connection that was made under the same trust.
    fn take_kept(&self, tls: &Arc<ClientConfig>) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, sender)| Arc::ptr_eq(of, tls) && !sender.is_closed());
        kept.pop().map(|(_, sender)| sender)
    }

    async fn send_anew(
        &self,
        tls: &Arc<ClientConfig>,
        request: Request<Full<Bytes>>,
    ) -> Result<(SendRequest<Full<Bytes>>, hyper::Response<Incoming>), String> {
        let (mut sender, _) = self.connect(tls).await?;
        let response = self.bounded("an answer", sender.send_request(request)).await?;
        Ok((sender, response.map_err(|error| self.say(&explain(&error)))?))
    }

    /// Asks at `/v3/identity`, over a connection of its own, saying which of its next certificates is trusted here; with the
    /// certificate that was shown there, whose key is proven.
    pub(super) async fn identity(
        &self,
        tls: &Arc<ClientConfig>,
        method: Method,
        has: Option<Fingerprint>,
        body: String,
    ) -> Result<(Fingerprint, Answer), String> {
        let (mut sender, leaf) = self.connect(tls).await?;
        let leaf = leaf.ok_or_else(|| self.say("it shows no certificate"))?;
        let request = Request::builder()
            .method(method)
            .uri(self.source.identity_path(has))
            .header(header::HOST, self.source.address().to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let response = self.bounded("an answer", sender.send_request(request)).await?;
        let (head, body) = response.map_err(|error| self.say(&explain(&error)))?.into_parts();
        let body = self.read(body, MAX_ERROR_BYTES).await?;
        Ok((leaf, Answer { status: head.status, body }))
    }

    /// A new connection, and the certificate that was shown there.
    async fn connect(
        &self,
        tls: &Arc<ClientConfig>,
    ) -> Result<(SendRequest<Full<Bytes>>, Option<Fingerprint>), String> {
        let (host, port) = (self.source.host(), self.source.port());
        let stream = self.bounded("a connection", TcpStream::connect((host, port))).await?;
        let stream = stream.map_err(|error| self.say(&error.to_string()))?;
        // A kindness that a socket can do without.
        let _ = stream.set_nodelay(true);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| self.say(&error.to_string()))?;
        let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        let stream = self.bounded("a handshake", handshake).await?;
        let stream = stream.map_err(|error| self.say(&error.to_string()))?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let leaf = leaf.map(|leaf| Fingerprint::of_der(leaf));
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.say(&explain(&error)))?;
        // It ends with its sender; its errors come with the answers.
        tokio::spawn(async move { drop(connection.await) });
        Ok((sender, leaf))
    }

    async fn read(&self, mut body: Incoming, limit: usize) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        while let Some(frame) = self.bounded("a byte", body.frame()).await? {
            let frame = frame.map_err(|error| self.say(&explain(&error)))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len().saturating_add(data.len()) > limit {
                return Err(self.say("the answer is longer than what was asked for"));
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes)
    }

    async fn bounded<T>(&self, what: &str, step: impl Future<Output = T>) -> Result<T, String> {
        let seconds = self.silence.as_secs();
        timeout(self.silence, step)
            .await
            .map_err(|_| self.say(&format!("{what} did not come in {seconds} seconds")))
    }

    fn say(&self, what: &str) -> String {
        format!("{}: {what}", self.source)
    }
}

/// An error with its cause, where the interesting part is.
fn explain(error: &hyper::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// A few bytes can stand for gigabytes: no more is unpacked than the plain answer could have.
fn unpack(headers: &HeaderMap, bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, String> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let broken =
        |_: io::Error| "the answer is not compressed as it says, or is longer than what was asked for";
    match coding {
        None | Some("identity") => Ok(bytes),
        Some("gzip") => {
            let mut unpacked = Vec::new();
            let mut bounded = flate2::bufread::MultiGzDecoder::new(&*bytes).take(limit as u64 + 1);
            bounded.read_to_end(&mut unpacked).map_err(broken)?;
            if unpacked.len() > limit {
                Err("the answer is longer than what was asked for".to_owned())
            } else {
                Ok(unpacked)
            }
        }
        // In one go: a stream would take the memory that the frame's header asks for.
        Some("zstd") => Ok(zstd::bulk::decompress(&bytes, limit).map_err(broken)?),
        Some(_) => Err("the answer is compressed in a way that nobody asked for".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let plain = vec![0_u8; 1 << 20];
        let gzip = {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = zstd::bulk::compress(&plain, 3).unwrap();
        for (name, packed) in [("gzip", gzip), ("zstd", zstd)] {
            let headers: HeaderMap =
                [(header::CONTENT_ENCODING, HeaderValue::from_static(name))].into_iter().collect();
            assert_eq!(unpack(&headers, packed.clone(), plain.len()), Ok(plain.clone()), "{name}");
            assert!(unpack(&headers, packed.clone(), plain.len() - 1).is_err(), "{name}");
            assert!(
                unpack(&headers, packed[..packed.len() / 2].to_vec(), plain.len()).is_err(),
                "{name}: cut"
            );
        }
    }
}
