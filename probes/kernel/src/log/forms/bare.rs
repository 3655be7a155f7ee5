//! Lines without anything before the kernel's words.

use super::table::{FORMS, How};
use crate::log::headers::Headers;
use crate::log::styles;

/// Whether a line without anything before it looks like one of the kernel's: a part of the kernel says its name, or it is
/// of a failure.
pub(super) fn is_bare(text: &str) -> bool {
    let is_of_other = FORMS.iter().take(FORMS.len() - 1).any(|form| match form.how {
        How::Line(read) => read(text).is_some(),
        How::Entries(..) => false,
    });
    if is_of_other {
        return false;
    }
    let is_of_event = || {
        Headers::get().find(text).is_some()
            || styles::has_frame(text)
            || styles::title(text).is_some()
            || styles::is_mark(text.trim())
            || styles::is_end(text)
            || styles::instruction(text).is_some()
            || text.starts_with("----")
            || text.starts_with("====")
            || styles::is_filler(text)
            || text.starts_with("Modules linked in:")
            || text.starts_with("CPU: ")
            || text.starts_with("Linux version ")
    };
    let has_name = || {
        let name = text.split_once(": ").map(|(name, _)| name.trim_start());
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@# ()[]".contains(&byte);
        name.is_some_and(|name| !name.is_empty() && name.len() <= 48 && name.bytes().all(is_part))
    };
    has_name() || is_of_event()
}

/// `app[1]: ...`
pub(super) fn is_of_program(text: &str) -> bool {
    text.split_once("]: ").is_some_and(|(before, _)| !before.contains(' ') && before.contains('['))
}
