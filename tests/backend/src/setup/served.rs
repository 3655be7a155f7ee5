//! Whether the site answers. nginx reloads in the background: its old workers, which know nothing of the site, still take
//! connections for a moment.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(20);
const PACE: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Waits until the collector's pages are there under this name, and the port of TLS is.
pub(super) fn wait(host: &str, has_certificate: bool) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let served = is_served(HTTP, host)
            .and_then(|()| if has_certificate { connect(HTTPS).map(drop) } else { Ok(()) });
        match served {
            Err(_) if Instant::now() < deadline => sleep(PACE),
            other => return other,
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connection = TcpStream::connect_timeout(&address, ANSWER_WITHIN)
        .map_err(|error| io::Error::new(error.kind(), format!("127.0.0.1:{port}: {error}")))?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    connection.set_write_timeout(Some(ANSWER_WITHIN))?;
    Ok(connection)
}

fn is_served(port: u16, host: &str) -> io::Result<()> {
    let mut connection = connect(port)?;
    connection.write_all(format!("GET /telemetryui HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    // "HTTP/1.1 200"; what follows is of no interest.
    let mut line = [0; 12];
    connection.read_exact(&mut line)?;
    match line.get(9..) {
        // A page may ask for a login.
        Some(b"200" | b"302" | b"303" | b"401" | b"403") => Ok(()),
        _ => {
            let line = String::from_utf8_lossy(&line);
            let line = line.escape_debug();
            Err(io::Error::other(format!("http://{host}/telemetryui at 127.0.0.1:{port} answers \"{line}\"")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Another site has no such page; ours has one, or asks who it is.
    #[test]
    fn the_collectors_page_counts_and_another_sites_answer_is_named() {
        for (status, is_ours) in
            [("200 OK", true), ("401 Unauthorized", true), ("404 Not Found", false), ("502 Bad", false)]
        {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let site = std::thread::spawn(move || {
                let (mut connection, _) = listener.accept().unwrap();
                let mut asked = [0; 512];
                let length = connection.read(&mut asked).unwrap();
                // In one piece: whoever has read what he wants closes, and what is written then fails.
                connection.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).unwrap();
                String::from_utf8_lossy(&asked[..length]).into_owned()
            });
            let served = is_served(port, "telemetry.example.org");
            assert!(site.join().unwrap().contains("\r\nHost: telemetry.example.org\r\n"));
            match served {
                Ok(()) => assert!(is_ours, "{status}"),
                Err(error) => assert!(!is_ours && error.to_string().contains(&status[..3]), "{error}"),
            }
        }
    }
}
