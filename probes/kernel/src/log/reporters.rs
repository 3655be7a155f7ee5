//! Functions that report a failure, or print a trace of it: at their end begins what failed.

use super::by_prefix::ByPrefix;
use std::sync::LazyLock;

const NAMES: [&str; 18] = [
    "dump_backtrace",
    "show_stack",
    "__dump_stack",
    "dump_stack",
    "show_regs",
    "panic",
    "vpanic",
    "nmi_panic",
    "check_panic_on_warn",
    "report_bug",
    "fixup_bug",
    "handle_bug",
    "__report_bug",
    "handle_exception",
    "__schedule",
    "schedule",
    "oops_end",
    "die",
];

/// What the names of others begin with.
const HEADS: [&str; 13] = [
    "dump_stack",
    "__warn",
    "warn_slowpath",
    "exc_",
    "asm_exc_",
    "__die",
    "do_error_trap",
    "do_trap",
    "do_invalid_op",
    "invalid_op",
    "page_fault",
    "kasan_",
    "print_",
];

/// Each with whether it is all of the name.
static KNOWN: LazyLock<ByPrefix<bool>> = LazyLock::new(|| {
    ByPrefix::new(
        NAMES.into_iter().map(|name| (name, true)).chain(HEADS.into_iter().map(|head| (head, false))),
    )
});

pub(super) fn is_reporter(function: &str) -> bool {
    let is_known = |(text, is_all): (&str, bool)| !is_all || text.len() == function.len();
    let has_report = |at: usize| function.get(at..).is_some_and(|rest| rest.starts_with("_report"));
    KNOWN.all(function).any(is_known) || memchr::memchr_iter(b'_', function.as_bytes()).any(has_report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reports_is_no_failure() {
        for name in ["panic", "dump_stack_lvl", "schedule", "__warn_printk", "kasan_report", "mce_report_x"] {
            assert!(is_reporter(name), "{name}");
        }
        for name in ["panic_on", "schedule_timeout", "die_hard", "do_exit", "report", "", "_repor"] {
            assert!(!is_reporter(name), "{name}");
        }
    }
}
