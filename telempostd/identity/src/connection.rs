//! A connection by way of libcurl, so that names and proxies are resolved as they are for records.

use curl::easy::Easy;
use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};
use telemetry_trust::ServerAddress;

/// Longest time for all of it.
const TIME: Duration = Duration::from_secs(10);

/// libcurl's connection cannot be waited for, since its socket is not shown.
const PACE: Duration = Duration::from_millis(2);

/// `CURLE_AGAIN`.
const AGAIN: u32 = 81;

/// Names of the environment, in which libcurl looks for the proxy of an https URL.
const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// A connection to a server, through the proxy where there is one.
pub(crate) struct Connection {
    easy: Easy,
    deadline: Instant,
}

impl Connection {
    pub(crate) fn new(server: &ServerAddress) -> Result<Self, curl::Error> {
        let deadline = Instant::now() + TIME;
        let mut easy = Easy::new();
        // Not https: the handshake is ours.
        easy.url(&format!("http://{server}/"))?;
        let proxy = PROXY_VARIABLES.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        easy.proxy(&proxy)?;
        easy.http_proxy_tunnel(true)?;
        easy.connect_only(true)?;
        easy.connect_timeout(TIME)?;
        easy.timeout(TIME)?;
        easy.perform()?;
        Ok(Self { easy, deadline })
    }

    /// Repeats what may have to wait, up to the deadline.
    fn patiently(
        &mut self,
        mut step: impl FnMut(&mut Easy) -> Result<usize, curl::Error>,
    ) -> io::Result<usize> {
        loop {
            // Also for one that sends a byte now and then.
            if Instant::now() >= self.deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in 10 seconds"));
            }
            match step(&mut self.easy) {
                Err(error) if error.code() == AGAIN => thread::sleep(PACE),
                Err(error) => return Err(io::Error::other(error)),
                Ok(count) => return Ok(count),
            }
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|easy| easy.recv(buffer))
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|easy| easy.send(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
