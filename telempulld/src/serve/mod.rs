//! Connections: accepted, bounded in number and time, and served.

mod watched;

use crate::limits::{HANDSHAKE_TIME, HANDSHAKES, HEADER_BYTES, HEADER_TIME, IDLE_TIME, STALL_TIME};
use crate::respond::{respond, too_many};
use crate::shared::{Counted, Peer, Shared};
use crate::sockets::Listener;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use telemetry_tls::Handshakes;
use telemetry_trust::Fingerprint;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use watched::Watched;

/// How long no connection is accepted after one could not be: descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a connection is asked whether it stands still.
const GLANCE: Duration = Duration::from_secs(5);

/// Accepts connections at a socket for ever.
pub(crate) async fn accept(shared: Rc<Shared>, listener: Listener, tls: TlsAcceptor) -> io::Result<()> {
    match listener {
        Listener::Remote(listener) => {
            let (listener, handshakes) = (TcpListener::from_std(listener)?, Handshakes::new(HANDSHAKES));
            loop {
                let Some(stream) = accepted_tcp(&listener).await else { continue };
                let Some(counted) = shared.count() else { continue };
                spawn_local(remote(Rc::clone(&shared), counted, stream, tls.clone(), handshakes.clone()));
            }
        }
        Listener::Loopback(listener) => {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let Some(stream) = accepted_tcp(&listener).await else { continue };
                let Some(counted) = shared.count() else { continue };
                spawn_local(serve(Rc::clone(&shared), counted, Peer::Local, stream));
            }
        }
        Listener::Path(listener) => {
            let listener = UnixListener::from_std(listener)?;
            loop {
                let Some(stream) = accepted(listener.accept().await).await else { continue };
                let Some(counted) = shared.count() else { continue };
                spawn_local(serve(Rc::clone(&shared), counted, Peer::Local, stream));
            }
        }
    }
}

/// A connection on which the end of an answer goes at once, and not when the peer has said that it has the rest, which takes
/// 40 ms.
async fn accepted_tcp(listener: &TcpListener) -> Option<TcpStream> {
    let stream = accepted(listener.accept().await).await?;
    let _ = stream.set_nodelay(true);
    Some(stream)
}

async fn accepted<S, A>(result: io::Result<(S, A)>) -> Option<S> {
    match result {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            log::debug!("a connection could not be accepted: {error}");
            sleep(PAUSE).await;
            None
        }
    }
}

/// The handshake of one that comes by the network, and then the rest.
async fn remote(
    shared: Rc<Shared>,
    counted: Counted,
    stream: TcpStream,
    tls: TlsAcceptor,
    handshakes: Handshakes,
) {
    let Ok(address) = stream.peer_addr() else { return };
    let mut turn = handshakes.begin();
    let result = tokio::select! {
        result = timeout(HANDSHAKE_TIME, tls.accept(stream)) => result,
        () = turn.is_over() => return,
    };
    drop(turn);
    let stream = match result {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return log::debug!("{address}: no TLS: {error}"),
        Err(_) => return log::debug!("{address}: its handshake took too long"),
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let peer = match certificates.and_then(<[_]>::first).map(|leaf| Fingerprint::of_der(leaf)) {
        None => Peer::Nobody(address.ip()),
        Some(fingerprint) if shared.trust.admit(&fingerprint) => Peer::Certificate(fingerprint),
        Some(_) => return,
    };
    serve(shared, counted, peer, stream).await;
}

/// Answers the requests of a connection until it ends, stands still, or the daemon does.
async fn serve<S>(shared: Rc<Shared>, mut counted: Counted, peer: Peer, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let may_have = counted.is_of(peer);
    let stream = Watched::new(stream);
    let (progress, busy) = (stream.progress(), Rc::new(Cell::new(false)));
    let service = service_fn(|request| {
        let (shared, busy) = (Rc::clone(&shared), Rc::clone(&busy));
        async move {
            busy.set(true);
            let response = if may_have { respond(&shared, peer, request).await } else { too_many() };
            busy.set(false);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME.max(IDLE_TIME))
        .max_buf_size(HEADER_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopping = shared.stopping.subscribe();
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    log::debug!("{peer:?}: the connection broke: {error}");
                }
                break;
            }
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(STALL_TIME, connection.as_mut()).await;
                break;
            }
            () = sleep(GLANCE) => {
                let state = progress.get();
                let limit = match (state.is_within_headers, busy.get() || state.is_within_answer) {
                    (_, true) => STALL_TIME,
                    (true, _) => HEADER_TIME,
                    _ => IDLE_TIME,
                };
                if state.at.elapsed() > limit {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_an_answer_waits_for_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(accepted_tcp(&listener).await.unwrap().nodelay().unwrap());
    }
}
