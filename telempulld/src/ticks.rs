//! A clock that wakes this process once an interval. The runtime's own timers wake it up to three times on their way to a moment
//! some seconds off, and each time costs as much as the sample that it is for.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::time::sleep;

/// A clock; it runs from the first wait.
#[derive(Default)]
pub(crate) struct Ticks {
    running: Option<(Duration, Receiver)>,
}

impl Ticks {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Until the next tick. Ticks that were missed are one.
    pub(crate) async fn wait(&mut self, interval: Duration) {
        if self.running.as_ref().is_none_or(|(running, _)| *running != interval) {
            self.running = timer(interval).ok().map(|timer| (interval, timer));
        }
        let Some((_, timer)) = &self.running else { return sleep(interval).await };
        loop {
            // What is read is how many there were.
            match timer.readable().await.and_then(|()| timer.try_read(&mut [0; 8])) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return sleep(interval).await,
                Ok(_) => return,
            }
        }
    }
}

/// A timer of the kernel, whose ticks are read as the bytes of a pipe are.
fn timer(interval: Duration) -> io::Result<Receiver> {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
    let every = Expiration::Interval(TimeSpec::from_duration(interval));
    timer.set(every, TimerSetTimeFlags::empty())?;
    Receiver::from_owned_fd_unchecked(timer.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn it_ticks_at_each_interval_and_takes_another_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut ticks, begin) = (Ticks::new(), Instant::now());
            for _ in 0..3 {
                ticks.wait(Duration::from_millis(30)).await;
            }
            assert!(begin.elapsed() >= Duration::from_millis(90), "{:?}", begin.elapsed());
            let (begin, interval) = (Instant::now(), Duration::from_millis(200));
            ticks.wait(interval).await;
            assert!(begin.elapsed() >= interval);
        });
    }
}
