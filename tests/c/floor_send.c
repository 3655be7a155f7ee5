/* The minimum that "send a record and have it confirmed as stored" can cost, without any of our code: a server
 * that reads a message, writes it to a file, renames the file and answers; senders that connect, send and
 * wait for the answer.
 *
 *   floor_send DIR SENDERS SECONDS MESSAGE_BYTES SYNC
 *
 * SYNC 1: file and directory are synced before the answer. Prints records a second. 0 senders: it answers whoever sends
 * messages as telemprobd gets them to DIR/.socket, and stores nothing, until it is killed. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int condition, const char *what)
{
	if (!condition) {
		perror(what);
		exit(1);
	}
}

static void store_message(int dir, unsigned long n, const char *message, size_t size, int sync)
{
	char name[32], unfinished[sizeof name + 1];
	snprintf(name, sizeof name, "%016lx", n);
	snprintf(unfinished, sizeof unfinished, ".%s", name);
	int file = openat(dir, unfinished, O_WRONLY | O_CREAT | O_EXCL, 0600);
	must(file >= 0, "open");
	must(write(file, message, size) == (ssize_t)size, "write");
	if (sync)
		must(fsync(file) == 0, "fsync");
	close(file);
	must(renameat(dir, unfinished, dir, name) == 0, "rename");
	if (sync)
		must(fsync(dir) == 0, "fsync");
}

static void answer_only(int listener)
{
	char message[64 * 1024];
	for (;;) {
		uint32_t size = sizeof size;
		size_t got = 0;
		int32_t answer = 0;
		int client = accept(listener, NULL, NULL);
		must(client >= 0, "accept");
		while (got < size && size <= sizeof message) {
			ssize_t length = read(client, message + got, sizeof message - got);
			if (length <= 0)
				break;
			got += (size_t)length;
			if (got >= sizeof size)
				memcpy(&size, message, sizeof size);
		}
		/* One that goes away does not end it. */
		send(client, &answer, 4, MSG_NOSIGNAL);
		close(client);
	}
}

static void serve(int listener, int dir, size_t size, int sync)
{
	char *message = malloc(size);
	for (unsigned long n = 0;; n++) {
		int32_t answer = 0;
		int client = accept(listener, NULL, NULL);
		must(client >= 0, "accept");
		size_t got = 0;
		while (got < size) {
			ssize_t length = read(client, message + got, size - got);
			must(length > 0, "read");
			got += (size_t)length;
		}
		store_message(dir, n, message, size, sync);
		must(write(client, &answer, 4) == 4, "answer");
		close(client);
	}
}

static long send_all(const struct sockaddr_un *address, size_t size, double seconds)
{
	char *message = malloc(size);
	memset(message, 'x', size);
	double end = now() + seconds;
	long count = 0;
	while (now() < end) {
		int32_t answer;
		int connection = socket(AF_UNIX, SOCK_STREAM, 0);
		must(connect(connection, (const struct sockaddr *)address, sizeof *address) == 0, "connect");
		must(write(connection, message, size) == (ssize_t)size, "send");
		must(read(connection, &answer, 4) == 4, "answer");
		close(connection);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	int senders = atoi(argv[2]);
	double seconds = atof(argv[3]);
	size_t size = (size_t)atol(argv[4]);
	int sync = atoi(argv[5]);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%.90s/.socket", argv[1]);
	int dir = open(argv[1], O_RDONLY | O_DIRECTORY);
	must(dir >= 0, argv[1]);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	must(listen(listener, 1024) == 0, "listen");
	if (senders == 0)
		answer_only(listener);
	long *counts = mmap(NULL, sizeof(long) * (size_t)senders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(counts != MAP_FAILED, "mmap");
	pid_t server = fork();
	if (server == 0)
		serve(listener, dir, size, sync);
	for (int i = 0; i < senders; i++) {
		if (fork() == 0) {
			counts[i] = send_all(&address, size, seconds);
			_exit(0);
		}
	}
	long total = 0;
	for (int i = 0; i < senders; i++)
		wait(NULL);
	for (int i = 0; i < senders; i++)
		total += counts[i];
	kill(server, SIGKILL);
	wait(NULL);
	printf("%.0f\n", (double)total / seconds);
	return 0;
}
