//! What stands below the options in the help texts.

pub(super) const AFTER_HELP: &str = "\
All commands but is-active, status, doctor, preview, check, snmp, config show and config check need root. With --config FILE none does: the permissions
of the files decide, so that a private instance needs no privileges.

Exit codes: 0 done, or nothing to do; 1 not done; 2 wrong arguments.";

pub(super) const STATUS_AFTER_HELP: &str = "\
Keys of --json (times in seconds since 1970, null where a thing is not known or has not happened):
  version, taken_unix_secs
  config     source (null: built-in defaults), warnings
  consent    opted_in, file, error (why it cannot be seen, which counts as no)
  daemons    telemprobd and telempostd, each: running, pid
  socket     path, listening, error
  server     url (without user and password; null if none is set; of several the first), api, delivery_enabled,
             list (of several, each: url, active, active_since_unix_secs, failures, last_failure),
             copies (of server_copy, each: url, waiting_records, waiting_bytes, oldest_unix_secs, missed, failures,
             failing_since_unix_secs, last_failure, last_delivered_unix_secs)
  spool      dir, records, records_exact, files, disk_bytes, oldest_unix_secs, damaged, rejected, error
  delivery   updated_unix_secs, last_delivered_unix_secs, next_try_unix_secs, error,
             last_error (unix_secs, server, reason), spool_fault (unix_secs, path, reason)
  forget     of each server that is still to forget this machine: url, ids, tries, next_try_unix_secs, until_unix_secs,
             last_result
  counters_error  why some counters are not known; their total is null then
  counters   since the first start: accepted, refused, delivered, retried, rejected, expired, dropped,
             set_aside, rate_limited, maybe_twice, copied, copy_rejected, copy_expired, copy_dropped, each: total,
             by_reason (an object; by classification in rate_limited, by URL in those of copies)
  crashes    sent, left_out, not_sent, error,
             latest (unix_secs, pid, executable, fate (sent, left_out, not_sent), class, event_id, reason)
  environment  interval_secs (null: no samples are sent), readings (what is in them)
  pull       listen, local (null: nobody asks there), member (null: no SOAP), limited, running, pid
  checks     ok, warning, critical, unknown, pending: numbers; error
  probes     those of klogscanner, journalprobe and pstoreprobe that have run, each: waiting, left_out, lost_lines,
             error
Keys may be added, never renamed. Exit code 0 if it could tell, whatever the state is.

--prometheus prints the same as metrics in the text format, telemetry_NAME, each with its explanation; what
is not known is left out. Write it into the folder of node exporter's textfile collector, by rename.";

pub(super) const REJECTED_AFTER_HELP: &str = "\
Up to 100 are kept, for 30 days, and up to 80 of one user; of too many, the oldest goes of who has most. An ID may be its beginning, of 4 digits or more, if no other begins so.

Exit codes: 0 done, or nothing to do; 1 not done, for one of the records at least; 2 wrong arguments.";

pub(super) const REJECTED_LIST_AFTER_HELP: &str = "\
Keys of --json:
  records, oldest first, each: id, refused_unix_secs, classification (null if the file is damaged), server,
  status (null if no server was reached), reason
Keys may be added, never renamed.";

pub(super) const SPOOL_SPLIT_AFTER_HELP: &str = "\
Records keep their ids, their order and their age. It can be run again, also after it was interrupted.

Exit codes: 0 done, or nothing to do; 1 not done: a daemon runs, or one of the files could not be split; 2 wrong arguments.";

pub(super) const DOCTOR_AFTER_HELP: &str = "\
A line a finding: ok, warning or error, what was looked at, what was found, and the remedy. The server is
connected to only after opt-in, and is sent nothing.

Keys of --json:
  findings, each: level (ok, warning, error), about, text, remedy (null for none); errors, warnings: numbers
Keys may be added, never renamed.

Exit codes: 0 no error, 1 an error was found, 2 wrong arguments.";

pub(super) const CONFIG_AFTER_HELP: &str = "\
Without a command: show. `config set` checks the value, changes or adds one line and keeps the rest of the file, and has
the running daemons that obey the key read it again. Where the administrator has no file, it begins as a copy of the
distribution's.

Keys of --json:
  source (null: built-in defaults), keys, each: key, value (without a password), line (null for a default),
  is_allowed, allowed, default, programs, meaning
Keys may be added, never renamed.

Exit codes: 0 done; 1 not done, or check found something; 2 wrong arguments.";

pub(super) const OPT_OUT_AFTER_HELP: &str = "\
Servers are asked to delete what they have of this machine: for up to 30 seconds now, and then by telempost-forget.timer, for
forget_days at most. Until that is done state_dir stays, with the request and the certificate of this machine alone; a further
opt-out asks again.

Exit codes: 0 consent is gone, and nothing is left here but that request; 1 not done; 2 wrong arguments.";

pub(super) const TRUST_AFTER_HELP: &str = "\
Without a command and a server: list. A server that is named here is trusted by its certificate alone: no authority, name
or date counts, and this machine's certificate is shown to it. Without --fingerprint it is the certificate that the server
has now; compare it with what `openssl x509 -fingerprint -sha256` prints there.

Exit codes: 0 done; 1 not done; 2 wrong arguments.";

pub(super) const SNMP_AFTER_HELP: &str = "\
snmpd starts it by a line of its configuration, `pass_persist OID telemctl snmp --base OID`, which the package
telemetrics-environment has in snmpd.conf.d, commented out; TELEMETRICS-MIB names the objects. It only reads.

Exit codes: 0 snmpd has closed its pipe; 1 a fault; 2 wrong arguments.";

pub(super) const PULL_AFTER_HELP: &str = "\
Without a command: status. At pull_listen who asks shows a certificate, which counts by its fingerprint, as `openssl x509
-fingerprint -sha256` prints it; telempulld(1) says what each WORD gives. A certificate that is trusted is so at once.

Exit codes: 0 done; 1 not done; 2 wrong arguments.";

pub(super) const PREVIEW_AFTER_HELP: &str = "\
Keys of --json:
  headers (an object of the 15 names), payload, machine_id_kind (random or static; a random one is put in
  by telemprobd), server (without user and password; null if none is set), tid_header, delivery_enabled,
  opted_in, consent_error (why consent cannot be seen, which counts as no)
Keys may be added, never renamed.";

pub(super) const CRASH_TEST_AFTER_HELP: &str = "\
A line a step, with the milliseconds since the process was started. The report is sent like any other, and counts
in crash_burst_limit.

Exit codes: 0 the report was delivered; 1 it was not, within 60 seconds; 2 wrong arguments.";

pub(super) const CHECK_AFTER_HELP: &str = "\
Without a command: list. Checks are defined in checks.d, see telemetrics-checks(5).

Keys of --json:
  updated_unix_secs (null: no check has run), checks, each: name, state (OK, WARNING, CRITICAL, UNKNOWN, PENDING),
  since_unix_secs, value, attempts (results in a row that differ from the state), flapping, held_by, output (null where
  it may not be read)
Keys may be added, never renamed.";
