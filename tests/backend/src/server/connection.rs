//! One connection: its requests, each with who sends it, until its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Server;
use crate::trust::{Shown, Trust};
use crate::web::Peer;

impl Server {
    /// Answers requests until the other side is done, the collector stops, or the other side has lost a role.
    pub(super) async fn speak<S>(&self, stream: S, peer: SocketAddr, shown: Shown)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = OfPeer {
            peer: Peer(peer),
            shown,
            trust: Arc::clone(&self.trust),
            service: TowerToHyperService::new(self.router.clone()),
        };
        let mut changes = self.trust.changes();
        let mut stopped = self.stopped.clone();
        let held = self.trust.roles(shown);
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut goes_on = true;
        loop {
            tokio::select! {
                // Its errors are the client's: gone, too slow, not HTTP.
                _ = connection.as_mut() => return,
                _ = stopped.wait_for(|stopped| *stopped), if goes_on => goes_on = false,
                _ = changes.changed(), if goes_on => goes_on = !held.are_lost(self.trust.roles(shown)),
            }
            if !goes_on {
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The router, for requests of one connection, each of which says whose it is.
struct OfPeer {
    peer: Peer,
    shown: Shown,
    trust: Arc<Trust>,
    service: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for OfPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let shown = self.trust.shown_by(self.peer.0.ip(), request.headers(), self.shown);
        request.extensions_mut().insert(shown);
        request.extensions_mut().insert(self.trust.caller(shown));
        request.extensions_mut().insert(self.peer);
        self.service.call(request)
    }
}
