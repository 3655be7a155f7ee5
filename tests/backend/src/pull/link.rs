//! The way to a machine: one exchange over HTTP, on a connection of its own. Whoever asks bounds the whole time.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::identities::Identities;
use super::limits::{ADDRESS_TIME, BUFFER_BYTES, LOOKUPS, REFUSAL_BYTES};
use super::room::{Bytes, Room, too_large};
use super::url::Url;
use crate::trust::Fingerprint;

type Sent = Full<hyper::body::Bytes>;

/// What all exchanges share.
#[derive(Debug)]
pub(super) struct Links {
    room: Room,
    lookups: Arc<Semaphore>,
    /// Who we are to machines.
    identities: Arc<Identities>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Vec<u8>,
    /// Bytes of the answer, if it is one.
    pub(super) most_bytes: usize,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The certificate whose key was proven, over TLS.
    pub(super) leaf: Option<Fingerprint>,
}

impl Links {
    pub(super) fn new(identities: Arc<Identities>) -> Self {
        Self { room: Room::new(), lookups: Arc::new(Semaphore::new(LOOKUPS)), identities }
    }

    pub(super) async fn exchange(
        &self,
        url: &Url,
        tls: Option<Arc<ClientConfig>>,
        question: &Question,
    ) -> Result<Reply, String> {
        let stream = self.connect(url).await?;
        // A kindness that a socket can do without.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.speak(url, stream, question).await,
            Some(tls) => {
                let name = ServerName::try_from(url.host().to_owned());
                let name = name.map_err(|_| format!("{} is no name of a server", url.host()))?;
                let stream = TlsConnector::from(tls).connect(name, stream).await;
                let stream = stream.map_err(|error| self.explain(&error))?;
                let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let leaf = leaf.map(|leaf| Fingerprint::of_der(leaf));
                self.speak(url, stream, question).await.map(|reply| Reply { leaf, ..reply })
            }
        }
    }

    /// One of its addresses after the other.
    async fn connect(&self, url: &Url) -> Result<TcpStream, String> {
        let mut last = "its name has no address".to_owned();
        for address in self.addresses(url).await? {
            match timeout(ADDRESS_TIME, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = format!("cannot connect to {address}: {error}"),
                Err(_) => last = format!("no connection to {address} in {} seconds", ADDRESS_TIME.as_secs()),
            }
        }
        Err(last)
    }

    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        if let Ok(address) = url.host().parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, url.port())]);
        }
        let turn = Arc::clone(&self.lookups).acquire_owned().await;
        let turn = turn.map_err(|_| "the collector stops".to_owned())?;
        let place = (url.host().to_owned(), url.port());
        let look_up = move || {
            // It is held until the system is done, whoever still waits for that.
            let _turn = turn;
            place.to_socket_addrs().map(|found| found.take(8).collect())
        };
        let found = tokio::task::spawn_blocking(look_up).await;
        found.map_err(|error| error.to_string())?.map_err(|error| format!("{}: {error}", url.host()))
    }

    async fn speak(
        &self,
        url: &Url,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        question: &Question,
    ) -> Result<Reply, String> {
        let mut http = http1::Builder::new();
        http.max_buf_size(BUFFER_BYTES);
        let (sender, connection) =
            http.handshake(TokioIo::new(stream)).await.map_err(|error| self.explain(&error))?;
        let exchange = self.exchange_on(sender, url, question);
        tokio::pin!(connection, exchange);
        // The connection ends with this future: nothing of it is left once its time is over.
        tokio::select! {
            reply = &mut exchange => reply,
            ended = &mut connection => match ended {
                Err(error) => Err(self.explain(&error)),
                Ok(()) => exchange.await,
            },
        }
    }

    async fn exchange_on(
        &self,
        mut sender: SendRequest<Sent>,
        url: &Url,
        question: &Question,
    ) -> Result<Reply, String> {
        let mut request = Request::builder()
            .method(question.method.clone())
            .uri(&question.path)
            .header(header::HOST, url.authority())
            .header(header::USER_AGENT, concat!("telem-collector/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        if let Some(kind) = question.content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request =
            request.body(Full::new(question.body.clone().into())).map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| self.explain(&error))?;
        let (head, mut body) = response.into_parts();
        if head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err("its answer is compressed, which nobody asked for".to_owned());
        }
        let most = if head.status.is_success() { question.most_bytes } else { REFUSAL_BYTES };
        if body.size_hint().lower() > most as u64 {
            return Err(too_large(most));
        }
        let mut bytes = self.room.bytes(most);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("its answer is cut: {}", self.explain(&error)))?;
            if let Some(data) = frame.data_ref() {
                bytes.extend(data).await?;
            }
        }
        Ok(Reply { status: head.status, headers: head.headers, body: bytes, leaf: None })
    }

    /// What went wrong, by its cause, and what helps.
    fn explain(&self, error: &(dyn Error + 'static)) -> String {
        let Some(found) = tls_fault(error) else {
            return error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        };
        match found {
            rustls::Error::General(text) => format!("{text}; if it has a new one, change fingerprint="),
            rustls::Error::InvalidCertificate(reason) => {
                format!("its certificate is not one by ca=: {reason:?}")
            }
            rustls::Error::AlertReceived(alert) => format!(
                "it refuses this collector's certificate ({alert:?}); there, `telemctl pull trust {} role=pull` lets it ask",
                self.identities.fingerprint().map_or_else(|| "FINGERPRINT".to_owned(), |own| own.to_string())
            ),
            other => format!("TLS: {other}"),
        }
    }
}

/// The fault of TLS among the causes of an error.
fn tls_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
