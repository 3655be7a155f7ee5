//! net-snmp's snmpd with our line, for a private instance; who asks it are net-snmp's own programs.

use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use test_harness::{Sandbox, programs, until};

/// Below what our objects are.
pub const BASE: &str = ".1.3.6.1.4.1.8072.9999.9999.4711";

/// snmpd with our line.
#[derive(Debug)]
pub struct Snmpd {
    /// The process.
    pub child: Child,
    /// Where it is asked, on 127.0.0.1.
    pub port: u16,
    _dir: tempfile::TempDir,
}

impl Snmpd {
    /// None where there is none.
    ///
    /// # Panics
    /// It cannot be asked.
    #[must_use]
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        if Command::new("snmpd").arg("-v").output().is_err() {
            println!("skipped: no snmpd here");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let telemctl = programs::path("telemctl");
        let text = format!(
            "rocommunity public 127.0.0.1\nrwcommunity private 127.0.0.1\npass_persist {BASE} {} snmp -f {}\n",
            telemctl.display(),
            sandbox.config_arg()
        );
        fs::write(dir.path().join("snmpd.conf"), text).unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let child = Command::new("snmpd")
            .args([
                "-f",
                "-Lf",
                &at("log"),
                "-C",
                "-c",
                &at("snmpd.conf"),
                "-I",
                "-smux,mteTrigger,mteTriggerConf",
            ])
            .args(["-p", &at("pid"), &format!("udp:127.0.0.1:{port}")])
            .env("SNMP_PERSISTENT_DIR", dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let snmpd = Self { child, port, _dir: dir };
        until("snmpd answers", || snmpd.ask("snmpget", &["-t", "1", "-r", "0"], ".1.3.6.1.2.1.1.3.0"));
        Some(snmpd)
    }

    /// What a program of net-snmp prints about this object; none where it fails.
    ///
    /// # Panics
    /// It cannot be asked.
    #[must_use]
    pub fn ask(&self, program: &str, words: &[&str], oid: &str) -> Option<String> {
        let output = Command::new(program)
            .args(["-v2c", "-c", "public", "-On", "-m", ""])
            .args(words)
            .args([&format!("127.0.0.1:{}", self.port), oid])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The value of an object.
    ///
    /// # Panics
    /// It cannot be asked.
    #[must_use]
    pub fn get(&self, below: &str) -> String {
        let line = self.ask("snmpget", &["-t", "20"], &format!("{BASE}.{below}")).unwrap();
        line.trim_end().split_once(" = ").unwrap().1.to_owned()
    }

    /// The number of the program that it has started for our objects.
    ///
    /// # Panics
    /// It cannot be asked.
    #[must_use]
    pub fn program(&self) -> String {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id())).unwrap();
        children.split_whitespace().next().unwrap().to_owned()
    }

    /// What a program of net-snmp prints of all of our objects, a line each.
    ///
    /// # Panics
    /// It cannot be asked.
    #[must_use]
    pub fn walk(&self, program: &str) -> Vec<String> {
        let text = self.ask(program, &["-t", "20"], BASE).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
