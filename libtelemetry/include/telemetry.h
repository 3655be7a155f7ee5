/*
 * telemetry.h - make telemetry records and send them to telemprobd
 *
 *     #include <telemetry.h>                cc ... $(pkg-config --cflags --libs libtelemetry)
 *
 *     struct telem_ref *record;
 *     if (tm_create_record(&record, 1, "org.example/backup/finished", 1) == 0) {
 *         if (tm_set_payload(record, "files: 1204\nseconds: 31\n") == 0)
 *             tm_send_record(record);
 *         tm_free_record(record);
 *     }
 *
 * A record says what happened (a classification, a severity, a payload) and on what machine (15 header
 * lines, which the library fills in). Nothing is sent unless the user of the machine has opted in.
 *
 * RETURN CODES. 0 is success. A negative number is an errno value, negated: -EINVAL, -ECONNREFUSED and
 * so on; errno itself means nothing. tm_set_event_id says -1 whatever is wrong, and tm_is_opted_in
 * answers 1 or 0. NULL is an error (-EINVAL) and never a crash. -EIO, where it is not the system's, is a
 * fault of the library.
 *
 * OWNERSHIP. tm_create_record makes a record; tm_free_record frees it and all that hangs on it. Only the
 * library makes and frees these structures. Every string that you pass in is copied: it stays yours, is
 * not changed, and may go as soon as the call returns. (The parameters are `char *` and not `const char *`
 * for the sake of old programs.) Strings that you put into a record yourself are another matter: see
 * TM_RECORD_LAYOUT.
 *
 * THREADS. Every function may be called from several threads at once, as long as no two of them use the
 * same record. A configuration that one thread sets is that of all threads. None of them is a
 * cancellation point: a thread that is cancelled meanwhile ends after the call.
 *
 * FORK. A child may go on with its copies of the parent's records and make new ones, even when other
 * threads of the parent were inside the library. Event ids of parent and child differ.
 *
 * SIDE EFFECTS. None of these functions starts a thread, changes a signal's disposition or mask, raises
 * SIGPIPE, or changes the working directory, the locale or the environment. They hold no descriptor
 * between calls, and what they open meanwhile is close-on-exec. They may not be called from a signal
 * handler.
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Header lines of a record. */
#define TM_HEADER_COUNT 15

/* Longest classification, and longest of its three parts, in bytes. */
#define TM_CLASSIFICATION_BYTES 122
#define TM_CLASSIFICATION_PART_BYTES 40

/* Longest payload in bytes, its terminator not counted. A longer one is cut. */
#define TM_PAYLOAD_BYTES 8192

/* Digits of an event id. */
#define TM_EVENT_ID_DIGITS 32

/*
 * What a record says. Its members are here if TM_RECORD_LAYOUT is defined before this file is included, so that a
 * program with a definition of its own compiles.
 *
 * The strings are there to be read, and are good until tm_free_record, but for the payload and the event id, which
 * tm_set_payload and tm_set_event_id replace. A program may also put strings of its own in their place: of
 * malloc, the old ones freed by free, since tm_free_record frees what it finds. What stands here is what
 * tm_send_record sends; NULL or anything else than a whole line in the place of a header line, or a value that
 * the functions below would not have taken, is -EINVAL there. The two sizes are not read.
 */
struct telem_record;

#ifdef TM_RECORD_LAYOUT
struct telem_record {
        /*
         * "NAME: VALUE\n" each, in this order: record_format_version, classification, severity,
         * machine_id, creation_timestamp, arch, host_type, build, kernel_version,
         * payload_format_version, system_name, board_name, cpu_model, bios_version, event_id.
         */
        char *headers[TM_HEADER_COUNT];
        /* The payload as it will be sent; NULL until it is set. */
        char *payload;
        /* Sum of the lengths of the header lines, in bytes, terminators not counted. */
        size_t header_size;
        /* Length of the payload in bytes, as strlen gives it; 0 until it is set. */
        size_t payload_size;
};
#endif

/* What the functions take. */
struct telem_ref {
        struct telem_record *record;
};

