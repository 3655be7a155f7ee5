/*
 * threads DIRECTORY: eight threads make and send records at once, while the process forks children that do
 * the same. Every call succeeds, nothing hangs, and no two records have the same event id.
 */
#define TM_RECORD_LAYOUT
#include "peer.h"
#include <pthread.h>
#include <sys/wait.h>
#include <telemetry.h>

#define THREADS 8
#define RECORDS 500
#define CHILDREN 40
#define IDS (THREADS * RECORDS + CHILDREN)
/* Seconds until a process that hangs is ended by SIGALRM. */
#define PATIENCE 60

typedef char event_id[TM_EVENT_ID_DIGITS + 1];

static struct peer peer;
static event_id ids[IDS];

static void send_one(const char *payload, char *id)
{
        struct telem_ref *ref;
        char text[64];

        CHECK_INT(tm_create_record(&ref, 1, "org.example/test/threads", 1), 0);
        snprintf(text, sizeof(text), "%s", payload);
        CHECK_INT(tm_set_payload(ref, text), 0);
        CHECK_INT(tm_is_opted_in(), 1);
        CHECK_INT(tm_send_record(ref), 0);
        CHECK_INT(sscanf(ref->record->headers[14], "event_id: %32[0-9a-f]", id), 1);
        CHECK_TEXT(ref->record->payload, payload);
        tm_free_record(ref);
}

static void *serve(void *unused)
{
        for (;;) {
                int connection = peer_accept(&peer);

                peer_receive(connection);
                peer_answer(connection, 0);
        }
        return unused;
}

static void *work(void *first_id)
{
        event_id *own = first_id;
        int i;

        for (i = 0; i < RECORDS; i++) {
                char payload[64];

                snprintf(payload, sizeof(payload), "thread of id %ld, record %d\n", (long)(own - ids), i);
                send_one(payload, own[i]);
        }
        return NULL;
}

/* In the child: a record of the parent's, a new one, and the configuration set anew. */
static void child(struct telem_ref *inherited, int output)
{
        event_id id;

        alarm(PATIENCE);
        CHECK_INT(tm_send_record(inherited), 0);
        tm_free_record(inherited);
        CHECK_INT(tm_set_config_file(peer.config_path), 0);
        send_one("child\n", id);
        CHECK_INT(write(output, id, sizeof(id)), sizeof(id));
        _exit(0);
}

static void fork_one(struct telem_ref *inherited, char *id)
{
        int ends[2], status;
        pid_t pid;

        CHECK_INT(pipe(ends), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                child(inherited, ends[1]);
        }
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
        CHECK_INT(read(ends[0], id, sizeof(event_id)), sizeof(event_id));
        close(ends[0]);
        close(ends[1]);
}

static int compare(const void *left, const void *right)
{
        return memcmp(left, right, sizeof(event_id));
}

int main(int argc, char **argv)
{
        pthread_t server, threads[THREADS];
        struct telem_ref *inherited;
        int i;

        CHECK_INT(argc, 2);
        alarm(PATIENCE);
        peer_listen(&peer, argv[1]);
        CHECK_INT(pthread_create(&server, NULL, serve, NULL), 0);
        CHECK_INT(tm_set_config_file(peer.config_path), 0);
        CHECK_INT(tm_create_record(&inherited, 1, "org.example/test/inherited", 1), 0);
        for (i = 0; i < THREADS; i++) {
                CHECK_INT(pthread_create(&threads[i], NULL, work, ids[i * RECORDS]), 0);
        }
        for (i = 0; i < CHILDREN; i++) {
                fork_one(inherited, ids[THREADS * RECORDS + i]);
        }
        for (i = 0; i < THREADS; i++) {
                CHECK_INT(pthread_join(threads[i], NULL), 0);
        }
        tm_free_record(inherited);

        qsort(ids, IDS, sizeof(event_id), compare);
        CHECK_INT(strlen(ids[0]), TM_EVENT_ID_DIGITS);
        for (i = 1; i < IDS; i++) {
                CHECK(compare(ids[i - 1], ids[i]) != 0);
        }
        return 0;
}
