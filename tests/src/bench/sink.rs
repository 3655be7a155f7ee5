//! A server that says 201 to everything, over kept connections: the other end of the delivery bench, for
//! telempostd and for the floor alike.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

/// The server; its threads end with the process.
#[derive(Debug)]
pub(super) struct Sink {
    /// `http://127.0.0.1:PORT/v2/collector`.
    pub(super) url: String,
    received: Arc<AtomicUsize>,
}

impl Sink {
    /// A server that answers at once.
    pub(super) fn start() -> std::io::Result<Self> {
        Self::start_with_delay(Duration::ZERO)
    }

    /// A server that takes this long over each answer.
    pub(super) fn start_with_delay(delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/v2/collector", listener.local_addr()?);
        let received = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&received);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(connection, delay, &counter));
            }
        });
        Ok(Self { url, received })
    }

    /// Requests answered so far.
    pub(super) fn received(&self) -> usize {
        self.received.load(Ordering::Acquire)
    }
}

/// Serves until the client closes, or says what is no HTTP.
fn serve(connection: TcpStream, delay: Duration, received: &AtomicUsize) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut writer = connection.try_clone().ok()?;
    let mut reader = BufReader::with_capacity(64 * 1024, connection);
    let mut line = Vec::new();
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            if line == b"\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix(b"content-length:") {
                length = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        received.fetch_add(1, Ordering::AcqRel);
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        writer.write_all(ANSWER).ok()?;
    }
}
