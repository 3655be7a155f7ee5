//! A small HTTP/1.1 server that answers by script and keeps what it got.

use crate::DEADLINE;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first line.
    pub line: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Number of the connection, from 0.
    pub connection: usize,
}

impl Request {
    /// The value of a header.
    ///
    /// # Panics
    /// It came twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} came twice");
        value
    }

    /// The idempotency key.
    ///
    /// # Panics
    /// There is none.
    pub fn key(&self) -> String {
        self.header("Idempotency-Key").expect("a key").to_owned()
    }

    /// The body as text.
    ///
    /// # Panics
    /// It is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status and the `Date` that every server with a clock sends, with the connection kept.
    Status(u16),
    /// This status, header line and body.
    Full(u16, &'static str, &'static str),
    /// This status with a body in chunks.
    Chunked(u16, &'static str),
    /// The connection is closed without a byte.
    Close,
    /// It is closed in the middle of the body of an answer of this status.
    CloseInBody(u16),
    /// It is closed in the middle of the answer's head.
    CloseInHead,
    /// Nothing, until the gate opens; then this status.
    Held(Gate, u16),
    /// A byte now and then.
    Slow(u16),
}

/// Holds answers back until it is opened.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Opens it, for all time.
    ///
    /// # Panics
    /// Another of its users did.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(open, DEADLINE, |open| !*open).unwrap());
    }
}

type Script = dyn Fn(usize, &Request) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Request>>,
    came: Condvar,
    is_closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// The server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Answers the n-th request, from 0, as `script` says.
    pub fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    /// Answers everything with 201.
    pub fn accepting() -> Self {
        Self::start(|_, _| Reply::Status(201))
    }

    /// The same at an address that was in use before.
    ///
    /// # Panics
    /// It is still in use.
    pub fn start_at(
        address: SocketAddr,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            came: Condvar::new(),
            is_closed: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                if shared.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                shared.connections.lock().unwrap().push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(&shared, stream, number));
            }
        });
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The requests so far.
    ///
    /// # Panics
    /// One of its threads did.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until this many requests came, and returns all.
    ///
    /// # Panics
    /// They did not come before the deadline.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let end = Instant::now() + DEADLINE;
        let mut requests = self.shared.requests.lock().unwrap();
        while requests.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} requests came", requests.len());
            requests = self.shared.came.wait_timeout(requests, left).unwrap().0;
        }
        requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        // Wakes the listening thread, which then closes the port.
        drop(TcpStream::connect(self.address));
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// An address where nobody listens.
///
/// # Panics
/// There is no port.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn serve(shared: &Shared, mut stream: TcpStream, connection: usize) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader, connection) {
        let reply = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request);
            let (number, request) = (requests.len() - 1, requests.last().unwrap());
            (shared.script)(number, request)
        };
        shared.came.notify_all();
        if answer(&mut stream, reply).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead, connection: usize) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = Vec::new();
        reader.read_until(b'\n', &mut header).ok()?;
        let header = String::from_utf8(header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { line: line.trim_end().to_owned(), headers, body: Vec::new(), connection };
    // A proxy is asked for a tunnel without a body.
    if !request.line.starts_with("CONNECT ") {
        let length = request.header("Content-Length").expect("a length").parse().unwrap();
        request.body.resize(length, 0);
    }
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// An error ends the connection.
fn answer(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let closed = || Err(std::io::ErrorKind::ConnectionAborted.into());
    let end = |stream: &TcpStream| stream.shutdown(std::net::Shutdown::Both).and_then(|()| closed());
    match reply {
        Reply::Status(status) => {
            let date = httpdate::fmt_http_date(SystemTime::now());
            write!(stream, "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n")
        }
        Reply::Full(status, header, body) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
        }
        Reply::Chunked(status, body) => {
            write!(stream, "HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in body.as_bytes().chunks(3) {
                write!(stream, "{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part))?;
            }
            write!(stream, "0\r\n\r\n")
        }
        Reply::Close => end(stream),
        Reply::CloseInBody(status) => {
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nhalf")?;
            end(stream)
        }
        Reply::CloseInHead => {
            write!(stream, "HTTP/1.1 201 X\r\nContent-Le")?;
            end(stream)
        }
        Reply::Held(gate, status) => {
            gate.pass();
            answer(stream, Reply::Status(status))
        }
        Reply::Slow(status) => {
            for byte in format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").bytes() {
                stream.write_all(&[byte])?;
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }
}
