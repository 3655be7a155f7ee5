//! curl_easy_setopt(3) for an option that the crate curl does not have.
#![allow(unsafe_code)]

use curl::easy::Easy2;
use std::ffi::c_long;
use std::time::Duration;

/// `CURLOPT_MAXLIFETIME_CONN`, since libcurl 7.80.
const MAXLIFETIME_CONN: curl_sys::CURLoption = curl_sys::CURLOPTTYPE_LONG + 314;

/// Bounds how old a connection may be that carries another request. A libcurl that is too old for that knows no bound;
/// returns whether this one does.
pub(crate) fn bound_connection_age<H>(easy: &Easy2<H>, maximum: Duration) -> bool {
    let seconds = c_long::try_from(maximum.as_secs()).unwrap_or(c_long::MAX);
    // SAFETY: the handle is live for as long as `easy` is borrowed, and not in use by another thread, as `Easy2` has none. This
    // option takes a long, which is what is passed.
    let code = unsafe { curl_sys::curl_easy_setopt(easy.raw(), MAXLIFETIME_CONN, seconds) };
    code == curl_sys::CURLE_OK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;

    #[test]
    fn the_option_is_known_since_libcurl_7_80() {
        let easy = Easy2::new(Answer::default());
        let is_known = curl::Version::get().version_num() >= 0x07_50_00;
        assert_eq!(bound_connection_age(&easy, Duration::from_secs(300)), is_known);
    }
}
