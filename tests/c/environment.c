/*
 * environment DIRECTORY: after every call the process is as it was before: signals, working directory, locale,
 * environment, umask, threads, descriptors. What the library opens during a call is not inherited by a
 * program that another thread starts meanwhile, and a peer that hangs up does not kill with SIGPIPE.
 */
#include "peer.h"
#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <telemetry.h>

#define SIGNALS 65
#define DESCRIPTORS 256
/* Seconds until a process that hangs is ended by SIGALRM. */
#define PATIENCE 60

extern char **environ;

struct state {
        void (*handlers[SIGNALS])(int);
        int flags[SIGNALS];
        sigset_t blocked;
        mode_t umask;
        int descriptors[DESCRIPTORS];
        int threads;
        char locale[512], directory[1024], environment[16384];
};

static struct peer peer;
static const char *own_path;
static sem_t peer_is_gone;
static int hold_send, sends, opens, inheritable_opens;

/* Stands in for the C library's, so that the peer is surely gone when the library sends. */
ssize_t send(int descriptor, const void *bytes, size_t count, int flags)
{
        sends++;
        while (hold_send && sem_wait(&peer_is_gone) != 0) {
        }
        return sendto(descriptor, bytes, count, flags, NULL, 0);
}

static int watched_open(const char *path, int flags, mode_t mode)
{
        opens++;
        inheritable_opens += !(flags & O_CLOEXEC);
        return openat(AT_FDCWD, path, flags, mode);
}

/* Stand in for the C library's, which the library calls by either name. */
#define WATCHED_OPEN(name)                                         \
        int name(const char *path, int flags, ...)                 \
        {                                                          \
                va_list rest;                                      \
                mode_t mode = 0;                                   \
                                                                   \
                va_start(rest, flags);                             \
                if (flags & O_CREAT) {                             \
                        mode = (mode_t)va_arg(rest, unsigned int); \
                }                                                  \
                va_end(rest);                                      \
                return watched_open(path, flags, mode);            \
        }
WATCHED_OPEN(open)
#ifdef open64
#undef open64
#endif
WATCHED_OPEN(open64)

static int count_threads(void)
{
        DIR *tasks = opendir("/proc/self/task");
        int count = 0;

        CHECK(tasks != NULL);
        while (readdir(tasks) != NULL) {
                count++;
        }
        closedir(tasks);
        return count;
}

static void take(struct state *state)
{
        size_t used = 0;
        char **variable;
        int i;

        memset(state, 0, sizeof(*state));
        for (i = 1; i < SIGNALS; i++) {
                struct sigaction action;

                if (sigaction(i, NULL, &action) == 0) {
                        state->handlers[i] = action.sa_handler;
                        state->flags[i] = action.sa_flags;
                }
        }
        CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &state->blocked), 0);
        state->umask = umask(0);
        umask(state->umask);
        for (i = 0; i < DESCRIPTORS; i++) {
                state->descriptors[i] = fcntl(i, F_GETFD);
        }
        state->threads = count_threads();
        snprintf(state->locale, sizeof(state->locale), "%s", setlocale(LC_ALL, NULL));
        CHECK(getcwd(state->directory, sizeof(state->directory)) != NULL);
        for (variable = environ; *variable != NULL; variable++) {
                size_t length = strlen(*variable) + 1;

                CHECK(used + length < sizeof(state->environment));
                memcpy(state->environment + used, *variable, length);
                used += length;
        }
}

static void check_same(const struct state *before, const char *call)
{
        struct state after;
        const char *changed = NULL;

        take(&after);
#define SAME(field) (memcmp(&before->field, &after.field, sizeof(after.field)) == 0)
        changed = !SAME(handlers) || !SAME(flags) ? "signal dispositions" : changed;
        changed = !SAME(blocked) ? "blocked signals" : changed;
        changed = !SAME(umask) ? "umask" : changed;
        changed = !SAME(descriptors) ? "descriptors" : changed;
        changed = !SAME(threads) ? "number of threads" : changed;
        changed = !SAME(locale) ? "locale" : changed;
        changed = !SAME(directory) ? "working directory" : changed;
        changed = !SAME(environment) ? "environment" : changed;
        if (changed != NULL) {
                fprintf(stderr, "%s changed the process: %s\n", call, changed);
                exit(1);
        }
}

#define UNCHANGED(call, expected)           \
        do {                                \
                static struct state before; \
                                            \
                take(&before);              \
                CHECK_INT(call, expected);  \
                check_same(&before, #call); \
        } while (0)

/* In a program started while the library sends: nothing but the three standard descriptors may be open. */
static int inherited_descriptors(void)
{
        int i, found = 0;

        for (i = 3; i < DESCRIPTORS; i++) {
                if (fcntl(i, F_GETFD) != -1) {
                        fprintf(stderr, "descriptor %d was inherited\n", i);
                        found = 1;
                }
        }
        return found;
}

static void *start_a_program_and_answer(void *unused)
{
        int connection = peer_accept(&peer), status;
        pid_t pid;

        peer_receive(connection);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                execl(own_path, own_path, "--inherited-descriptors", (char *)NULL);
                _exit(127);
        }
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
        peer_answer(connection, 0);
        return unused;
}

static void *hang_up(void *unused)
{
        CHECK_INT(close(peer_accept(&peer)), 0);
        CHECK_INT(sem_post(&peer_is_gone), 0);
        return unused;
}

static void send_to(void *(*answerer)(void *), struct telem_ref *ref, int expected)
{
        struct state before;
        pthread_t thread;

        take(&before);
        CHECK_INT(pthread_create(&thread, NULL, answerer, NULL), 0);
        CHECK_INT(tm_send_record(ref), expected);
        CHECK_INT(pthread_join(thread, NULL), 0);
        check_same(&before, "tm_send_record");
}

static int create(struct telem_ref **ref)
{
        return tm_create_record(ref, 1, "org.example/test/environment", 1);
}

static int release(struct telem_ref *ref)
{
        tm_free_record(ref);
        return 0;
}

int main(int argc, char **argv)
{
        struct telem_ref *ref;
        int i;

        CHECK_INT(argc, 2);
        if (strcmp(argv[1], "--inherited-descriptors") == 0) {
                return inherited_descriptors();
        }
        for (i = 3; i < DESCRIPTORS; i++) {
                close(i);
        }
        own_path = argv[0];
        alarm(PATIENCE);
        CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
        CHECK_INT(sem_init(&peer_is_gone, 0, 0), 0);
        setlocale(LC_ALL, "C.UTF-8");
        peer_listen(&peer, argv[1]);

        /* The first record reads the facts of the host, so it comes before any other call. */
        UNCHANGED(create(&ref), 0);
        UNCHANGED(tm_set_config_file("/nonexistent/file.conf"), -ENOENT);
        UNCHANGED(tm_set_config_file(peer.config_path), 0);
        UNCHANGED(tm_is_opted_in(), 1);
        UNCHANGED(tm_set_event_id(ref, "0123456789abcdef0123456789abcdef"), 0);
        UNCHANGED(tm_set_payload(ref, "hello\n"), 0);
        UNCHANGED(tm_set_payload(ref, "\x01"), -EINVAL);

        send_to(start_a_program_and_answer, ref, 0);
        hold_send = 1;
        send_to(hang_up, ref, -EPIPE);
        UNCHANGED(release(ref), 0);

        CHECK(sends >= 2);
        CHECK(opens > 0);
        CHECK_INT(inheritable_opens, 0);
        return 0;
}
