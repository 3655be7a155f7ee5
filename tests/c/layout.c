/* The structures as existing programs were compiled to read them, and what stands in a new record. */
#define TM_RECORD_LAYOUT
#include "check.h"
#include <stddef.h>
#include <sys/utsname.h>
#include <telemetry.h>
#include <time.h>

static const char *const NAMES[15] = {
        "record_format_version", "classification", "severity",
        "machine_id", "creation_timestamp", "arch",
        "host_type", "build", "kernel_version",
        "payload_format_version", "system_name", "board_name",
        "cpu_model", "bios_version", "event_id",
};

static void check_layout(void)
{
        const size_t pointer = sizeof(char *);

        CHECK_INT(sizeof(struct telem_ref), pointer);
        CHECK_INT(offsetof(struct telem_ref, record), 0);
        CHECK_INT(sizeof(struct telem_record), 16 * pointer + 2 * sizeof(size_t));
        CHECK_INT(offsetof(struct telem_record, headers), 0);
        CHECK_INT(offsetof(struct telem_record, payload), 15 * pointer);
        CHECK_INT(offsetof(struct telem_record, header_size), 16 * pointer);
        CHECK_INT(offsetof(struct telem_record, payload_size), 16 * pointer + sizeof(size_t));
}

static void check_lines(const struct telem_record *record)
{
        size_t i, sum = 0;

        for (i = 0; i < 15; i++) {
                const char *line = record->headers[i];
                size_t name = strlen(NAMES[i]), length = strlen(line);

                CHECK(strncmp(line, NAMES[i], name) == 0);
                CHECK(strncmp(line + name, ": ", 2) == 0);
                CHECK(length > name + 3);
                CHECK(strchr(line, '\n') == line + length - 1);
                sum += length;
        }
        CHECK_INT(record->header_size, sum);
}

static void check_values(const struct telem_record *record)
{
        struct utsname host;
        char line[512];
        long long created;

        CHECK_TEXT(record->headers[0], "record_format_version: 4\n");
        CHECK_TEXT(record->headers[1], "classification: org.example/test/layout\n");
        CHECK_TEXT(record->headers[2], "severity: 2\n");
        CHECK_TEXT(record->headers[3], "machine_id: FFFFFFFF\n");
        CHECK_TEXT(record->headers[9], "payload_format_version: 7\n");
        CHECK(uname(&host) == 0);
        snprintf(line, sizeof(line), "arch: %s\n", host.machine);
        CHECK_TEXT(record->headers[5], line);
        snprintf(line, sizeof(line), "kernel_version: %s\n", host.release);
        CHECK_TEXT(record->headers[8], line);
        CHECK(sscanf(record->headers[4], "creation_timestamp: %lld\n", &created) == 1);
        CHECK(created >= (long long)time(NULL) - 3600 && created <= (long long)time(NULL) + 3600);
        CHECK_INT(strspn(record->headers[14] + strlen("event_id: "), "0123456789abcdef"), 32);
}

int main(void)
{
        struct telem_ref *ref = NULL;
        size_t header_size;

        check_layout();
        CHECK_INT(tm_create_record(&ref, 2, "org.example/test/layout", 7), 0);
        check_lines(ref->record);
        check_values(ref->record);
        CHECK(ref->record->payload == NULL);
        CHECK_INT(ref->record->payload_size, 0);

        header_size = ref->record->header_size;
        CHECK_INT(tm_set_event_id(ref, "0123456789abcdef0123456789abcdef"), 0);
        CHECK_TEXT(ref->record->headers[14], "event_id: 0123456789abcdef0123456789abcdef\n");
        CHECK_INT(ref->record->header_size, header_size);
        check_lines(ref->record);

        CHECK_INT(tm_set_payload(ref, "caf\xc3\xa9\n"), 0);
        CHECK_TEXT(ref->record->payload, "caf\xc3\xa9\n");
        CHECK_INT(ref->record->payload_size, 6);
        check_lines(ref->record);
        tm_free_record(ref);
        return 0;
}
