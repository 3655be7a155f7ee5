//! A bad line between telempostd and the collector: bytes pass through a port of its own, late or not at all.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Bytes arrive so much later, in each direction.
    Delayed(Duration),
    /// It breaks once the client has sent this many bytes; these and the answers to them still pass.
    BreaksAfter(usize),
    /// The server gets everything; the connection closes in place of its first answer.
    Unanswered,
}

/// The running relay.
#[derive(Debug)]
pub struct Relay {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    cut: AtomicUsize,
}

impl Relay {
    /// Starts a relay to `server_url` (`http://ADDRESS:PORT`). `behaviour` is asked with the number of each new
    /// connection, from 0.
    ///
    /// # Panics
    /// There is no port, or the URL is another.
    pub fn start(server_url: &str, behaviour: impl Fn(usize) -> Behaviour + Send + 'static) -> Self {
        let server: SocketAddr = server_url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { stop: false.into(), connections: 0.into(), cut: 0.into() });
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if of_thread.stop.load(Ordering::Acquire) {
                    return;
                }
                let behaviour = behaviour(of_thread.connections.fetch_add(1, Ordering::AcqRel));
                let shared = Arc::clone(&of_thread);
                if let Ok(server) = TcpStream::connect(server) {
                    thread::spawn(move || pass(client, server, behaviour, &shared));
                }
            }
        });
        Self { url, shared, thread: Some(thread) }
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Connections that were broken in the middle of something.
    pub fn cut(&self) -> usize {
        self.shared.cut.load(Ordering::Acquire)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Wakes the thread; those of connections end with them.
        if let Some(address) = self.url.strip_prefix("http://") {
            let _ = TcpStream::connect(address);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pass(client: TcpStream, server: TcpStream, behaviour: Behaviour, shared: &Shared) {
    let (client, server) = (&client, &server);
    let close = &|| {
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    };
    for stream in [client, server] {
        let _ = stream.set_nodelay(true);
    }
    let note_cut = |was_cut| _ = shared.cut.fetch_add(usize::from(was_cut), Ordering::AcqRel);
    let back = move || match behaviour {
        Behaviour::Delayed(delay) => delay_bytes(server, client, delay),
        Behaviour::BreaksAfter(_) => drop(copy_bytes(server, client, usize::MAX)),
        Behaviour::Unanswered => {
            note_cut(server.take(4096).read(&mut [0; 4096]).is_ok_and(|length| length > 0))
        }
    };
    let forth = || match behaviour {
        Behaviour::Delayed(delay) => delay_bytes(client, server, delay),
        Behaviour::BreaksAfter(maximum) => note_cut(copy_bytes(client, server, maximum)),
        Behaviour::Unanswered => drop(copy_bytes(client, server, usize::MAX)),
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            back();
            close();
        });
        forth();
        close();
    });
}

/// Passes bytes until the end, or until this many were passed: returns whether they were.
fn copy_bytes(mut from: &TcpStream, mut to: &TcpStream, maximum: usize) -> bool {
    let mut left = maximum;
    let mut buffer = [0; 16 * 1024];
    while left > 0 {
        let room = buffer.len().min(left);
        let length = match from.read(&mut buffer[..room]) {
            Ok(length) if length > 0 => length,
            _ => return false,
        };
        if to.write_all(&buffer[..length]).is_err() {
            return false;
        }
        left -= length;
    }
    true
}

/// Passes bytes, each `delay` after it came. What comes meanwhile is on its way too, as on a long line.
fn delay_bytes(mut from: &TcpStream, to: &TcpStream, delay: Duration) {
    let (line, arrivals) = channel();
    thread::scope(|scope| {
        scope.spawn(move || deliver_in_time(&arrivals, to));
        let mut buffer = [0; 16 * 1024];
        while let Ok(length) = from.read(&mut buffer)
            && length > 0
            && line.send((Instant::now() + delay, buffer[..length].to_vec())).is_ok()
        {}
        drop(line);
    });
}

fn deliver_in_time(arrivals: &Receiver<(Instant, Vec<u8>)>, mut to: &TcpStream) {
    for (due, bytes) in arrivals {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
}
