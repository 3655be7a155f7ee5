/*
 * cancel DIRECTORY: a thread that is cancelled while it waits for the answer ends after the call, which has
 * succeeded; nothing is torn down under the library.
 */
#include "peer.h"
#include <pthread.h>
#include <telemetry.h>

/* Seconds until a process that hangs is ended by SIGALRM. */
#define PATIENCE 60

static struct peer peer;
static int answer = -1, past_the_end;

static void *send_and_end(void *ref)
{
        answer = tm_send_record(ref);
        pthread_testcancel();
        past_the_end = 1;
        return NULL;
}

int main(int argc, char **argv)
{
        struct telem_ref *ref;
        pthread_t sender;
        void *result;
        int connection;

        CHECK_INT(argc, 2);
        alarm(PATIENCE);
        peer_listen(&peer, argv[1]);
        CHECK_INT(tm_set_config_file(peer.config_path), 0);
        CHECK_INT(tm_create_record(&ref, 1, "org.example/test/cancel", 1), 0);
        CHECK_INT(pthread_create(&sender, NULL, send_and_end, ref), 0);

        connection = peer_accept(&peer);
        peer_receive(connection);
        CHECK_INT(pthread_cancel(sender), 0);
        peer_answer(connection, 0);

        CHECK_INT(pthread_join(sender, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK_INT(answer, 0);
        CHECK_INT(past_the_end, 0);
        tm_free_record(ref);
        return 0;
}