/*
 * Sets the configuration file of this process, in place of the system's
 * (/etc/telemetrics/telemetrics.conf, else /usr/share/defaults/telemetrics/telemetrics.conf). `socket_path`
 * and `etc_dir` in it say where telemprobd listens and where the consent is. Besides, records that are sent
 * from now on name the file to telemprobd, which applies its `server`, `cainfo` and `tidheader` to them if the
 * file belongs to root or to the sending user and nobody else may write it.
 *
 * A configuration is read once: here, or the system's at the first call that needs it. Set a file again to
 * have its changes seen.
 *
 * path: absolute, of a regular file.
 *
 * Returns 0; -EINVAL if the path is NULL or relative, names no regular file, or the file has a fault that
 * concerns the library (a wrong value of a key that others obey is none);
 * or what the system said when it was opened or read (-ENOENT, -EACCES, ...). After an error the
 * configuration that was in effect still is.
 */
int tm_set_config_file(const char *path);

/*
 * Makes a record of this machine at this time, with a new random event id and no payload.
 *
 * ref: where the record goes, to be freed with tm_free_record. After an error it is set to NULL.
 * severity: 1 (low) to 4 (critical). 0 counts as 1, and more than 4 as 4.
 * classification: "DOMAIN/PROBE/REST", as in "org.example/backup/finished": three parts that are not
 *     empty, of up to TM_CLASSIFICATION_PART_BYTES each and TM_CLASSIFICATION_BYTES in all, of visible ASCII
 *     characters.
 * payload_version: version of the payload's format, which is yours to define. Start with 1.
 *
 * Returns 0; -EINVAL if an argument is NULL or the classification breaks a rule; -ENOMEM; another negative
 * errno value if the system has no random bytes.
 */
int tm_create_record(struct telem_ref **ref, uint32_t severity, char *classification,
                     uint32_t payload_version);

/*
 * Gives the record an event id, so that it can be grouped with others that belong to the same event.
 * record->headers[14] changes in place, unless it is a string of the program that is longer or shorter.
 *
 * event_id: TM_EVENT_ID_DIGITS digits of 0-9a-f.
 *
 * Returns 0, or -1 on anything else; the old id then stays.
 */
int tm_set_event_id(struct telem_ref *ref, char *event_id);

/*
 * Sets the payload, in place of any that was set before (which is freed).
 *
 * payload: UTF-8 text without control characters other than white space. What is longer than
 *     TM_PAYLOAD_BYTES is cut there, or a few bytes before so as not to cut through a character; that is no
 *     error, and bytes behind the cut are not examined.
 *
 * Returns 0; -EINVAL if an argument is NULL or the text breaks a rule; -ENOMEM. After an error the old payload stays.
 */
int tm_set_payload(struct telem_ref *ref, char *payload);

/*
 * Sends the record to telemprobd and waits until it is stored, from where it will be delivered even if the
 * machine goes down. The record is not changed: it may be sent again, and is yours to free. A record
 * without a payload is sent with an empty one.
 *
 * Waits up to about six seconds: one to send, five for the answer.
 *
 * Returns 0 once the record is stored (or taken, by a telemprobd that is too old to answer), or
 *   -ECONNREFUSED  telemetry is not opted in, or telemprobd does not run
 *   -EACCES        you cannot see whether telemetry is opted in, or the socket
 *   -ENOENT        telemprobd's socket is not there
 *   -ETIMEDOUT     telemprobd did not take it, or did not answer, in time: it may or may not be stored
 *   -ECONNRESET    telemprobd ended before it answered: it may or may not be stored
 *   -ENOSPC        the spool, or its file system, is full
 *   -EDQUOT        your share of the spool is full
 *   -EAGAIN        you send too many records a minute
 *   -EBUSY         you have too many connections to telemprobd
 *   -EPERM         telemprobd does not accept the file that tm_set_config_file named
 *   -EINVAL        ref is NULL, the configuration has a fault, or telemprobd refused the record
 * or another negative errno value of the connection, or that telemprobd answered.
 */
int tm_send_record(struct telem_ref *ref);

/*
 * Whether the user of this machine has opted in to telemetry, as of now: 1 if so, else 0. Nothing needs to
 * be collected while the answer is 0.
 */
int tm_is_opted_in(void);

/* Frees the record and its reference. NULL is allowed and does nothing. */
void tm_free_record(struct telem_ref *ref);

#ifdef __cplusplus
}
#endif

#endif
