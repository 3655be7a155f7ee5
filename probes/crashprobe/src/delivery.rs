//! Sends again and again until the time limit: telemprobd may be busy, or about to start, which a person knows better.

use super::deadline::Deadline;
use std::time::{Duration, Instant};
use telemetry::Error;

/// The pause after the first failure, which doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The clock, which a test repaths.
pub struct Clock<'a> {
    /// What time it is.
    pub now: &'a mut dyn FnMut() -> Instant,
    /// Lets time pass.
    pub sleep: &'a mut dyn FnMut(Duration),
}

/// Whether telemprobd is waited for where it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It may be about to start: nobody else will send the record.
    IsWaitedFor,
    /// A person is informed at once.
    IsFinal,
}

/// Tries until it succeeds, until trying again is of no use, or until the deadline; once in any case.
///
/// # Errors
/// That of the last try.
pub fn deliver(
    clock: &mut Clock<'_>,
    deadline: Deadline,
    absence: Absence,
    mut send: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(error) = send() else { return Ok(()) };
        let has_time = deadline.left_at((clock.now)()).is_some_and(|left| left > pause);
        // One that was not answered may be stored twice, under one event id.
        let is_absent = absence == Absence::IsFinal && matches!(error, Error::Socket { .. });
        if !has_time || is_absent || error.is_final() {
            return Err(error);
        }
        (clock.sleep)(pause);
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use std::cell::Cell;
    use std::io;

    fn away() -> Error {
        Error::Socket { path: "/run/x".into(), source: io::Error::from(io::ErrorKind::NotFound) }
    }

    /// The result, and when each try was, in milliseconds; each takes `cost`.
    fn run(cost: u64, answer: impl FnMut(usize) -> Result<(), Error>) -> (Result<(), Error>, Vec<u128>) {
        run_with(Absence::IsWaitedFor, cost, answer)
    }

    fn run_with(
        absence: Absence,
        cost: u64,
        mut answer: impl FnMut(usize) -> Result<(), Error>,
    ) -> (Result<(), Error>, Vec<u128>) {
        let start = Instant::now();
        let now = Cell::new(start);
        let mut tries = Vec::new();
        let mut clock = Clock { now: &mut || now.get(), sleep: &mut |pause| now.set(now.get() + pause) };
        let result = deliver(&mut clock, Deadline::after(start, Duration::from_secs(10)), absence, || {
            tries.push((now.get() - start).as_millis());
            now.set(now.get() + Duration::from_millis(cost));
            answer(tries.len())
        });
        (result, tries)
    }

    #[test]
    fn it_is_tried_until_it_works() {
        let (result, tries) = run(0, |number| if number < 5 { Err(away()) } else { Ok(()) });
        result.unwrap();
        assert_eq!(tries, [0, 20, 60, 140, 300]);
    }

    #[test]
    fn a_person_does_not_wait_for_a_daemon_that_is_not_there() {
        let (result, tries) = run_with(Absence::IsFinal, 0, |_| Err(away()));
        assert!(matches!(result, Err(Error::Socket { .. })));
        assert_eq!(tries, [0]);
        let busy = |n| if n < 3 { Err(Error::Refused(Errno::EAGAIN)) } else { Ok(()) };
        assert!(run_with(Absence::IsFinal, 0, busy).0.is_ok());
    }

    #[test]
    fn no_try_begins_past_the_deadline_but_the_first() {
        let (result, tries) = run(0, |_| Err(away()));
        assert!(matches!(result, Err(Error::Socket { .. })));
        assert!(*tries.last().unwrap() < 10_000 && tries.len() > 10, "{tries:?}");
        let (result, tries) = run(11_000, |_| Err(Error::NoAnswer { path: "/run/x".into() }));
        assert!(matches!(result, Err(Error::NoAnswer { .. })));
        assert_eq!(tries, [0]);
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for errno in [Errno::EINVAL, Errno::EMSGSIZE, Errno::EPERM, Errno::ECONNREFUSED] {
            let (result, tries) = run(0, |_| Err(Error::Refused(errno)));
            assert!(matches!(result, Err(Error::Refused(answer)) if answer == errno));
            assert_eq!(tries.len(), 1);
        }
        assert_eq!(run(0, |_| Err(Error::NotOptedIn)).1.len(), 1);
        for errno in [Errno::EAGAIN, Errno::EBUSY, Errno::ENOSPC, Errno::EDQUOT, Errno::EIO] {
            let (result, tries) = run(0, |n| if n < 3 { Err(Error::Refused(errno)) } else { Ok(()) });
            assert!(result.is_ok() && tries.len() == 3, "{errno}");
        }
    }
}
