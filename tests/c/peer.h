/*
 * The far end of a test: a configuration, the consent and a socket below a private directory, and the few
 * moves of a telemprobd.
 */
#ifndef PEER_H
#define PEER_H

#include "check.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Longest message: sizes, path, payload, header lines. */
#define MESSAGE_BYTES (8 + 4 + 4096 + 8192 + 15 * 256)

struct peer {
        int listener;
        char config_path[512];
};

static void peer_write(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");

        CHECK(file != NULL);
        CHECK(fputs(text, file) >= 0);
        CHECK(fclose(file) == 0);
}

/* Opts in below `directory` and listens there. */
static void peer_listen(struct peer *peer, const char *directory)
{
        struct sockaddr_un address;
        char text[1024];

        memset(&address, 0, sizeof(address));
        address.sun_family = AF_UNIX;
        CHECK(strlen(directory) < sizeof(address.sun_path) - sizeof("/socket"));
        sprintf(address.sun_path, "%s/socket", directory);
        sprintf(text, "[settings]\netc_dir=%s\nsocket_path=%s\n", directory, address.sun_path);
        sprintf(peer->config_path, "%s/peer.conf", directory);
        peer_write(peer->config_path, text);
        sprintf(text, "%s/opt-in", directory);
        peer_write(text, "");

        peer->listener = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(peer->listener >= 0);
        CHECK_INT(fcntl(peer->listener, F_SETFD, FD_CLOEXEC), 0);
        CHECK_INT(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
        CHECK_INT(listen(peer->listener, 128), 0);
}

static int peer_accept(const struct peer *peer)
{
        int connection = accept(peer->listener, NULL, NULL);

        CHECK(connection >= 0);
        CHECK_INT(fcntl(connection, F_SETFD, FD_CLOEXEC), 0);
        return connection;
}

/* Reads one whole message and returns its size. */
static uint32_t peer_receive(int connection)
{
        char message[MESSAGE_BYTES];
        uint32_t size = 0, filled = 0;

        while (filled < sizeof(size) || filled < size) {
                ssize_t count = read(connection, message + filled, sizeof(message) - filled);

                CHECK(count > 0);
                filled += (uint32_t)count;
                if (filled >= sizeof(size)) {
                        memcpy(&size, message, sizeof(size));
                }
        }
        CHECK_INT(filled, size);
        CHECK_INT(message[size - 1], 0);
        return size;
}

static void peer_answer(int connection, int32_t answer)
{
        CHECK_INT(write(connection, &answer, sizeof(answer)), sizeof(answer));
        CHECK_INT(close(connection), 0);
}

#endif
