//! Namespaces, the wires between them, and the machines that send.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Who is on which wire. That of the machines leads to the buffer alone.
const OUTER: [&str; 3] = ["buffer", "centre", "standby"];

/// What counts what goes out: attempts to connect, and questions for names.
const WATCH: &str = "table inet watch {
    counter syn { }
    counter dns { }
    chain out {
        type filter hook output priority 0; policy accept;
        ip daddr OWN accept
        tcp flags & (syn | ack) == syn counter name syn
        udp dport 53 counter name dns
        tcp dport 53 counter name dns
    }
}";

/// A machine posts one record after the other, each until it is answered that it is stored, as telempostd does. curl, as the
/// other side.
const MACHINE: &str = r#"
number=0
while [ ! -e "$2/stop" ]; do
    number=$((number + 1))
    until [ "$(curl --silent --output /dev/null --max-time 3 --write-out '%{http_code}' \
        --header 'Record-Format-Version: 4' --header 'Classification: org.example/isolated/test' --header 'Severity: 1' \
        --header 'Machine-Id: 66c196ce4222dd761470da5e7e35f6f1' --header 'Creation-Timestamp: 1443573575' \
        --header 'Arch: x86_64' --header 'Host-Type: a|b|c' --header 'Build: 1' --header 'Kernel-Version: 6.1.0' \
        --header 'Payload-Format-Version: 1' --header 'System-Name: debian' --header 'Board-Name: b' --header 'Cpu-Model: c' \
        --header 'Bios-Version: d' --header 'Event-Id: 0123456789abcdef0123456789abcdef' \
        --header 'X-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f' --header "Idempotency-Key: $1-$number" \
        --data-binary "$1-$number" http://10.77.1.1:8080/v2/collector)" = 201 ]; do
        [ ! -e "$2/stop" ] || exit 0
        sleep 0.05
    done
    echo "$1-$number" >>"$2/answered-$1"
done
"#;

/// All namespaces, until it is dropped.
pub(crate) struct Network {
    directory: tempfile::TempDir,
    /// In the name of each.
    mark: String,
}

impl Network {
    /// None where none can be made, which is said.
    pub(crate) fn new() -> Option<Self> {
        let works = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let mark = format!("telem{}", std::process::id());
        let tried = format!("{mark}-try");
        if !works("ip", &["netns", "add", &tried]) || !works("nft", &["--version"]) {
            eprintln!("skipped: namespaces of the network need root, ip (iproute2) and nft (nftables)");
            assert!(
                std::env::var("CI").map_or(true, |value| value != "true"),
                "nothing may be skipped where CI=true"
            );
            return None;
        }
        run("ip", &["netns", "del", &tried]);
        let network = Self { directory: tempfile::tempdir().unwrap(), mark };
        network.build();
        Some(network)
    }

    fn build(&self) {
        for name in OUTER.iter().chain(&["machines", "wires"]) {
            let namespace = self.namespace(name);
            run("ip", &["netns", "add", &namespace]);
            run("ip", &["-n", &namespace, "link", "set", "lo", "up"]);
        }
        let wires = self.namespace("wires");
        run("ip", &["-n", &wires, "link", "add", "bridge", "type", "bridge"]);
        run("ip", &["-n", &wires, "link", "set", "bridge", "up"]);
        for (name, number) in OUTER.iter().zip(1..) {
            let own = self.namespace(name);
            run(
                "ip",
                &["-n", &wires, "link", "add", name, "type", "veth", "peer", "name", "out", "netns", &own],
            );
            run("ip", &["-n", &wires, "link", "set", name, "master", "bridge", "up"]);
            run("ip", &["-n", &own, "addr", "add", &format!("10.77.2.{number}/24"), "dev", "out"]);
            run("ip", &["-n", &own, "link", "set", "out", "up"]);
        }
        let (buffer, machines) = (self.namespace("buffer"), self.namespace("machines"));
        run(
            "ip",
            &["-n", &buffer, "link", "add", "in", "type", "veth", "peer", "name", "in", "netns", &machines],
        );
        for (namespace, address) in [(&buffer, "10.77.1.1/24"), (&machines, "10.77.1.2/24")] {
            run("ip", &["-n", namespace, "addr", "add", address, "dev", "in"]);
            run("ip", &["-n", namespace, "link", "set", "in", "up"]);
        }
        // There is no way out of it.
        let outside =
            ["netns", "exec", &machines, "curl", "--silent", "--max-time", "2", "http://10.77.2.2/"];
        assert!(!Command::new("ip").args(outside).status().unwrap().success());
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.mark)
    }

    /// Cuts a wire, or mends it.
    pub(crate) fn set_wire(&self, name: &str, is_whole: bool) {
        let (namespace, device) = if name == "machines" { ("machines", "in") } else { ("wires", name) };
        let state = if is_whole { "up" } else { "down" };
        run("ip", &["-n", &self.namespace(namespace), "link", "set", device, state]);
    }

    /// From now on what goes out of the buffer and the machines is counted.
    pub(crate) fn watch(&self) {
        for (name, own) in [("buffer", "10.77.1.1"), ("machines", "10.77.1.1")] {
            let file = self.directory().join(format!("{name}.nft"));
            fs::write(&file, WATCH.replace("OWN", own)).unwrap();
            run("ip", &["netns", "exec", &self.namespace(name), "nft", "-f", file.to_str().unwrap()]);
        }
    }

    fn packets(&self, name: &str, counter: &str) -> u64 {
        let args =
            ["netns", "exec", &self.namespace(name), "nft", "list", "counter", "inet", "watch", counter];
        let output = Command::new("ip").args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words = text.split_whitespace().skip_while(|word| *word != "packets");
        words.nth(1).unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }

    /// Nobody inside asked for anything outside; and the counters would have counted it.
    pub(crate) fn check_counters(&self) {
        for name in ["buffer", "machines"] {
            let found = ["syn", "dns"].map(|counter| self.packets(name, counter));
            assert_eq!(found, [0, 0], "connections and questions for names of the {name}");
        }
        let buffer = self.namespace("buffer");
        let outside =
            ["netns", "exec", &buffer, "curl", "--silent", "--max-time", "2", "http://10.77.2.2:9/"];
        assert!(!Command::new("ip").args(outside).status().unwrap().success());
        assert!(self.packets("buffer", "syn") > 0, "the counter counts");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in OUTER.iter().chain(&["machines", "wires"]) {
            // What is not there needs no removal.
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(name)]).status();
        }
    }
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

/// Machines that send until they are stopped.
pub(crate) struct Machines {
    directory: std::path::PathBuf,
    children: Vec<Child>,
}

impl Machines {
    pub(crate) fn start(network: &Network, count: usize) -> Self {
        let namespace = network.namespace("machines");
        let directory = network.directory().to_owned();
        let one = |number: usize| {
            Command::new("ip")
                .args(["netns", "exec", &namespace, "sh", "-c", MACHINE, "machine", &format!("m{number}")])
                .arg(&directory)
                .spawn()
                .unwrap()
        };
        let children = (0..count).map(one).collect();
        Self { directory, children }
    }

    /// What was answered.
    pub(crate) fn stop(mut self) -> BTreeSet<String> {
        fs::write(self.directory.join("stop"), "").unwrap();
        for child in &mut self.children {
            child.wait().unwrap();
        }
        let files = (0..self.children.len()).map(|number| self.directory.join(format!("answered-m{number}")));
        let texts = files.map(|file| fs::read_to_string(file).unwrap_or_default());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// Those that nobody stopped stop with the test.
impl Drop for Machines {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
