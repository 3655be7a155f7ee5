//! A connection with one deadline for all of it, however slowly bytes come.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Instant,
}

impl Connection {
    /// To the first of the addresses that takes one.
    pub(super) fn open(address: &str, timeout: Duration) -> Result<Self, String> {
        let deadline = Instant::now() + timeout;
        let addresses: Vec<_> = address.to_socket_addrs().map_err(|error| error.to_string())?.collect();
        let mut last = "has no address".to_owned();
        for address in addresses {
            match left(deadline).and_then(|left| TcpStream::connect_timeout(&address, left)) {
                Ok(stream) => return Ok(Self { stream, deadline }),
                Err(error) => last = clear(error).to_string(),
            }
        }
        Err(last)
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer).map_err(clear)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes).map_err(clear)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(late()) } else { Ok(left) }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// What the system calls a resource that is temporarily unavailable.
fn clear(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => late(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn the_deadline_is_that_of_all_bytes_together() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Each byte comes in time.
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let mut connection = Connection::open(&address, Duration::from_millis(400)).unwrap();
        let error = connection.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::TimedOut, "no answer in time".to_owned())
        );
        drop(connection);
        server.join().unwrap();
    }
}
