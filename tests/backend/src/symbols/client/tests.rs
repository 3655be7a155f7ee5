//! Servers that do what they like, within short times.

use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use super::*;

const SHORT: Bounds =
    Bounds { bytes: 10_000, total: Duration::from_millis(1500), silent: Duration::from_millis(500) };

/// What becomes of a request that a server answers so.
fn asked(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Result<(File, u64), NoFile> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server: ServerUrl = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let bytes = stream.read(&mut head).unwrap();
        answer(&mut stream);
        String::from_utf8_lossy(&head[..bytes]).into_owned()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(fetch(&server, "abcdef01", SHORT));
    drop(runtime);
    let head = thread.join().unwrap();
    assert!(head.starts_with("GET /x/buildid/abcdef01/debuginfo HTTP/1.1\r\n"), "{head}");
    found
}

fn send(text: &'static str) -> impl FnOnce(&mut TcpStream) + Send + 'static {
    move |stream| stream.write_all(text.as_bytes()).unwrap()
}

/// Goes on until the other side has enough.
fn drip(stream: &mut TcpStream, piece: &[u8], pause: Duration) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    while stream.write_all(piece).is_ok() {
        thread::sleep(pause);
    }
}

#[test]
fn a_body_is_a_file() {
    let (mut file, bytes) = asked(send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")).unwrap();
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!((bytes, text.as_str()), (5, "hello"));
    assert!(asked(send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")).is_ok());
}

#[test]
fn what_is_no_file() {
    assert_eq!(asked(send("HTTP/1.1 404 Not Found\r\n\r\n")).unwrap_err(), NoFile::NotThere);
    for (answer, why) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n", "more than 10000 bytes"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "encoded"),
        ("HTTP/1.1 302 Found\r\nLocation: http://other/\r\n\r\n", "another server"),
        ("HTTP/1.1 302 Found\r\n\r\n", "another server"),
    ] {
        let NoFile::Refused(reason) = asked(send(answer)).unwrap_err() else { panic!("{answer}") };
        assert!(reason.contains(why), "{reason}");
    }
    for (answer, why) in [
        ("HTTP/1.1 500 Oh\r\n\r\n", "500"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", ""),
        ("SSH-2.0-OpenSSH\r\n", ""),
        ("", ""),
    ] {
        let NoFile::Failed(reason) = asked(send(answer)).unwrap_err() else { panic!("{answer}") };
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn bytes_and_time_are_bounded() {
    let begin = Instant::now();
    let endless = asked(|stream| drip(stream, &[0; 1000], Duration::ZERO)).unwrap_err();
    assert_eq!(endless, NoFile::Refused("the file has more than 10000 bytes".to_owned()));
    let slow = asked(|stream| drip(stream, b"x", Duration::from_millis(50))).unwrap_err();
    assert_eq!(slow, NoFile::Failed("it took longer than 1.5 s".to_owned()));
    let silent = asked(|stream| drip(stream, b"x", Duration::from_secs(1))).unwrap_err();
    assert_eq!(silent, NoFile::Failed("it was silent for 0.5 s".to_owned()));
    let heads = asked(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n").is_ok() {}
    });
    assert!(matches!(heads, Err(NoFile::Failed(_))), "{heads:?}");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}
