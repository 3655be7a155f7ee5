//! nginx before the collector, as an installation has it: TLS and HTTP/2 outside, kept connections inside.
//!
//! Everything that it reads or writes lies in the sandbox, and it is one process, so that nothing of it
//! outlives the scenario.

use crate::certificates::{Certificate, Certificates};
use crate::{DEADLINE, Process, Sandbox, until};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How nginx serves.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The certificate that it shows.
    pub certificate: Certificate,
    /// Whether it offers HTTP/2.
    pub http2: bool,
    /// Further directives of its `server` block.
    pub directives: String,
}

impl Default for Manner {
    fn default() -> Self {
        Self { certificate: Certificate::Good, http2: true, directives: String::new() }
    }
}

/// A request as nginx has logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// `HTTP/2.0` or `HTTP/1.1`.
    pub protocol: String,
    /// Number of the connection.
    pub connection: u64,
    /// Status of the answer.
    pub status: u16,
    /// `Content-Encoding` of the request, `-` if it has none.
    pub coding: String,
    /// Bytes of the request's body as it came.
    pub body_bytes: usize,
}

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// The process.
    pub process: Process,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The certificates that it can show.
    pub certificates: Certificates,
    sandbox: PathBuf,
    upstream: String,
}

impl Nginx {
    /// Starts it before a server (`http://ADDRESS:PORT`).
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub fn start(sandbox: &Sandbox, upstream: &str, manner: &Manner) -> Self {
        fs::create_dir(sandbox.path("nginx")).unwrap();
        let sandbox = sandbox.path("");
        let certificates = Certificates::make(&sandbox);
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let start = Instant::now();
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            match serve(&sandbox, &certificates, &upstream, port, manner) {
                Ok(process) => return Self { process, port, certificates, sandbox, upstream },
                // Somebody took the port just then.
                Err(log) if log.contains("Address already in use") && start.elapsed() < DEADLINE => {}
                Err(log) => panic!("nginx: {log}"),
            }
        }
    }

    /// `https://localhost:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Stops it and starts it in another manner at the same port.
    ///
    /// # Panics
    /// It does not start.
    pub fn change(&mut self, manner: &Manner) {
        self.process.kill();
        self.process = serve(&self.sandbox, &self.certificates, &self.upstream, self.port, manner).unwrap();
    }

    /// What `openssl s_client` with these arguments finds.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn handshake(&self, args: &[&str]) -> String {
        let connect = format!("127.0.0.1:{}", self.port);
        let mut command = Command::new("openssl");
        let output =
            command.args(["s_client", "-connect", &connect]).args(args).stdin(Stdio::null()).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    }

    /// Connections of clients that it has open.
    ///
    /// # Panics
    /// It is gone.
    pub fn open_connections(&self) -> usize {
        let port = format!(":{:04X}", self.port);
        let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", self.process.pid())).unwrap();
        let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Local address and state; 01 is ESTABLISHED.
        fields.filter(|fields| fields[1].ends_with(&port) && fields[3] == "01").count()
    }

    /// The requests that it has answered, at least this many: it logs each a moment after the answer.
    ///
    /// # Panics
    /// It logs in another form, or fewer.
    pub fn served(&self, minimum: usize) -> Vec<Served> {
        until(&format!("{minimum} requests in nginx's log"), || {
            Some(self.logged()).filter(|served| served.len() >= minimum)
        })
    }

    fn logged(&self) -> Vec<Served> {
        let log = fs::read_to_string(self.sandbox.join("nginx/access.log")).unwrap_or_default();
        // The last line may not be whole.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(|line| parse(line).unwrap_or_else(|| panic!("access.log: {line}"))).collect()
    }
}

fn parse(line: &str) -> Option<Served> {
    let mut words = line.split(' ');
    Some(Served {
        protocol: words.next()?.to_owned(),
        connection: words.next()?.parse().ok()?,
        status: words.next()?.parse().ok()?,
        coding: words.next()?.to_owned(),
        body_bytes: words.next()?.parse().unwrap_or(0),
    })
}

/// Starts it and waits until it listens; what it said if it ended instead.
fn serve(
    sandbox: &Path,
    certificates: &Certificates,
    upstream: &str,
    port: u16,
    manner: &Manner,
) -> Result<Process, String> {
    let folder = sandbox.join("nginx");
    write_config(&folder, certificates, upstream, port, manner);
    let mut command = Command::new(program());
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder);
    let mut process = Process::spawn(sandbox, "nginx", &mut command);
    let listens = until("nginx listens", || match process.try_status().unwrap() {
        Some(_) => Some(false),
        None => TcpStream::connect(("127.0.0.1", port)).ok().map(|_| true),
    });
    if listens { Ok(process) } else { Err(process.log()) }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not on everybody's path in Debian.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("nginx")).find(|program| program.exists());
    found.expect("nginx is not installed; install it with `make deps`")
}

/// `http2 on;` is known from 1.25.1 on, where `listen ... http2` is deprecated.
fn knows_http2_directive() -> bool {
    let output = Command::new(program()).arg("-v").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let version = text.trim().rsplit_once("nginx/").unwrap().1;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    version >= [1, 25, 1]
}

fn write_config(folder: &Path, certificates: &Certificates, upstream: &str, port: u16, manner: &Manner) {
    let (listen, http2) = match (manner.http2, knows_http2_directive()) {
        (false, _) => ("", ""),
        (true, false) => (" http2", ""),
        (true, true) => ("", "http2 on;"),
    };
    let certificate = certificates.certificate(manner.certificate);
    let text = format!(
        "
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
    log_format served '$server_protocol $connection $status $sent_coding $sent_bytes';
    map $http_content_encoding $sent_coding {{ '' -; default $http_content_encoding; }}
    map $http_content_length $sent_bytes {{ '' 0; default $http_content_length; }}
    access_log access.log served;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream collector {{
        server {upstream};
        keepalive 16;
        keepalive_timeout 10s;
    }}
    server {{
        listen 127.0.0.1:{port} ssl{listen};
        {http2}
        ssl_certificate {};
        ssl_certificate_key {};
        {}
        location / {{
            proxy_pass http://collector;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
        }}
    }}
}}
",
        certificate.display(),
        certificates.key(manner.certificate).display(),
        manner.directives,
    );
    fs::write(folder.join("nginx.conf"), text).unwrap();
}
