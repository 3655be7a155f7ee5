//! A wire between two parties, of which a test says how far it carries.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How long one looks for bytes before it looks at the wire's state again.
const STEP: Duration = Duration::from_millis(20);

/// A wire with no bound.
const WHOLE: i64 = i64::MAX;

/// Carries bytes to a target; of what comes back, as many as it may.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Bytes that still come back; then nothing more does.
    left: AtomicI64,
    /// What is beyond that is waited with, or ends the connection: 1.
    cuts: AtomicU64,
    /// Times that it carried no further.
    stopped: AtomicU64,
}

impl Wire {
    pub(crate) fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            left: AtomicI64::new(WHOLE),
            cuts: AtomicU64::new(0),
            stopped: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        // It ends with the test.
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, state) = (near.unwrap(), Arc::clone(&shared));
                let Ok(far) = TcpStream::connect(target) else { continue };
                let (from, to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || carry(from, to, None));
                std::thread::spawn(move || carry(far, near, Some(&state)));
            }
        });
        Self { address, state }
    }

    /// From now on so many bytes come back, in all; then nothing more, or the end.
    pub(crate) fn carry_only(&self, bytes: i64, cuts: bool) {
        self.state.cuts.store(u64::from(cuts), Ordering::SeqCst);
        self.state.stopped.store(0, Ordering::SeqCst);
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.state.left.store(WHOLE, Ordering::SeqCst);
    }

    /// Whether it had to stop since it was bounded.
    pub(crate) fn has_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::SeqCst) > 0
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, state: Option<&State>) {
    from.set_read_timeout(Some(STEP)).unwrap();
    let mut bytes = [0; 4096];
    loop {
        let may = state.map_or(WHOLE, |state| state.left.load(Ordering::SeqCst));
        if may <= 0 {
            let Some(state) = state else { return };
            state.stopped.fetch_add(1, Ordering::SeqCst);
            if state.cuts.load(Ordering::SeqCst) == 1 {
                break;
            }
            // Silent, and open, until the other side gives up.
            std::thread::sleep(STEP);
            continue;
        }
        let most = usize::try_from(may).unwrap_or(usize::MAX).min(bytes.len());
        match from.read(&mut bytes[..most]) {
            Ok(0) => break,
            Ok(read) => {
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
                if let Some(state) = state.filter(|_| may != WHOLE) {
                    state.left.fetch_sub(i64::try_from(read).unwrap(), Ordering::SeqCst);
                }
            }
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    // They may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
