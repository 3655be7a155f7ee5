//! What the state of the client is called as metrics, once for everybody who prints them: names without the ending that
//! counters have (`_total`).

use crate::counters::Counter;

/// A metric of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
}

macro_rules! series {
    ($($constant:ident $name:literal $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub const $constant: Series = Series { name: $name, help: $help };
        )*
    };
}

series! {
    BUILD_INFO "telemetry_build_info" "Version of the client; always 1.";
    OPTED_IN "telemetry_opted_in" "Whether this machine is opted in.";
    DAEMON_RUNNING "telemetry_daemon_running" "Whether the daemon runs; it ends when idle.";
    SOCKET_LISTENING "telemetry_socket_listening" "Whether somebody listens for records.";
    SPOOL_RECORDS "telemetry_spool_records" "Records that wait for delivery.";
    SPOOL_FILES "telemetry_spool_files" "Files of records that wait for delivery.";
    SPOOL_BYTES "telemetry_spool_bytes" "Bytes of disk blocks of these files.";
    SPOOL_OLDEST "telemetry_spool_oldest_seconds" "Age of the oldest of these files, 0 for none.";
    DAMAGED_FILES "telemetry_damaged_files" "Files set aside that gave no record.";
    REJECTED_RECORDS "telemetry_rejected_records" "Records kept that the server rejected.";
    LAST_DELIVERED "telemetry_last_delivered_timestamp_seconds" "When a server last took a record.";
    NEXT_TRY "telemetry_next_try_timestamp_seconds"
        "When delivery is tried again; absent while nothing waits for that.";
    CRASHES "telemetry_crashes" "Crashes that crashprobe saw, by what became of their reports.";
    ACCEPTED "telemetry_records_accepted" "Records that were stored.";
    REFUSED "telemetry_records_refused" "Records that telemprobd refused, by reason.";
    DELIVERED "telemetry_records_delivered" "Records that a server took.";
    RETRIED "telemetry_deliveries_retried" "Deliveries that failed and are tried again, by reason.";
    REJECTED "telemetry_records_rejected" "Records that a server rejected, by reason.";
    EXPIRED "telemetry_records_expired" "Records dropped since they waited longer than record_expiry.";
    DROPPED "telemetry_records_dropped" "Records dropped by a limit, by reason.";
    SET_ASIDE "telemetry_files_set_aside" "Files that gave no record, or not all of theirs.";
    RATE_LIMITED "telemetry_records_rate_limited" "Records that the rate limit held back, by classification.";
    MAYBE_TWICE "telemetry_records_maybe_twice"
        "Records sent to a second server of the list though the first may have them.";
    COPIED "telemetry_records_copied" "Records that a server of server_copy took.";
    COPY_REJECTED "telemetry_copies_rejected" "Records that a server of server_copy rejected.";
    COPY_EXPIRED "telemetry_copies_expired" "Records dropped for a server of server_copy since they waited too long.";
    COPY_DROPPED "telemetry_copies_dropped" "Records dropped for a server of server_copy by server_copy_max_size.";
    COPY_RECORDS "telemetry_copy_waiting_records" "Records that only this server of server_copy has still to get.";
    COPY_BYTES "telemetry_copy_waiting_bytes" "Bytes of disk blocks of the files of these records.";
    COPY_FAILURES "telemetry_copy_failed_tries" "Tries of this server of server_copy that failed since it last worked.";
}

/// The metric of a counter.
pub const fn of_counter(counter: Counter) -> Series {
    match counter {
        Counter::Accepted => ACCEPTED,
        Counter::Refused => REFUSED,
        Counter::Delivered => DELIVERED,
        Counter::Retried => RETRIED,
        Counter::Rejected => REJECTED,
        Counter::Expired => EXPIRED,
        Counter::Dropped => DROPPED,
        Counter::SetAside => SET_ASIDE,
        Counter::RateLimited => RATE_LIMITED,
        Counter::MaybeTwice => MAYBE_TWICE,
        Counter::Copied => COPIED,
        Counter::CopyRejected => COPY_REJECTED,
        Counter::CopyExpired => COPY_EXPIRED,
        Counter::CopyDropped => COPY_DROPPED,
    }
}
