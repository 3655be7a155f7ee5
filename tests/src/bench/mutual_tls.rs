//! Somebody who asks telempulld by the network: one connection by mutual TLS, kept, as a collector has it.

use crate::asked::Asked;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use telemetry_tls::{OwnKey, ServerVerifier, client_config};

/// The name that telempulld's certificate has.
const NAME: &str = "telempulld";

/// A certificate that telempulld trusts, and telempulld's own.
pub(super) struct Trusted {
    config: Arc<ClientConfig>,
    port: u16,
}

/// A connection that is kept.
pub(super) struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Trusted {
    /// Makes one that may pull; telempulld has been started once, so that it has its own.
    pub(super) fn new(asked: &Asked) -> Result<Self, Box<dyn Error>> {
        let fingerprint = asked.make_certificate("puller");
        let directory = asked.sandbox.path("etc/telempulld");
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("trusted_certificates.cfg"), format!("{fingerprint} role=pull\n"))?;
        let own = OwnKey::from_pem(
            &fs::read(asked.key_file("puller", "pem"))?,
            &fs::read(asked.key_file("puller", "key"))?,
        )?;
        // Its key and its certificate are in one file.
        let servers = fs::read(asked.sandbox.path("state/identity/telempulld/srv_certificate.pem"))?;
        let servers = OwnKey::from_pem(&servers, &servers)?;
        let verifier = ServerVerifier::new(vec![servers.fingerprint]);
        Ok(Self { config: Arc::new(client_config(&own, Arc::new(verifier))?), port: asked.port })
    }

    pub(super) fn connect(&self) -> Result<Connection, Box<dyn Error>> {
        let connection = ClientConnection::new(Arc::clone(&self.config), NAME.try_into()?)?;
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(StreamOwned::new(connection, stream))))
    }
}

impl Connection {
    /// Asks; returns the length of the answer.
    pub(super) fn get(&mut self, path: &str) -> Result<usize, Box<dyn Error>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length) = (String::new(), None);
        self.0.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200 ") {
            return Err(format!("{path}: {line}").into());
        }
        while line != "\r\n" {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err("the connection ended within headers".into());
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse()?);
            }
        }
        let mut body = vec![0; length.ok_or("an answer without a length")?];
        self.0.read_exact(&mut body)?;
        Ok(body.len())
    }
}
