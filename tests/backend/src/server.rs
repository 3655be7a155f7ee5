//! Accepts connections and speaks HTTP/1.1 on them, each within its time.
//!
//! Instead of `axum::serve`, which knows no time limits: a client that sends its headers a byte a minute, or
//! never reads its answer, would hold its connection indefinitely.

use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::limits::{ACCEPT_PAUSE, HEADER_TIME, MAX_HEAD_BYTES, REQUEST_TIME, STOP_TIME, UNREAD_TIME};
use crate::web::Peer;

/// How long the parts of an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From an open or idle connection to the end of a request's headers.
    pub header: Duration,
    /// From there to the answer.
    pub request: Duration,
    /// For an answer to lie unread.
    pub unread: Duration,
    /// For requests in flight after the signal to stop.
    pub stop: Duration,
}

impl Times {
    /// Those of [`crate::limits`].
    pub const DEFAULT: Self =
        Self { header: HEADER_TIME, request: REQUEST_TIME, unread: UNREAD_TIME, stop: STOP_TIME };
}

/// Serves until `stop` is done; then closes idle connections, and waits for the others.
pub async fn serve(listener: TcpListener, router: Router, times: Times, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(times.header).max_header_size(MAX_HEAD_BYTES);
    let open = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                set_options(&stream, times);
                let service = OfPeer { peer: Peer(peer), service: TowerToHyperService::new(router.clone()) };
                let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
                // Its errors are the client's: gone, too slow, not HTTP.
                tokio::spawn(async move { drop(connection.await) });
            }
            Err(error) => {
                eprintln!("telem-collector: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // What is not done by then is cut off with the runtime.
    let _ = tokio::time::timeout(times.stop, open.shutdown()).await;
}

/// The router, for requests of one connection, each of which says whose it is.
struct OfPeer {
    peer: Peer,
    service: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for OfPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.service.call(request)
    }
}

/// Both are kindnesses that a socket can do without, so a refusal is no error.
fn set_options(stream: &TcpStream, times: Times) {
    let _ = stream.set_nodelay(true);
    // The one socket option that ends a connection whose other side keeps its window shut.
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(times.unread));
}

#[cfg(test)]
mod tests;
