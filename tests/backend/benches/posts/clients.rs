//! Clients that post one record after the other, each on a connection that it keeps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long one measurement takes.
const TIME: Duration = Duration::from_secs(3);

const REQUEST: &str = "POST /v2/collector HTTP/1.1\r\nHost: collector\r\nRecord-Format-Version: 4\r\n\
    Classification: org.clearlinux/hello/world\r\nSeverity: 1\r\nMachine-Id: 66c196ce4222dd761470da5e7e35f6f1\r\n\
    Creation-Timestamp: 1443573575\r\nArch: x86_64\r\nHost-Type: blank|blank|blank\r\nBuild: 2980\r\n\
    Kernel-Version: 4.2.0-120\r\nPayload-Format-Version: 1\r\nSystem-Name: clear-linux-os\r\n\
    Board-Name: board|vendor\r\nCpu-Model: Intel(R) Core(TM) i7-6500U\r\nBios-Version: 1.2.3\r\n\
    Event-Id: 0123456789abcdef0123456789abcdef\r\nX-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f\r\n\
    Content-Length: 12\r\n\r\nhello world\n";

/// Posts with this many clients at the same time; the posts a second that were answered 201.
pub(crate) fn posts_per_sec(address: SocketAddr, clients: usize) -> f64 {
    let start = Instant::now();
    let threads: Vec<_> =
        (0..clients).map(|_| std::thread::spawn(move || post_for(address, start + TIME))).collect();
    let posts: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    posts as f64 / start.elapsed().as_secs_f64()
}

fn post_for(address: SocketAddr, end: Instant) -> usize {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let mut posts = 0;
    let mut line = String::new();
    let mut body = Vec::new();
    while Instant::now() < end {
        stream.get_mut().write_all(REQUEST.as_bytes()).unwrap();
        let mut length = 0;
        for number in 0.. {
            line.clear();
            stream.read_line(&mut line).unwrap();
            assert!(number > 0 || line.starts_with("HTTP/1.1 201 "), "{line}");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).unwrap();
        posts += 1;
    }
    posts
}
