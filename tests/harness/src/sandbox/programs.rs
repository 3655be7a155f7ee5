//! Programs on the sandbox's configuration, and what listens on its socket.

use super::Sandbox;
use crate::{Printed, Process, programs, until};
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, ExitStatus, Output, Stdio};

impl Sandbox {
    /// Starts a daemon with this configuration.
    pub fn start(&self, name: &str) -> Process {
        Process::start(&self.path(""), name, &["-f", &self.config_arg()])
    }

    /// Starts telemprobd and waits until it listens.
    pub fn start_telemprobd(&self) -> Process {
        let mut process = self.start("telemprobd");
        let socket = self.socket_path();
        until("telemprobd listens", || {
            if let Ok(Some(status)) = process.try_status() {
                panic!("telemprobd ended: {status}: {}", process.log());
            }
            UnixStream::connect(&socket).ok()
        });
        process
    }

    /// Starts telempostd.
    pub fn start_telempostd(&self) -> Process {
        self.start("telempostd")
    }

    /// Runs telempostd where it is to end by itself; returns its status and what it logged.
    pub fn run_telempostd(&self) -> (ExitStatus, String) {
        self.start_telempostd().wait_with_log()
    }

    /// Listens where telemprobd would, for every user.
    ///
    /// # Panics
    /// Somebody does already.
    pub fn listen(&self) -> UnixListener {
        let listener = UnixListener::bind(self.socket_path()).unwrap();
        fs::set_permissions(self.socket_path(), Permissions::from_mode(0o666)).unwrap();
        listener
    }

    /// A command of this build.
    pub fn command<S: AsRef<OsStr>>(&self, name: &str, args: &[S]) -> Command {
        programs::command(name, args)
    }

    /// A command of this build with `-f CONFIG` and these arguments.
    pub fn configured(&self, name: &str, args: &[&str]) -> Command {
        let mut command = programs::command(name, &["-f", &self.config_arg()]);
        command.args(args);
        command
    }

    /// Runs a program of this build with `-f CONFIG` and these arguments.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn run(&self, name: &str, args: &[&str]) -> Output {
        self.configured(name, args).stdin(Stdio::null()).output().unwrap()
    }

    /// `telemctl --config CONFIG ARGUMENTS`.
    pub fn telemctl(&self, arguments: &[&str]) -> Command {
        let mut command = programs::command("telemctl", &["--config", &self.config_arg()]);
        command.args(arguments);
        command
    }

    /// What telemctl prints, and how it ends.
    pub fn say(&self, arguments: &[&str]) -> Printed {
        Printed::from_command(&mut self.telemctl(arguments))
    }
}
