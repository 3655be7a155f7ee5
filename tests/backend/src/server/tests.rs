//! Slow clients, with times short enough to wait for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::access::AccessOptions;
use crate::served::Served;
use crate::storage::Store;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::web::{App, router};

/// What may never happen within a test.
const NEVER: Duration = Duration::from_secs(60);

/// Runs a server with these times while `client` talks to it on a thread of its own.
fn with_server<T: Send + 'static>(times: Times, client: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (store, owner) = Store::start(Arc::new(Sqlite::open(Path::new(MEMORY)).unwrap()), true).unwrap();
    let result = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Arc::new(App::new(store.clone(), "tid", vec![], AccessOptions::default()).unwrap());
        let router = router(app, Served::All, times.request);
        let sockets = vec![Listening { socket: listener, tls: None }];
        let (done, stop) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(serve(sockets, router, Trust::nobody(), times, async {
            let _ = stop.await;
        }));
        let result = tokio::task::spawn_blocking(move || client(address)).await.unwrap();
        done.send(()).unwrap();
        server.await.unwrap();
        store.close().await;
        result
    });
    owner.join();
    result
}

/// Sends a beginning, and reads until the server closes.
fn answer_to(address: SocketAddr, beginning: &str) -> String {
    let mut client = Client::connect(address).unwrap();
    client.set_read_timeout(Some(NEVER)).unwrap();
    client.write_all(beginning.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn headers_that_do_not_come_end_the_connection() {
    let times = Times { handshake: NEVER, header: SHORT, request: NEVER, unread: NEVER, stop: NEVER };
    let answer = with_server(times, |address| answer_to(address, "POST / HTTP/1.1\r\nHost: a\r\nSever"));
    assert!(!answer.contains(" 201 "), "{answer}");
}

#[test]
fn a_body_that_does_not_come_is_answered_408() {
    let times = Times { handshake: NEVER, header: NEVER, request: SHORT, unread: NEVER, stop: NEVER };
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel";
    let answer = with_server(times, move |address| answer_to(address, head));
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#"{"message":"#), "{answer}");
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let times = Times { handshake: NEVER, header: NEVER, request: NEVER, unread: NEVER, stop: NEVER };
    let mut idle = with_server(times, |address| {
        let mut client = Client::connect(address).unwrap();
        client.set_read_timeout(Some(NEVER)).unwrap();
        client.write_all(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut start = [0; 12];
        client.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 404");
        client
    });
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"}"), "{}", String::from_utf8_lossy(&rest));
}
