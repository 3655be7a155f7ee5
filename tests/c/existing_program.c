/*
 * existing_program CONFIG_FILE: a program from before this project. It brings its own declarations, was linked
 * with another libtelemetry.so.4 (existing_library.c) and reads the structures directly.
 */
#include "check.h"
#include <stddef.h>
#include <stdint.h>

struct telem_record {
        char *headers[15];
        char *payload;
        size_t header_size;
        size_t payload_size;
};

struct telem_ref {
        struct telem_record *record;
};

int tm_set_config_file(const char *);
int tm_create_record(struct telem_ref **, uint32_t, char *, uint32_t);
int tm_set_event_id(struct telem_ref *, char *);
int tm_set_payload(struct telem_ref *, char *);
int tm_send_record(struct telem_ref *);
int tm_is_opted_in(void);
void tm_free_record(struct telem_ref *);

int main(int argc, char **argv)
{
        struct telem_ref *handle = NULL;
        size_t i, sum = 0;

        CHECK_INT(argc, 2);
        CHECK_INT(tm_set_config_file(argv[1]), 0);
        CHECK_INT(tm_is_opted_in(), 1);
        CHECK_INT(tm_create_record(&handle, 3, "org.example/old/program", 1), 0);
        CHECK_INT(tm_set_event_id(handle, "00000000000000000000000000000abc"), 0);
        CHECK_INT(tm_set_payload(handle, "as ever\n"), 0);
        for (i = 0; i < 15; i++) {
                sum += strlen(handle->record->headers[i]);
        }
        CHECK_INT(handle->record->header_size, sum);
        CHECK_TEXT(handle->record->headers[2], "severity: 3\n");
        CHECK_TEXT(handle->record->payload, "as ever\n");
        CHECK_INT(tm_send_record(handle), 0);
        tm_free_record(handle);
        return 0;
}
