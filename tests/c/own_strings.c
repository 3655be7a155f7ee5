/*
 * own_strings CONFIG_FILE: a program that puts strings of its own into a record. What it put there is sent, or refused
 * where it is none, and freed with the record.
 */
#define TM_RECORD_LAYOUT
#include "check.h"
#include <errno.h>
#include <telemetry.h>

static struct telem_ref *new_record(void)
{
        struct telem_ref *ref = NULL;

        CHECK_INT(tm_create_record(&ref, 1, "org.example/test/own", 1), 0);
        return ref;
}

static void replace(char **string, const char *text)
{
        free(*string);
        *string = text == NULL ? NULL : strdup(text);
}

static void wrong_strings(void)
{
        static const struct {
                size_t line;
                const char *text;
        } cases[] = {
                { 0, NULL }, { 7, NULL }, { 14, NULL }, { 0, "record_format_version: 5\n" },
                { 1, "classification: one_part\n" }, { 2, "severity: 7\n" }, { 2, "classification: a/b/c\n" },
                { 4, "creation_timestamp: today\n" }, { 7, "build: no end" }, { 7, "build: two\nlines\n" },
                { 7, "" }, { 14, "event_id: 1234\n" },
        };
        static const char *const payloads[] = { "\x01", "\xff" };
        char *huge = malloc(1 << 20);
        struct telem_ref *ref;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ref = new_record();
                replace(&ref->record->headers[cases[i].line], cases[i].text);
                CHECK_INT(tm_send_record(ref), -EINVAL);
                tm_free_record(ref);
        }
        for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
                ref = new_record();
                replace(&ref->record->payload, payloads[i]);
                CHECK_INT(tm_send_record(ref), -EINVAL);
                tm_free_record(ref);
        }
        CHECK(huge != NULL);
        memset(huge, 'x', (1 << 20) - 1);
        memcpy(huge, "build: ", 7);
        memcpy(huge + (1 << 20) - 2, "\n", 2);
        ref = new_record();
        replace(&ref->record->headers[7], huge);
        CHECK_INT(tm_send_record(ref), -EINVAL);
        tm_free_record(ref);
        free(huge);
}

/* What the library sets takes the place of what the program put there. */
static void set_over(void)
{
        static const char *const lines[] = { NULL, "", "event_id: 1\n", "event_id: no id, and longer than one of them\n" };
        struct telem_ref *ref = new_record();
        size_t i, header_size = ref->record->header_size;

        for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                replace(&ref->record->headers[14], lines[i]);
                CHECK_INT(tm_set_event_id(ref, "0123456789abcdef0123456789abcdef"), 0);
                CHECK_TEXT(ref->record->headers[14], "event_id: 0123456789abcdef0123456789abcdef\n");
                CHECK_INT(ref->record->header_size, header_size);
        }
        replace(&ref->record->payload, "mine");
        CHECK_INT(tm_set_payload(ref, ref->record->payload + 1), 0);
        CHECK_TEXT(ref->record->payload, "ine");
        CHECK_INT(ref->record->payload_size, 3);
        replace(&ref->record->payload, NULL);
        CHECK_INT(tm_set_payload(ref, "ours"), 0);
        tm_free_record(ref);
}

int main(int argc, char **argv)
{
        struct telem_ref *ref;

        CHECK_INT(argc, 2);
        CHECK_INT(tm_set_config_file(argv[1]), 0);
        wrong_strings();
        set_over();

        ref = new_record();
        CHECK_INT(tm_set_payload(ref, "ours\n"), 0);
        replace(&ref->record->headers[1], "classification: org.example/own/class\n");
        replace(&ref->record->headers[3], "machine_id: mine\n");
        replace(&ref->record->headers[7],
                "build: a build of its own, longer than the one that was there: 0123456789 0123456789\n");
        replace(&ref->record->headers[14], "event_id: 00000000000000000000000000000abc\n");
        replace(&ref->record->payload, "a payload of its own\n");
        /* Of the same length or shorter: written over in place. */
        strcpy(ref->record->headers[13], "bios_version: none\n");
        CHECK_INT(tm_send_record(ref), 0);
        tm_free_record(ref);
        return 0;
}
