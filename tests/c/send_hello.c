/*
 * send_hello [CONFIG_FILE [EVENT_ID]]: sends one record, as a program of yours would.
 *
 *     cc send_hello.c $(pkg-config --cflags --libs libtelemetry) -o send_hello
 */
#define TM_RECORD_LAYOUT
#include <stdio.h>
#include <string.h>
#include <telemetry.h>

static int failed(const char *what, int error)
{
        fprintf(stderr, "send_hello: %s: %s\n", what, strerror(-error));
        return 1;
}

static int send_hello(struct telem_ref *record, char *event_id)
{
        int error;

        if (event_id != NULL && tm_set_event_id(record, event_id) != 0) {
                fprintf(stderr, "send_hello: %s is no event id: give %d digits of 0-9a-f\n", event_id,
                        TM_EVENT_ID_DIGITS);
                return 1;
        }
        error = tm_set_payload(record, "hello from C\n");
        if (error != 0) {
                return failed("payload", error);
        }
        error = tm_send_record(record);
        if (error != 0) {
                return failed("cannot send the record; is telemetry opted in and telemprobd running?",
                              error);
        }
        printf("The record is stored and will be delivered.\n%s", record->record->headers[14]);
        return 0;
}

int main(int argc, char **argv)
{
        struct telem_ref *record;
        int error, result;

        if (argc > 1) {
                error = tm_set_config_file(argv[1]);
                if (error != 0) {
                        return failed(argv[1], error);
                }
        }
        error = tm_create_record(&record, 1, "org.clearlinux/hello/from_c", 1);
        if (error != 0) {
                return failed("cannot make a record", error);
        }
        result = send_hello(record, argc > 2 ? argv[2] : NULL);
        tm_free_record(record);
        return result;
}
