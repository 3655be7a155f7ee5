/*
 * misuse DIRECTORY: everything that a program can get wrong has its answer, and none of it crashes, leaks or
 * spoils the record. DIRECTORY is an empty one to write to.
 */
#define TM_RECORD_LAYOUT
#include "check.h"
#include <errno.h>
#include <sys/stat.h>
#include <telemetry.h>

#define CLASS "org.example/test/misuse"
#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "ffffffffffffffffffffffffffffffff"

static struct telem_ref *new_record(void)
{
        struct telem_ref *ref = NULL;

        CHECK_INT(tm_create_record(&ref, 1, CLASS, 1), 0);
        CHECK(ref != NULL);
        return ref;
}

static void nulls(void)
{
        struct telem_ref empty = { NULL };
        struct telem_ref *ref = &empty;

        CHECK_INT(tm_set_config_file(NULL), -EINVAL);
        CHECK_INT(tm_create_record(NULL, 1, CLASS, 1), -EINVAL);
        CHECK_INT(tm_create_record(&ref, 1, NULL, 1), -EINVAL);
        CHECK(ref == NULL);
        CHECK_INT(tm_set_event_id(NULL, ID_A), -1);
        CHECK_INT(tm_set_event_id(&empty, ID_A), -1);
        CHECK_INT(tm_set_payload(NULL, "x"), -EINVAL);
        CHECK_INT(tm_set_payload(&empty, "x"), -EINVAL);
        CHECK_INT(tm_send_record(NULL), -EINVAL);
        CHECK_INT(tm_send_record(&empty), -EINVAL);
        tm_free_record(NULL);

        ref = new_record();
        CHECK_INT(tm_set_event_id(ref, NULL), -1);
        CHECK_INT(tm_set_payload(ref, NULL), -EINVAL);
        CHECK(ref->record->payload == NULL);
        tm_free_record(ref);
}

static void classifications(void)
{
        static char *const wrong[] = {
                "", "/", "//", "a/b", "a/b/c/d", "a//c", "/b/c", "a/b/", "a/b/c\n", "a/b c/d", "a/b/\xc3\xa9",
                "a/b/\xff", "a/b/\x01",
                "a/12345678901234567890123456789012345678901/c",
        };
        char part[41], text[200], *huge = malloc(1 << 20);
        struct telem_ref *ref;
        size_t i;

        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                int answer;

                ref = (struct telem_ref *)&ref;
                answer = tm_create_record(&ref, 1, wrong[i], 1);
                if (answer != -EINVAL || ref != NULL) {
                        fprintf(stderr, "classification \"%s\": %d\n", wrong[i], answer);
                        exit(1);
                }
        }
        CHECK(huge != NULL);
        memset(huge, 'x', (1 << 20) - 1);
        huge[(1 << 20) - 1] = '\0';
        CHECK_INT(tm_create_record(&ref, 1, huge, 1), -EINVAL);
        free(huge);

        memset(part, 'x', 40);
        part[40] = '\0';
        snprintf(text, sizeof(text), "%s/%s/%s", part, part, part);
        CHECK_INT(strlen(text), TM_CLASSIFICATION_BYTES);
        CHECK_INT(tm_create_record(&ref, 1, text, 1), 0);
        tm_free_record(ref);
        strcat(text, "x");
        CHECK_INT(tm_create_record(&ref, 1, text, 1), -EINVAL);
}

static void severities(void)
{
        static const struct {
                uint32_t given;
                const char *kept;
        } cases[] = { { 0, "severity: 1\n" }, { 1, "severity: 1\n" }, { 4, "severity: 4\n" },
                      { 5, "severity: 4\n" }, { 0xffffffffu, "severity: 4\n" } };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct telem_ref *ref;

                CHECK_INT(tm_create_record(&ref, cases[i].given, CLASS, 0xffffffffu), 0);
                CHECK_TEXT(ref->record->headers[2], cases[i].kept);
                CHECK_TEXT(ref->record->headers[9], "payload_format_version: 4294967295\n");
                tm_free_record(ref);
        }
}

static void event_ids(void)
{
        static char *const wrong[] = {
                "", "0", ID_A "0", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcde",
                "0123456789abcdef0123456789abcdeg", "+123456789abcdef0123456789abcdef",
                "0123456789abcdef0123456789abcde\n", "\xff", "0123456789abcdef0123456789abcd\xc3\xa9",
        };
        struct telem_ref *ref = new_record();
        const char *line = ref->record->headers[14];
        size_t i, header_size = ref->record->header_size;

        CHECK_INT(tm_set_event_id(ref, ID_A), 0);
        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                CHECK_INT(tm_set_event_id(ref, wrong[i]), -1);
                CHECK_TEXT(ref->record->headers[14], "event_id: " ID_A "\n");
        }
        /* Its own line, which is not an id. */
        CHECK_INT(tm_set_event_id(ref, ref->record->headers[14]), -1);
        CHECK_INT(tm_set_event_id(ref, ID_B), 0);
        CHECK_TEXT(ref->record->headers[14], "event_id: " ID_B "\n");
        CHECK(line == ref->record->headers[14]);
        CHECK_INT(ref->record->header_size, header_size);
        tm_free_record(ref);
}

