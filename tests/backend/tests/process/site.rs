//! The collector behind the site that `setup` makes.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use telem_collector::setup::nginx::{CERTIFICATE, KEY, site};

use crate::collector::{Collector, DEADLINE};
use crate::http::{Client, head};
use crate::sample::headers;

/// nginx with a site, on ports and with a certificate of the test's own.
struct Nginx {
    child: Child,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Nginx {
    fn start(directory: &Path, site: &str) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (plain, tls) = (free(), free());
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let site = site
            .lines()
            .filter(|line| !line.contains("listen [::]"))
            .collect::<Vec<_>>()
            .join("\n")
            .replace("listen 80 ", &format!("listen {plain} "))
            .replace("listen 443 ", &format!("listen {tls} "))
            .replace(CERTIFICATE, &path("server.pem"))
            .replace(KEY, &path("server.key"));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {};", path(what)))
            .join(" ");
        let pid = path("pid");
        let text = format!(
            "daemon off; master_process off; pid {pid}; events {{}} http {{ access_log off; {temporary} {site} }}"
        );
        fs::write(path("nginx.conf"), text).unwrap();
        let args = ["-e", &path("log"), "-c", &path("nginx.conf")].map(str::to_owned);
        let mut child = Command::new("nginx");
        // Debian keeps it off the path of most users.
        child.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        let child = child.args(args).stdin(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, plain, tls };
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(plain).is_err() {
            assert!(Instant::now() < deadline, "{:?}", fs::read_to_string(path("log")));
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn records_pages_and_large_payloads_pass_the_site() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(&["--database", ":memory:", "--host", "telemetry.example.org"]);
    let nginx = Nginx::start(directory.path(), &site(&collector.address.to_string(), false));
    let underscores: Vec<_> = headers(&[])
        .into_iter()
        .map(|(name, value)| (name.to_lowercase().replace('-', "_"), value))
        .collect();
    for payload in ["hello\n", &"x".repeat(1 << 20)] {
        let answer =
            Client::connect(nginx.plain).request("POST", "/v2/collector", &underscores, payload.as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let status = |host: &str| {
        let mut client = Client::connect(nginx.plain);
        client.send(head("GET", "/api/records?limit=0", &[], 0).replace("localhost", host).as_bytes());
        client.answer().status
    };
    assert_eq!((status("telemetry.example.org"), status("evil.example.org")), (200, 421));
}

#[test]
fn with_a_certificate_the_site_has_tls_too() {
    let directory = tempfile::tempdir().unwrap();
    let request = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                   -keyout server.key -out server.pem";
    let made =
        Command::new("openssl").current_dir(directory.path()).args(request.split_whitespace()).output();
    assert!(made.unwrap().status.success());
    let collector = Collector::in_memory();
    let nginx = Nginx::start(directory.path(), &site(&collector.address.to_string(), true));
    let url = format!("https://localhost:{}/telemetryui", nginx.tls.port());
    let certificate = directory.path().join("server.pem");
    let page =
        Command::new("curl").args(["-sS", "--fail", "--cacert"]).arg(certificate).arg(url).output().unwrap();
    assert!(
        page.status.success() && String::from_utf8_lossy(&page.stdout).contains("No records yet"),
        "{page:?}"
    );
}
