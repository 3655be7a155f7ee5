//! Backtraces as programs of all kinds leave them, with the name that a person would give.

use crate::groups::reading::{Record, read};
use crate::groups::rules::Rules;
use crate::groups::signature::decide;

/// A program, its signal, its frames as `FUNCTION [MODULE]`, and the name.
type Report = (&'static str, u32, &'static [&'static str], &'static str);

const REPORTS: [Report; 16] = [
    (
        "/usr/bin/viewer",
        6,
        &[
            "__pthread_kill_implementation [libc.so.6]",
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "__gnu_cxx::__verbose_terminate_handler() [libstdc++.so.6]",
            "__cxxabiv1::__terminate(void (*)()) [libstdc++.so.6]",
            "std::terminate() [libstdc++.so.6]",
            "__cxa_throw [libstdc++.so.6]",
            "std::__throw_out_of_range_fmt(char const*, ...) [libstdc++.so.6]",
            "std::vector<int, std::allocator<int> >::_M_range_check(unsigned long) const [viewer]",
            "std::vector<int, std::allocator<int> >::at(unsigned long) [viewer]",
            "Page::line(int) const [viewer]",
            "main [viewer]",
        ],
        "viewer: std::vector<T>::_M_range_check, std::vector<T>::at, Page::line",
    ),
    (
        "/usr/bin/player",
        6,
        &[
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "__libc_message [libc.so.6]",
            "malloc_printerr [libc.so.6]",
            "_int_free [libc.so.6]",
            "__GI___libc_free [libc.so.6]",
            "g_free [libglib-2.0.so.0]",
            "track_free [player]",
            "g_list_free_full [libglib-2.0.so.0]",
        ],
        "player: _int_free, __libc_free, g_free, track_free",
    ),
    (
        "/usr/bin/settings",
        5,
        &[
            "g_log_structured_array [libglib-2.0.so.0]",
            "g_log_default_handler [libglib-2.0.so.0]",
            "g_logv [libglib-2.0.so.0]",
            "g_log [libglib-2.0.so.0]",
            "gdk_display_open_failed [libgtk-4.so.1]",
            "g_application_run [libgio-2.0.so.0]",
            "main [settings]",
        ],
        "settings: gdk_display_open_failed",
    ),
    (
        "/usr/bin/mail",
        11,
        &[
            "g_type_check_instance_is_fundamentally_a [libgobject-2.0.so.0]",
            "g_object_unref [libgobject-2.0.so.0]",
            "folder_closed [mail]",
            "g_main_context_dispatch [libglib-2.0.so.0]",
        ],
        "mail: g_type_check_instance_is_fundamentally_a, g_object_unref, folder_closed",
    ),
    (
        "/usr/bin/kedit",
        11,
        &[
            "QString::~QString() [libQt5Core.so.5]",
            "Tab::close() [kedit]",
            "QtPrivate::QSlotObject<void (Win::*)(), QtPrivate::List<>, void>::impl(int) [kedit]",
            "void doActivate<false>(QObject*, int, void**) [libQt5Core.so.5]",
        ],
        "kedit: QString::~QString, Tab::close",
    ),
    (
        "/usr/bin/kedit",
        6,
        &[
            "raise [libc.so.6]",
            "KCrash::defaultCrashHandler(int) [libKF5Crash.so.5]",
            "__restore_rt [libc.so.6]",
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "QMessageLogger::fatal(char const*, ...) const [libQt5Core.so.5]",
            "Model::index(int, int) const [kedit]",
        ],
        "kedit: Model::index",
    ),
    (
        "/usr/bin/python3.11",
        11,
        &[
            "PyObject_Call [python3.11]",
            "_PyEval_EvalFrameDefault [python3.11]",
            "fast_path [_native.cpython-311-x86_64-linux-gnu.so]",
            "cfunction_call [python3.11]",
            "_PyEval_EvalFrameDefault [python3.11]",
            "Py_BytesMain [python3.11]",
        ],
        "python3: PyObject_Call, _PyEval_EvalFrameDefault, fast_path",
    ),
    (
        "/usr/bin/agent",
        6,
        &[
            "runtime.raise.abi0 [agent]",
            "runtime.dieFromSignal [agent]",
            "runtime.crash [agent]",
            "runtime.fatalpanic [agent]",
            "runtime.gopanic [agent]",
            "runtime.goPanicIndex [agent]",
            "main.(*Server).Serve.func1 [agent]",
            "runtime.goexit.abi0 [agent]",
        ],
        "agent: main.(*Server).Serve.{lambda}",
    ),
    (
        "/usr/bin/indexer",
        6,
        &[
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "std::sys::pal::unix::abort_internal [indexer]",
            "rust_panic [indexer]",
            "std::panicking::rust_panic_with_hook [indexer]",
            "std::panicking::begin_panic_handler::{closure#0} [indexer]",
            "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::begin_panic_handler::{closure#0}, !> [indexer]",
            "__rustc[4b7f1d2e3c5a6b7f]::rust_begin_unwind [indexer]",
            "core::panicking::panic_fmt [indexer]",
            "core::result::unwrap_failed [indexer]",
            "core::result::Result<T,E>::unwrap [indexer]",
            "indexer::walk::{closure#0} [indexer]",
            "std::sys::backtrace::__rust_begin_short_backtrace [indexer]",
        ],
        "indexer: core::result::Result<T>::unwrap, indexer::walk::{lambda}",
    ),
    (
        "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
        6,
        &[
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "os::abort(bool, void*, void const*) [libjvm.so]",
            "VMError::report_and_die(int, char const*, __va_list_tag*) [libjvm.so]",
            "JVM_handle_linux_signal [libjvm.so]",
            "__restore_rt [libc.so.6]",
            "Java_com_example_Native_read [libexample.so]",
            "??? [unknown]",
        ],
        "java: Java_com_example_Native_read",
    ),
    (
        "/usr/bin/worker",
        11,
        &[
            "Job::run() [worker]",
            "std::__invoke<A>(A&&) [worker]",
            "std::thread::_State_impl<A>::_M_run() [worker]",
            "execute_native_thread_routine [libstdc++.so.6]",
            "start_thread [libc.so.6]",
            "clone3 [libc.so.6]",
        ],
        "worker: Job::run",
    ),
    (
        "/usr/bin/checker",
        6,
        &[
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "__sanitizer::Abort() [checker]",
            "__asan::ScopedInErrorReport::~ScopedInErrorReport() [checker]",
            "__asan_report_load8 [checker]",
            "parse_header [checker]",
        ],
        "checker: parse_header",
    ),
    (
        "/usr/bin/server",
        6,
        &[
            "raise [libc.so.6]",
            "abort [libc.so.6]",
            "__libc_message [libc.so.6]",
            "__fortify_fail [libc.so.6]",
            "__stack_chk_fail [libc.so.6]",
            "read_request [server]",
        ],
        "server: read_request",
    ),
    ("/usr/bin/old", 6, &["raise [libc-2.31.so]", "abort [libc-2.31.so]", "give_up [old]"], "old: give_up"),
    (
        "/usr/bin/small",
        11,
        &["memcpy [ld-musl-x86_64.so.1]", "copy_name [small]"],
        "small: memcpy, copy_name",
    ),
    (
        "/usr/bin/closing",
        11,
        &[
            "Cache::~Cache() [closing]",
            "__run_exit_handlers [libc.so.6]",
            "exit [libc.so.6]",
            "__libc_start_call_main [libc.so.6]",
            "_start [closing]",
        ],
        "closing: Cache::~Cache",
    ),
];

#[test]
fn people_would_name_them_so() {
    let rules = Rules::shipped().unwrap();
    for (program, signal, frames, expected) in REPORTS {
        let line = |(number, frame): (usize, &&str)| {
            let (function, module) = frame.strip_suffix(']').unwrap().rsplit_once(" [").unwrap();
            format!("#{number} {function} - [{module}]\n")
        };
        let frames: String = frames.iter().enumerate().map(line).collect();
        let payload = format!("Process: {program}\nSignal: {signal}\n\nBacktrace (TID 7):\n{frames}");
        let classification = "org.clearlinux/crash/clr";
        let record = Record {
            classification,
            payload: &payload,
            system_name: "debian",
            build: "12",
            kernel_version: "6.1",
        };
        let signature = decide(&rules, &read(&record).unwrap().variant).signature;
        assert_eq!(signature.name, expected, "{payload}");
    }
}
