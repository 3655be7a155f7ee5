/* Sends records as a program would: create, payload, send, free.
 *
 *   bench_send CONFIG SENDERS SECONDS PAYLOAD_BYTES
 *
 * Prints records a second, of all senders together; 0 senders: creates only, in one process.
 *
 * A program that names a configuration of its own has each record judged by it. Most name none: as root, the configuration
 * is put into the place of the system's, in a mount namespace of this process. */
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <telemetry.h>

/* Whether the file is the system's configuration for this process from now on. */
static int be_system_configuration(const char *file)
{
	char upper[PATH_MAX], work[PATH_MAX], own[PATH_MAX + 64], options[3 * PATH_MAX];
	snprintf(upper, sizeof upper, "%s.etc-%d", file, (int)getpid());
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 0;
	/* Of the file system in memory, since not every one can be the upper one. */
	if (mkdir(upper, 0755) != 0 || mount("none", upper, "tmpfs", 0, NULL) != 0)
		return 0;
	snprintf(own, sizeof own, "%s/etc", upper);
	snprintf(work, sizeof work, "%.2000s/work", upper);
	if (mkdir(own, 0755) != 0 || mkdir(work, 0755) != 0)
		return 0;
	snprintf(options, sizeof options, "lowerdir=/etc,upperdir=%.2000s,workdir=%.2000s", own, work);
	snprintf(own, sizeof own, "%s/etc/telemetrics", upper);
	if (mkdir(own, 0755) != 0)
		return 0;
	snprintf(own, sizeof own, "%s/etc/telemetrics/telemetrics.conf", upper);
	FILE *from = fopen(file, "r"), *to = fopen(own, "w");
	if (from == NULL || to == NULL)
		return 0;
	for (int c; (c = getc(from)) != EOF;)
		putc(c, to);
	fclose(from);
	return fclose(to) == 0 && mount("overlay", "/etc", "overlay", 0, options) == 0;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long run(int send, double seconds, char *payload)
{
	char class[] = "org.example/bench/send";
	double end = now() + seconds;
	long count = 0;
	while (now() < end) {
		struct telem_ref *ref;
		int result = tm_create_record(&ref, 1, class, 1);
		if (result == 0 && send) {
			result = tm_set_payload(ref, payload);
			if (result == 0)
				result = tm_send_record(ref);
		}
		if (result != 0) {
			fprintf(stderr, "bench_send: %s\n", strerror(-result));
			exit(1);
		}
		tm_free_record(ref);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	int senders = atoi(argv[2]);
	double seconds = atof(argv[3]);
	size_t length = (size_t)atol(argv[4]);
	char *payload = malloc(length + 1);
	if (payload == NULL)
		return 1;
	if (!be_system_configuration(argv[1])) {
		fprintf(stderr, "bench_send: records name their configuration, which costs more: only root can help that\n");
		if (tm_set_config_file(argv[1]) != 0)
			return 1;
	}
	memset(payload, 'x', length);
	payload[length] = 0;
	if (senders == 0) {
		run(0, 0.05, payload);
		printf("%.0f\n", (double)run(0, seconds, payload) / seconds);
		return 0;
	}
	long *counts = mmap(NULL, sizeof(long) * (size_t)senders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	for (int i = 0; i < senders; i++) {
		if (fork() == 0) {
			counts[i] = run(1, seconds, payload);
			_exit(0);
		}
	}
	long total = 0;
	int status, failed = 0;
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < senders; i++)
		total += counts[i];
	printf("%.0f\n", (double)total / seconds);
	return failed != 0;
}
