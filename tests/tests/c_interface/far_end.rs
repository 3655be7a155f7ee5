//! The far end of a program that sends: one message is taken, answered with success, and kept.

use crate::command::DEADLINE;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use telemetry_record::message::Message;
use telemetry_record::wire;

/// A configuration, the consent and a socket where one message is taken and answered with success.
pub(crate) struct FarEnd {
    dir: tempfile::TempDir,
    messages: mpsc::Receiver<Message>,
}

impl FarEnd {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (path, socket_path) = (dir.path().display().to_string(), dir.path().join("socket"));
        let text = format!("[settings]\netc_dir={path}\nsocket_path={}\n", socket_path.display());
        fs::write(dir.path().join("far_end.conf"), text).unwrap();
        fs::write(dir.path().join("opt-in"), "").unwrap();
        let listener = UnixListener::bind(socket_path).unwrap();
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let _ = sender.send(take_one(&listener));
        });
        Self { dir, messages }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("far_end.conf")
    }

    pub(crate) fn message(&self) -> Message {
        self.messages.recv_timeout(DEADLINE).unwrap()
    }
}

fn take_one(listener: &UnixListener) -> Message {
    let (mut connection, _) = listener.accept().unwrap();
    let mut bytes = vec![0; 4];
    connection.read_exact(&mut bytes).unwrap();
    let size = wire::message_size(&bytes).unwrap().unwrap();
    bytes.resize(size, 0);
    connection.read_exact(&mut bytes[4..]).unwrap();
    let message = wire::decode(&bytes).unwrap();
    connection.write_all(&wire::encode_answer(Ok(()))).unwrap();
    message
}
