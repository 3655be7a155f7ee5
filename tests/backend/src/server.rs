//! Accepts connections and speaks HTTP/1.1 on them, each within its time, with or without TLS.
//!
//! Instead of `axum::serve`, which knows no time limits: a client that sends its headers a byte a minute, or
//! never reads its answer, would hold its connection indefinitely.
//!
//! ```text
//!  accept ─▶ handshake, where there is TLS ─▶ requests, each with its Caller ─▶ end
//!            HANDSHAKE_TIME, the oldest of      who lost a role: idle at once,
//!            too many ends                      busy after the answer
//! ```

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::limits::{
    ACCEPT_PAUSE, HANDSHAKE_TIME, HEADER_TIME, MAX_HANDSHAKES, MAX_HEAD_BYTES, REQUEST_TIME, STOP_TIME,
    UNREAD_TIME,
};
use crate::trust::{Handshakes, Shown, Tls, Trust};

/// How long the parts of an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For a handshake.
    pub handshake: Duration,
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
    pub const DEFAULT: Self = Self {
        handshake: HANDSHAKE_TIME,
        header: HEADER_TIME,
        request: REQUEST_TIME,
        unread: UNREAD_TIME,
        stop: STOP_TIME,
    };
}

/// A socket that is listened on.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub socket: TcpListener,
    /// TLS, where it is spoken there.
    pub tls: Option<Arc<Tls>>,
}

/// Serves until `stop` is done; then closes idle connections, and waits for the others.
pub async fn serve(
    sockets: Vec<Listening>,
    router: Router,
    trust: Arc<Trust>,
    times: Times,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(times.header).max_header_size(MAX_HEAD_BYTES);
    let (stopping, stopped) = watch::channel(false);
    // Each connection holds a sender: once all are gone, so are the connections.
    let (open, mut closed) = mpsc::channel::<()>(1);
    let handshakes = Handshakes::new(MAX_HANDSHAKES);
    let server = Arc::new(Server { http, router, trust, times, stopped, handshakes });
    let mut accepting = JoinSet::new();
    for socket in sockets {
        accepting.spawn(accept(Arc::clone(&server), socket, open.clone()));
    }
    drop(open);
    stop.await;
    stopping.send_replace(true);
    accepting.shutdown().await;
    // What is not done by then is cut off with the runtime.
    let _ = tokio::time::timeout(times.stop, closed.recv()).await;
}

/// What connections share.
struct Server {
    http: http1::Builder,
    router: Router,
    trust: Arc<Trust>,
    times: Times,
    stopped: watch::Receiver<bool>,
    handshakes: Handshakes,
}

async fn accept(server: Arc<Server>, socket: Listening, open: mpsc::Sender<()>) {
    loop {
        match socket.socket.accept().await {
            Ok((stream, peer)) => {
                set_options(&stream, server.times);
                let (server, tls, open) = (Arc::clone(&server), socket.tls.clone(), open.clone());
                tokio::spawn(async move {
                    server.attend(stream, peer, tls).await;
                    drop(open);
                });
            }
            Err(error) => {
                eprintln!("telem-collector: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Server {
    async fn attend(&self, stream: TcpStream, peer: SocketAddr, tls: Option<Arc<Tls>>) {
        let Some(tls) = tls else { return self.speak(stream, peer, Shown::PLAIN).await };
        let mut turn = self.handshakes.begin();
        let mut stopped = self.stopped.clone();
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        let stream = tokio::select! {
            done = tokio::time::timeout(self.times.handshake, handshake) => done,
            () = turn.is_over() => return,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        drop(turn);
        // Whose handshake fails is not one of ours; who is refused for his certificate was noted.
        let Ok(Ok(stream)) = stream else { return };
        let shown = self.trust.shown(stream.get_ref().1.peer_certificates());
        self.speak(stream, peer, shown).await;
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
