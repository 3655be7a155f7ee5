//! A machine below a temporary directory, with certificates of who may ask it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_harness::certificates::make_version_1;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const OWNER: &str = "fdev/GOV/1710128-9";

pub(crate) struct Machine {
    dir: TempDir,
    pub(crate) port: u16,
    pub(crate) local_port: u16,
    pub(crate) child: Option<Child>,
}

/// What curl got: the status (0: no answer at all), headers, and the body.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_true() {
        assert!(begin.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Machine {
    /// Opted in, with these lines in its configuration besides the places.
    pub(crate) fn new(lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for below in ["etc/telempulld", "state", "run", "keys"] {
            fs::create_dir_all(dir.path().join(below)).unwrap();
        }
        fs::write(dir.path().join("etc/opt-in"), "").unwrap();
        let machine = Self { dir, port: free_port(), local_port: free_port(), child: None };
        machine.configure(lines);
        machine
    }

    pub(crate) fn configure(&self, lines: &str) {
        let root = self.dir.path().display();
        let lines = lines.replace("LOCAL", &self.local_port.to_string()).replace("ROOT", &root.to_string());
        let text = format!(
            "[settings]\netc_dir={root}/etc\nstate_dir={root}/state\nrun_dir={root}/run\npull_listen=127.0.0.1:{}\n{lines}\n",
            self.port
        );
        fs::write(self.path("telemetrics.conf"), text).unwrap();
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_telempulld"));
        command.arg("-f").arg(self.path("telemetrics.conf")).stdin(Stdio::null());
        command
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn start(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        self.child = Some(self.command().stderr(log).spawn().unwrap());
        wait_until("it serves", || {
            assert!(self.child.as_mut().unwrap().try_wait().unwrap().is_none(), "{}", self.log());
            self.log().contains("answers those who ask")
        });
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.child.take().unwrap().wait().unwrap().success(), "{}", self.log());
    }

    /// Makes a key with a certificate of version 1, `NAME.key` and `NAME.pem`, and returns its fingerprint.
    pub(crate) fn make_certificate(&self, name: &str) -> String {
        make_version_1(&self.path("keys"), name)
    }

    /// Lists certificates with their words, each by the name of its file.
    pub(crate) fn trust(&self, lines: &[(&str, &str)]) {
        let text: String =
            lines.iter().map(|(name, words)| format!("{} {words}\n", self.make_certificate(name))).collect();
        fs::write(self.path("etc/telempulld/trusted_certificates.cfg"), text).unwrap();
    }

    /// Names the central client.
    pub(crate) fn params(code: &str) -> String {
        format!(
            "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:i=\"http://x-road.eu/xsd/identifiers\"><monitoringClient>\
             <monitoringClientId i:objectType=\"SUBSYSTEM\"><i:xRoadInstance>fdev</i:xRoadInstance>\
             <i:memberClass>GOV</i:memberClass><i:memberCode>{code}</i:memberCode><i:subsystemCode>MON</i:subsystemCode>\
             </monitoringClientId></monitoringClient></x:conf>"
        )
    }

    /// Writes a file that others cannot read.
    pub(crate) fn write_private(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn curl(&self, words: &[&str]) -> Got {
        let mut command = Command::new("curl");
        command.args(["-s", "-S", "-i", "-k", "--noproxy", "*", "--max-time", "30"]).args(words);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Behind answers that only say to go on.
        let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text).to_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Asks by the network, with a certificate; empty: none.
    pub(crate) fn ask(&self, name: &str, path: &str, words: &[&str]) -> Got {
        let (key, certificate) =
            (self.path(&format!("keys/{name}.key")), self.path(&format!("keys/{name}.pem")));
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let mut all = vec![url.as_str()];
        if !name.is_empty() {
            all.extend(["--key", key.to_str().unwrap(), "--cert", certificate.to_str().unwrap()]);
        }
        all.extend(words);
        self.curl(&all)
    }

    /// Asks by loopback.
    pub(crate) fn ask_here(&self, path: &str, words: &[&str]) -> Got {
        let url = format!("http://127.0.0.1:{}{path}", self.local_port);
        self.curl(&[&[url.as_str()], words].concat())
    }

    /// Asks by the socket.
    pub(crate) fn ask_socket(&self, socket: &Path, path: &str, words: &[&str]) -> Got {
        let url = format!("http://localhost{path}");
        self.curl(&[&["--unix-socket", socket.to_str().unwrap(), url.as_str()], words].concat())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The example of the description: a client asks for the metrics of the owner's server.
pub(crate) fn request(client: &str) -> String {
    let parts: Vec<_> = client.split('/').collect();
    let subsystem =
        parts.get(3).map_or(String::new(), |code| format!("<id:subsystemCode>{code}</id:subsystemCode>"));
    let kind = if subsystem.is_empty() { "MEMBER" } else { "SUBSYSTEM" };
    format!(
        r#"<SOAP-ENV:Envelope
	xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
	xmlns:id="http://x-road.eu/xsd/identifiers"
	xmlns:xrd="http://x-road.eu/xsd/xroad.xsd"
	xmlns:m="http://x-road.eu/xsd/monitoring">
    <SOAP-ENV:Header>
        <xrd:client id:objectType="{kind}">
            <id:xRoadInstance>{}</id:xRoadInstance>
            <id:memberClass>{}</id:memberClass>
            <id:memberCode>{}</id:memberCode>{subsystem}
        </xrd:client>
        <xrd:service id:objectType="SERVICE">
            <id:xRoadInstance>fdev</id:xRoadInstance>
            <id:memberClass>GOV</id:memberClass>
            <id:memberCode>1710128-9</id:memberCode>
            <id:serviceCode>getSecurityServerMetrics</id:serviceCode>
        </xrd:service>
        <xrd:securityServer id:objectType="SERVER">
            <id:xRoadInstance>fdev</id:xRoadInstance>
            <id:memberClass>GOV</id:memberClass>
            <id:memberCode>1710128-9</id:memberCode>
            <id:serverCode>fdev-ss1.i.palveluvayla.com</id:serverCode>
        </xrd:securityServer>
        <xrd:id>ID11234</xrd:id>
        <xrd:protocolVersion>4.0</xrd:protocolVersion>
    </SOAP-ENV:Header>
    <SOAP-ENV:Body>
        <m:getSecurityServerMetrics/>
    </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
"#,
        parts[0], parts[1], parts[2]
    )
}

/// The lines by which SOAP is answered.
pub(crate) const SOAP: &str = "member=fdev/GOV/1710128-9\nserver_code=fdev-ss1.i.palveluvayla.com";

/// How curl posts it.
pub(crate) fn posting(request: &str) -> [&str; 4] {
    ["-H", "Content-Type: text/xml;charset=UTF-8", "--data-binary", request]
}
