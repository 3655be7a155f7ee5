//! An HTTP proxy that remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy; its threads end with the process.
#[derive(Debug)]
pub struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy that takes every request to this server (`ADDRESS:PORT`), whatever host it names.
    ///
    /// # Panics
    /// There is no port.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (server, of_thread) = (server.to_owned(), Arc::clone(&asked));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, asked) = (server.clone(), Arc::clone(&of_thread));
                thread::spawn(move || pass(client, &server, &asked));
            }
        });
        Self { url, asked }
    }

    /// The first lines of the requests so far.
    ///
    /// # Panics
    /// One of its threads did.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves a connection: requests for `http://`, or a tunnel.
fn pass(client: TcpStream, server: &str, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut to_client = client.try_clone().ok()?;
    let mut from_client = BufReader::new(client);
    let mut upstream = TcpStream::connect(server).ok()?;
    loop {
        let (first, head, length) = read_head(&mut from_client)?;
        asked.lock().ok()?.push(first.clone());
        if first.starts_with("CONNECT ") {
            to_client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
            return tunnel(from_client, to_client, upstream);
        }
        // The server gets the path alone.
        let (_, rest) = first.split_once("://")?;
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        let mut body = vec![0; length];
        from_client.read_exact(&mut body).ok()?;
        upstream.write_all(format!("POST {path}\r\n{head}\r\n").as_bytes()).ok()?;
        upstream.write_all(&body).ok()?;
        let mut from_server = BufReader::new(upstream.try_clone().ok()?);
        let (first, head, length) = read_head(&mut from_server)?;
        let mut body = vec![0; length];
        from_server.read_exact(&mut body).ok()?;
        to_client.write_all(format!("{first}\r\n{head}\r\n").as_bytes()).ok()?;
        to_client.write_all(&body).ok()?;
    }
}

/// The first line, the others, and the length of what follows.
fn read_head(reader: &mut impl BufRead) -> Option<(String, String, usize)> {
    let (mut first, mut head, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if line == "\r\n" {
            return Some((first.trim_end().to_owned(), head, length));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head += &line;
    }
}

fn tunnel(mut from_client: BufReader<TcpStream>, mut to_client: TcpStream, server: TcpStream) -> Option<()> {
    let (mut from_server, mut to_server) = (server.try_clone().ok()?, server);
    thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
    std::io::copy(&mut from_client, &mut to_server).ok().map(drop)
}
