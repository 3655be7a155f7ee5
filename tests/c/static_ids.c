/*
 * static_ids FILE: a program without shared libraries that closes every descriptor which it did not open, as daemons do, and
 * then opens files of its own. It prints the event ids of its records, which are not the head of FILE.
 */
#define TM_RECORD_LAYOUT
#include "check.h"
#include <fcntl.h>
#include <telemetry.h>
#include <unistd.h>

static void print_id(void)
{
        struct telem_ref *ref = NULL;

        CHECK_INT(tm_create_record(&ref, 1, "org.example/test/static", 1), 0);
        CHECK(write(STDOUT_FILENO, ref->record->headers[14], strlen(ref->record->headers[14])) > 0);
        tm_free_record(ref);
}

int main(int argc, char **argv)
{
        int descriptor, n;

        CHECK_INT(argc, 2);
        print_id();
        for (descriptor = 3; descriptor < 256; descriptor++)
                close(descriptor);
        for (n = 0; n < 32; n++)
                CHECK(open(argv[1], O_RDONLY) >= 0);
        for (n = 0; n < 8; n++)
                print_id();
        return 0;
}
