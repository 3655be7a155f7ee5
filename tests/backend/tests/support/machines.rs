//! Machines that are asked, made up: one server that is as many machines as there are paths, each by the first letters of
//! its own path.
//!
//! | path begins with | what it does |
//! |---|---|
//! | `good` | answers, as telempulld does, with a count of its answers |
//! | `huge` | answers without an end |
//! | `large` | says that it will send more than anybody takes |
//! | `slow` | a byte a second |
//! | `cut` | ends in the middle |
//! | `broken` | an answer that is no JSON |
//! | `page` | a page for people |
//! | `other` | the answer of another machine |
//! | `hang` | nothing |
//! | `no` | 403 |

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use telem_collector::trust::{Fingerprint, OwnKey};
use telemetry_tls::{Clients, server_config};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The machines, until they are dropped.
pub(crate) struct Machines {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Fingerprint,
    state: Arc<State>,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Default)]
struct State {
    /// How many times each was asked.
    asked: Mutex<HashMap<String, u64>>,
}

/// Anybody who shows a certificate.
#[derive(Debug)]
struct Anybody;

impl Clients for Anybody {
    fn are_asked(&self) -> bool {
        true
    }

    fn must_show_one(&self) -> bool {
        true
    }

    fn may_finish(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>]) -> bool {
        true
    }
}

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Machines {
    /// With TLS for who shows a certificate, or without any.
    pub(crate) fn start(has_tls: bool, threads: usize) -> Self {
        let made = rcgen::generate_simple_self_signed(["machine".to_owned()]).unwrap();
        let own = OwnKey::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes())
            .unwrap();
        let config = server_config(Arc::new(Anybody), Arc::new(Shows(Arc::clone(&own.certified)))).unwrap();
        let acceptor = has_tls.then(|| TlsAcceptor::from(Arc::new(config)));
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(threads).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        runtime.spawn(accept(listener, acceptor, Arc::clone(&state)));
        Self { address, fingerprint: own.fingerprint, state, runtime: Some(runtime) }
    }

    /// How many times a machine was asked.
    pub(crate) fn asked(&self, name: &str) -> u64 {
        self.state.asked.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match acceptor {
                None => serve(stream, &state).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => serve(stream, &state).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// One request, and its answer; none: the connection broke.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await.ok().filter(|count| *count > 0)?;
        head.extend_from_slice(&more[..count]);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?;
    if path.split('?').next().is_some_and(|path| path.ends_with("/v3/identity")) {
        // As one that is too old to announce certificates.
        stream.write_all(http("404 Not Found", "text/plain", "").as_bytes()).await.ok()?;
        return stream.shutdown().await.ok();
    }
    let name = path.split('/').nth(1)?.to_owned();
    let count = {
        let mut asked = state.asked.lock().unwrap();
        let count = asked.entry(name.clone()).or_default();
        *count += 1;
        *count
    };
    let nature = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let json = |server: &str| text(server, count);
    let answer = match nature {
        "good" => http("200 OK", "application/json", &json("LAB/ORG/1/good")),
        "other" => http("200 OK", "application/json", &json("LAB/ORG/1/stranger")),
        "page" => http("200 OK", "text/html", "<html></html>"),
        "broken" => http("200 OK", "application/json", "{\"version\":1,"),
        "no" => http("403 Forbidden", "text/plain", "this is not for you\n"),
        "large" => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
            .to_owned(),
        "cut" => {
            let whole = http("200 OK", "application/json", &json("LAB/ORG/1/good"));
            whole[..whole.len() / 2].to_owned()
        }
        "huge" => return endless(&mut stream, &vec![b' '; 1 << 20], Duration::ZERO).await,
        "slow" => return endless(&mut stream, b" ", Duration::from_secs(1)).await,
        _ => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return None;
        }
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

async fn endless(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], pause: Duration) -> Option<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").await.ok()?;
    loop {
        stream.write_all(bytes).await.ok()?;
        stream.flush().await.ok()?;
        tokio::time::sleep(pause).await;
    }
}

fn http(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// An answer of 60 series, the first of them the count of answers.
fn text(server: &str, count: u64) -> String {
    use std::fmt::Write;
    let now = jiff::Timestamp::now();
    let mut text = format!(
        "{{\"version\":1,\"server\":\"{server}\",\"time\":\"{now:.3}\",\"client_version\":\"4.0.1\",\
         \"operating_system\":\"Linux version 6.1\",\"readings\":[\
         {{\"name\":\"answers\",\"labels\":{{}},\"type\":\"counter\",\"unit\":\"\",\"value\":{count}}}"
    );
    for number in 0..59 {
        let _ = write!(
            text,
            ",{{\"name\":\"system_cpu_time_seconds\",\"labels\":{{\"mode\":\"m{number}\"}},\"type\":\"counter\",\
             \"unit\":\"seconds\",\"value\":{}.25}}",
            count * 7 + number
        );
    }
    text + "],\"sensors\":[],\"checks\":[{\"name\":\"disk-root\",\"state\":\"OK\",\"since\":1764200000,\"attempt\":0,\"value\":42.5,\"output\":\"fine\"}]}\n"
}
