//! A PostgreSQL server of the tests' own: Debian's programs on a directory and a socket that nobody else has.
//!
//! It ends with the process that started it, however that ends: a shell keeps it, and waits on a pipe.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Far beyond what anything here takes; who waits so long has found a fault.
const DEADLINE: Duration = Duration::from_secs(60);

/// Starts a server, and when its standard input ends stops it at once. No file grows beyond `$BLOCKS`. If there is a
/// `$REMOVE`, nobody else will remove it.
const KEEP: &str = r#"
ulimit -f "$BLOCKS"
"$@" >>"$LOG" 2>&1 & pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
[ -z "$REMOVE" ] || rm -rf "$REMOVE"
"#;

/// A directory of data, and the server on it while it runs.
pub(crate) struct Cluster {
    directory: tempfile::TempDir,
    port: u16,
    keeper: Option<Child>,
    /// `-c` and a setting, for this server alone.
    arguments: Vec<String>,
    /// How large a file may become, in blocks of 512 bytes, or `unlimited`.
    blocks: &'static str,
    /// Whether it lives as long as the process, where nothing of Rust's removes the directory.
    is_shared: bool,
}

/// The programs, which Debian keeps off the path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    found.unwrap_or_else(|| name.into())
}

/// A command as a user that a server may run as: it refuses to run as root.
fn command(name: &str) -> Command {
    if !nix::unistd::Uid::effective().is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program(name));
    command
}

/// Makes a file the server's.
pub(crate) fn give(path: &Path) {
    if let Some(user) = nix::unistd::User::from_name("postgres").unwrap()
        && nix::unistd::Uid::effective().is_root()
    {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

impl Cluster {
    /// Makes a directory of data, with settings as in postgresql.conf, and starts a server on it.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::make(settings, false)
    }

    fn make(settings: &[&str], is_shared: bool) -> Self {
        let mut cluster = Self::empty();
        cluster.is_shared = is_shared;
        let init =
            ["-A", "trust", "-U", "telem", "-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1", "--no-sync"];
        done(command("initdb").args(init).arg("-D").arg(cluster.data()).output().unwrap());
        let common = ["listen_addresses = '127.0.0.1'", "max_connections = 100"];
        let all = common.iter().chain(settings);
        let text = all.map(|setting| format!("{setting}\n")).collect::<String>();
        fs::write(cluster.data().join("postgresql.auto.conf"), text).unwrap();
        cluster.run();
        cluster
    }

    /// A directory for data.
    fn empty() -> Self {
        let directory = tempfile::Builder::new().prefix("telem-pg-").tempdir().unwrap();
        give(directory.path());
        // Nobody else may have the port between here and the start; the socket in our own directory has its name too.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { directory, port, keeper: None, arguments: Vec::new(), blocks: "unlimited", is_shared: false }
    }

    /// A server that follows this one, and starts to stand for itself at [`Cluster::promote`].
    pub(crate) fn standby(&self) -> Self {
        let mut standby = Self::empty();
        let mut copy = command("pg_basebackup");
        copy.args(["-R", "-X", "stream", "-c", "fast", "-U", "telem", "-D"]).arg(standby.data());
        done(copy.arg("-h").arg(self.path()).arg("-p").arg(self.port.to_string()).output().unwrap());
        standby.arguments = ["-c", "synchronous_standby_names="].map(str::to_owned).to_vec();
        standby.run();
        standby
    }

    /// Makes a standby a server of its own.
    pub(crate) fn promote(&self) {
        done(command("pg_ctl").args(["promote", "-w", "-D"]).arg(self.data()).output().unwrap());
    }

    /// From the next start on no file may become larger than this.
    pub(crate) fn bound_files(&mut self, blocks: &'static str) {
        self.blocks = blocks;
    }

    /// One for all tests of a process that do not disturb it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::make(&["fsync = off"], true))
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Starts the server again, and waits until it can be used.
    pub(crate) fn run(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "{}", self.log());
            // After a kill the old server's children may still be there, and the new one gives up.
            if self.keeper.as_mut().is_none_or(|keeper| keeper.try_wait().unwrap().is_some()) {
                self.keeper = Some(self.keep());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn keep(&self) -> Child {
        let server = command("postgres");
        let mut shell = Command::new("sh");
        shell.args(["-c", KEEP, "sh"]).arg(server.get_program()).args(server.get_args());
        shell.arg("-D").arg(self.data()).arg("-k").arg(self.path()).arg("-p").arg(self.port.to_string());
        shell.args(&self.arguments).env("BLOCKS", self.blocks);
        shell.env("REMOVE", if self.is_shared { self.path() } else { Path::new("") });
        shell.env("LOG", self.path().join("log")).current_dir("/").stdin(Stdio::piped()).spawn().unwrap()
    }

    fn is_ready(&self) -> bool {
        self.keeper.is_some() && self.psql("postgres", "SELECT 1").status.success()
    }

    fn psql(&self, database: &str, sql: &str) -> Output {
        let mut psql = Command::new(program("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "telem",
            "-d",
            database,
            "-c",
            sql,
        ]);
        psql.arg("-h").arg(self.path()).arg("-p").arg(self.port.to_string()).output().unwrap()
    }

    /// Runs a script, as `psql` reads it.
    pub(crate) fn script(&self, script: &str) {
        let file = self.path().join("script.sql");
        fs::write(&file, script).unwrap();
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "telem", "-d", "postgres", "-f"]).arg(file);
        done(psql.arg("-h").arg(self.path()).arg("-p").arg(self.port.to_string()).output().unwrap());
    }

    /// Runs a statement, and returns its rows.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        done(self.psql(database, sql)).trim_end().to_owned()
    }

    /// Makes a database, and returns its name.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a database, by the server's socket.
    pub(crate) fn url(&self, database: &str) -> String {
        let socket = self.path().display().to_string().replace('/', "%2F");
        format!("postgres://telem@{socket}:{}/{database}", self.port)
    }

    /// Kills the server and all its children, as a machine that loses its power does.
    pub(crate) fn kill(&mut self) {
        let lines = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let server = lines.lines().next().unwrap().to_owned();
        let children = Command::new("pgrep").args(["-P", &server]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        for pid in std::iter::once(server.as_str()).chain(children.lines()) {
            let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
            // A child may have gone by itself.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        self.stop();
    }

    /// Stops the server at once: connections break, and it recovers at the next start.
    pub(crate) fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}
