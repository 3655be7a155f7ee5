//! Clients as they should not be, and the program `stranger`, which is all of them as another user.
//!
//! Commands come line by line on stdin, and each is answered by one line on stdout:
//!
//! ```text
//! silent N      N connections that say nothing; those that are closed are opened again    ready
//! slow N        the same, and each sends a byte of a good message every second            ready
//! noise N       N clients that send random bytes without end                              ready
//! hold N        N connections more, kept as they are                                      ready
//! drop          closes what `hold` keeps                                                  ready
//! send PAYLOAD  a good record                             its answer: 0, -ERRNO, or none
//! config PATH   the same with a configuration of its own  the same
//! ```

use super::Dice;
use super::exchange::{Answer, exchange, message, message_for};
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What the stranger's records are.
const CLASS: &str = "org.example/torture/stranger";

/// Carries out the commands until they end; then the process does, with all its clients.
///
/// # Errors
/// The socket cannot be connected to, or a command is unknown.
pub fn obey(socket: &Path, commands: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut held = Vec::new();
    for line in commands.lines() {
        let line = line?;
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let count = || argument.parse::<usize>().map_err(io::Error::other);
        let mut answer = "ready".to_owned();
        match command {
            "silent" => keep_open(socket, count()?, None)?,
            "slow" => keep_open(socket, count()?, Some(message("org.example/torture/slow", "too late\n")))?,
            "noise" => (0..count()?).for_each(|number| make_noise(socket, number as u64)),
            "hold" => held.extend(connect(socket, count()?)?),
            "drop" => held.clear(),
            "send" => answer = shown(exchange(socket, &message(CLASS, argument))),
            "config" => {
                let message = message_for(Some(Path::new(argument)), CLASS, argument);
                answer = shown(exchange(socket, &message));
            }
            _ => return Err(io::Error::other(format!("{line}: unknown"))),
        }
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

fn shown(answer: Answer) -> String {
    match answer {
        Answer::Stored => "0".to_owned(),
        Answer::Refused(errno) => errno.to_string(),
        Answer::None => "none".to_owned(),
    }
}

fn connect(socket: &Path, count: usize) -> io::Result<Vec<UnixStream>> {
    (0..count).map(|_| UnixStream::connect(socket)).collect()
}

/// Keeps this many connections open in a thread. With `drip` each sends a byte of it a second.
fn keep_open(socket: &Path, count: usize, drip: Option<Vec<u8>>) -> io::Result<()> {
    let mut clients: Vec<_> = connect(socket, count)?.into_iter().map(|client| (client, 0)).collect();
    let socket = socket.to_owned();
    // Ten times a second a tenth of them, and all are checked once a second.
    thread::spawn(move || {
        for turn in 0.. {
            for (client, sent) in clients.iter_mut().skip(turn % 10).step_by(10) {
                let byte = drip.as_ref().and_then(|bytes| bytes.get(*sent..=*sent));
                let written = byte.map_or(Ok(()), |byte| client.write_all(byte));
                *sent += 1;
                if (written.is_err() || is_closed(client))
                    && let Ok(new) = UnixStream::connect(&socket)
                {
                    (*client, *sent) = (new, 0);
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    Ok(())
}

/// Whether the daemon answered or closed.
fn is_closed(client: &mut UnixStream) -> bool {
    let _ = client.set_nonblocking(true);
    let received = client.read(&mut [0; 4]);
    let _ = client.set_nonblocking(false);
    !received.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// A thread that sends noise, reads the refusal, and comes again.
fn make_noise(socket: &Path, seed: u64) {
    let socket = socket.to_owned();
    let mut dice = Dice::from_seed(seed);
    thread::spawn(move || {
        loop {
            let Ok(mut client) = UnixStream::connect(&socket) else { continue };
            let mut noise: Vec<_> = (0..dice.below(2500)).flat_map(|_| dice.bits().to_ne_bytes()).collect();
            // Half of it begins with a size that a message may have, and is read to its end.
            if let Some(size) = noise.first_chunk_mut().filter(|_| dice.below(2) == 0) {
                *size = (dice.below(20_000) as u32).to_ne_bytes();
            }
            let _ = client.write_all(&noise);
            let _ = client.shutdown(std::net::Shutdown::Write);
            let _ = client.read(&mut [0; 4]);
        }
    });
}
