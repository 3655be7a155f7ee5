//! Posts by ApacheBench, which keeps its connections: whoever wants to compare has the same program.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// How long one measurement takes.
const SECS: &str = "3";

const HEADERS: [&str; 17] = [
    "Record-Format-Version: 4",
    "Classification: org.clearlinux/hello/world",
    "Severity: 1",
    "Machine-Id: 66c196ce4222dd761470da5e7e35f6f1",
    "Creation-Timestamp: 1443573575",
    "Arch: x86_64",
    "Host-Type: blank|blank|blank",
    "Build: 2980",
    "Kernel-Version: 4.2.0-120",
    "Payload-Format-Version: 1",
    "System-Name: clear-linux-os",
    "Board-Name: board|vendor",
    "Cpu-Model: Intel(R) Core(TM) i7-6500U",
    "Bios-Version: 1.2.3",
    "Event-Id: 0123456789abcdef0123456789abcdef",
    "X-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f",
    "Accept: */*",
];

/// Posts with this many clients at the same time; the posts a second that were answered 201.
pub(crate) fn posts_per_sec(address: SocketAddr, clients: usize) -> f64 {
    Posting::start(address, clients).finish()
}

/// One that goes on.
pub(crate) struct Posting {
    child: Child,
    _body: tempfile::NamedTempFile,
}

impl Posting {
    pub(crate) fn start(address: SocketAddr, clients: usize) -> Self {
        let mut body = tempfile::NamedTempFile::new().unwrap();
        body.write_all(b"hello world\n").unwrap();
        let mut ab = Command::new("ab");
        // The time first: it would set the number anew.
        ab.args([
            "-l",
            "-k",
            "-q",
            "-t",
            SECS,
            "-n",
            "100000000",
            "-c",
            &clients.to_string(),
            "-T",
            "text/plain",
        ]);
        ab.arg("-p").arg(body.path());
        HEADERS.iter().for_each(|header| {
            ab.args(["-H", header]);
        });
        ab.arg(format!("http://{address}/v2/collector")).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = ab.stderr(Stdio::piped()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("ab, of apache2-utils: {error}")), _body: body }
    }

    pub(crate) fn finish(self) -> f64 {
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !said.contains("Non-2xx"), "{output:?}");
        let failed = value(&said, "Failed requests:").unwrap_or(0.0);
        assert!(failed == 0.0, "{said}");
        let all = value(&said, "Complete requests:").unwrap();
        let kept = value(&said, "Keep-Alive requests:").unwrap_or(0.0);
        assert!(kept >= 0.99 * all, "connections are not kept: {said}");
        value(&said, "Requests per second:").unwrap()
    }
}

/// The number of a line.
fn value(said: &str, name: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
