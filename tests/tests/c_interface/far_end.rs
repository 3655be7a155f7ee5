//! The far end of a program that sends: one message is taken, answered with success, and kept.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use telemetry_record::message::Message;
use telemetry_record::wire;
use test_harness::{DEADLINE, Sandbox, frame};

/// A sandbox on whose socket one message is taken and answered with success.
pub(crate) struct FarEnd {
    sandbox: Sandbox,
    messages: mpsc::Receiver<Message>,
}

impl FarEnd {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let listener = sandbox.listen();
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let _ = sender.send(take_one(&listener));
        });
        Self { sandbox, messages }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.sandbox.config()
    }

    pub(crate) fn message(&self) -> Message {
        self.messages.recv_timeout(DEADLINE).unwrap()
    }
}

fn take_one(listener: &UnixListener) -> Message {
    let (mut connection, _) = listener.accept().unwrap();
    let message = wire::decode(&frame::receive(&mut connection)).unwrap();
    connection.write_all(&wire::encode_answer(Ok(()))).unwrap();
    message
}