static void payloads(void)
{
        static char *const wrong[] = { "\x01", "a\x1b[0m", "\x7f", "\xff", "\xc3", "a\xc3(", "\xc2\x9b" };
        struct telem_ref *ref = new_record();
        char *text = malloc(1 << 20);
        size_t i;

        CHECK_INT(tm_set_payload(ref, "first"), 0);
        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                CHECK_INT(tm_set_payload(ref, wrong[i]), -EINVAL);
                CHECK_TEXT(ref->record->payload, "first");
        }
        CHECK_INT(tm_set_payload(ref, "\t second \r\n\v\f"), 0);
        CHECK_TEXT(ref->record->payload, "\t second \r\n\v\f");
        CHECK_INT(tm_set_payload(ref, ref->record->payload), 0);
        CHECK_INT(tm_set_payload(ref, ref->record->payload + 2), 0);
        CHECK_TEXT(ref->record->payload, "second \r\n\v\f");
        CHECK_INT(tm_set_payload(ref, ""), 0);
        CHECK_TEXT(ref->record->payload, "");
        CHECK_INT(ref->record->payload_size, 0);

        CHECK(text != NULL);
        memset(text, 'x', (1 << 20) - 1);
        text[(1 << 20) - 1] = '\0';
        CHECK_INT(tm_set_payload(ref, text), 0);
        CHECK_INT(ref->record->payload_size, TM_PAYLOAD_BYTES);
        CHECK_INT(strlen(ref->record->payload), TM_PAYLOAD_BYTES);
        memcpy(text + TM_PAYLOAD_BYTES - 1, "\xc3\xa9", 2);
        CHECK_INT(tm_set_payload(ref, text), 0);
        CHECK_INT(ref->record->payload_size, TM_PAYLOAD_BYTES - 1);
        /* What is cut away is not read. */
        memcpy(text + TM_PAYLOAD_BYTES - 1, "x\xff\x01", 3);
        CHECK_INT(tm_set_payload(ref, text), 0);
        CHECK_INT(ref->record->payload_size, TM_PAYLOAD_BYTES);
        free(text);
        tm_free_record(ref);
}

static void write_file(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        CHECK(file != NULL);
        CHECK(fputs(text, file) >= 0);
        CHECK(fclose(file) == 0);
}

static void configurations(const char *directory)
{
        char good[4200], bad[4200], missing[4200], opt_in[4200], text[9000], *huge = malloc(1 << 20);
        struct telem_ref *ref;

        CHECK(huge != NULL);
        snprintf(good, sizeof(good), "%s/good.conf", directory);
        snprintf(bad, sizeof(bad), "%s/bad.conf", directory);
        snprintf(missing, sizeof(missing), "%s/missing.conf", directory);
        snprintf(opt_in, sizeof(opt_in), "%s/opt-in", directory);
        /* What other programs obey does not stop this one. */
        snprintf(text, sizeof(text),
                 "[settings]\netc_dir=%s\nsocket_path=%s/none\nbyte_window_length=99\ncrash_burst_limit=x\n",
                 directory, directory);
        write_file(good, text);
        write_file(bad, "[settings]\nsocket_path=telem-0\n");
        write_file(opt_in, "");

        CHECK_INT(tm_set_config_file(good), 0);
        CHECK_INT(tm_is_opted_in(), 1);
        CHECK_INT(tm_set_config_file(bad), -EINVAL);
        CHECK_INT(tm_set_config_file(missing), -ENOENT);
        CHECK_INT(tm_set_config_file("good.conf"), -EINVAL);
        CHECK_INT(tm_set_config_file(""), -EINVAL);
        CHECK_INT(tm_set_config_file(directory), -EINVAL);
        CHECK_INT(tm_set_config_file("/dev/null"), -EINVAL);
        memset(huge, 'x', (1 << 20) - 1);
        huge[0] = '/';
        huge[(1 << 20) - 1] = '\0';
        CHECK_INT(tm_set_config_file(huge), -ENAMETOOLONG);
        free(huge);

        /* The good one is still in effect. */
        CHECK_INT(tm_is_opted_in(), 1);
        ref = new_record();
        CHECK_INT(tm_send_record(ref), -ENOENT);
        CHECK_INT(remove(opt_in), 0);
        CHECK_INT(tm_is_opted_in(), 0);
        CHECK_INT(tm_send_record(ref), -ECONNREFUSED);
        tm_free_record(ref);
}

int main(int argc, char **argv)
{
        CHECK_INT(argc, 2);
        nulls();
        classifications();
        severities();
        event_ids();
        payloads();
        configurations(argv[1]);
        return 0;
}
