/* What sending a record costs with the C implementation, without any of its code: a program that reads the files of the
 * host for each record, connects, writes and closes; a daemon that reads the message and writes a file under its final
 * name. Nobody answers, nothing is synced. Which files are read, and what a record looks like, is public: the headers
 * of a record, their sources, the socket and the spool.
 *
 *   peer_c_pattern DIR SENDERS SECONDS PAYLOAD_BYTES CREATE_US
 *
 * Reading the files costs less on some machines than the C implementation was measured to take for creating a record: they
 * are read again until that has taken CREATE_US. Prints records a second, and the microseconds of processor that reading
 * them once takes. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEADERS 15
#define LINE 256
#define MESSAGE (16 * 1024)

struct record {
	char *lines[HEADERS];
	char *payload;
	size_t header_size;
};

static double clock_secs(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
	return clock_secs(CLOCK_MONOTONIC);
}

static void must(int condition, const char *what)
{
	if (!condition) {
		perror(what);
		exit(1);
	}
}

/* The first line of a small file, or what stands for one that is missing. */
static void first_line(char *value, const char *path, const char *missing)
{
	FILE *file = fopen(path, "r");
	if (file == NULL) {
		snprintf(value, 80, "%s", missing);
		return;
	}
	if (fgets(value, 80, file) == NULL || value[0] == '\n')
		snprintf(value, 80, "blank");
	value[strcspn(value, "\n")] = 0;
	fclose(file);
}

/* The value behind a key in a file of lines. */
static void value_of(char *value, const char *path, const char *key, const char *separator, const char *missing)
{
	char *line = NULL;
	size_t size = 0;
	snprintf(value, 120, "%s", missing);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return;
	while (getline(&line, &size, file) > 0) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		char *behind = strstr(line, separator);
		if (behind != NULL) {
			snprintf(value, 120, "%s", behind + strlen(separator));
			value[strcspn(value, "\n")] = 0;
		}
		break;
	}
	free(line);
	fclose(file);
}

static void add(struct record *record, int header, const char *name, const char *value)
{
	record->lines[header] = malloc(LINE);
	must(record->lines[header] != NULL, "malloc");
	int length = snprintf(record->lines[header], LINE, "%s: %.200s\n", name, value);
	record->header_size += (size_t)length;
}

static void event_id(char *id)
{
	unsigned char bytes[16];
	int file = open("/dev/urandom", O_RDONLY);
	must(file >= 0 && read(file, bytes, sizeof bytes) == sizeof bytes, "/dev/urandom");
	close(file);
	for (int i = 0; i < 16; i++)
		sprintf(id + 2 * i, "%02x", bytes[i]);
}

#define DMI "/sys/class/dmi/id/"
#define OS_RELEASE "/etc/os-release"

static void read_host(struct record *record)
{
	char a[128], b[128], c[128], joined[LINE], number[32], id[33];
	struct utsname host;
	memset(record, 0, sizeof *record);
	uname(&host);
	add(record, 0, "record_format_version", "4");
	add(record, 1, "classification", "org.example/bench/send");
	add(record, 2, "severity", "1");
	add(record, 3, "machine_id", "FFFFFFFF");
	snprintf(number, sizeof number, "%ld", (long)time(NULL));
	add(record, 4, "creation_timestamp", number);
	add(record, 5, "arch", host.machine);
	first_line(a, DMI "sys_vendor", "no_sv_file");
	first_line(b, DMI "product_name", "no_pn_file");
	first_line(c, DMI "product_version", "no_pvr_file");
	snprintf(joined, sizeof joined, "%.80s|%.80s|%.80s", a, b, c);
	add(record, 6, "host_type", joined);
	value_of(a, OS_RELEASE, "VERSION_ID=", "=", "0");
	add(record, 7, "build", a);
	add(record, 8, "kernel_version", host.release);
	add(record, 9, "payload_format_version", "1");
	value_of(a, OS_RELEASE, "ID=", "=", "unknown");
	value_of(b, OS_RELEASE, "VARIANT_ID=", "=", "");
	snprintf(joined, sizeof joined, "%.100s%s%.100s", a, b[0] ? "_" : "", b);
	add(record, 10, "system_name", joined);
	first_line(a, DMI "board_name", "no_bn_file");
	first_line(b, DMI "board_vendor", "no_bv_file");
	snprintf(joined, sizeof joined, "%.80s|%.80s", a, b);
	add(record, 11, "board_name", joined);
	value_of(a, "/proc/cpuinfo", "model name", ": ", "blank");
	add(record, 12, "cpu_model", a);
	first_line(a, DMI "bios_version", "no_bv_file");
	add(record, 13, "bios_version", a);
	event_id(id);
	add(record, 14, "event_id", id);
}

static void create(struct record *record, double create_us)
{
	double start = clock_secs(CLOCK_PROCESS_CPUTIME_ID);
	read_host(record);
	while (create_us > 0 && (clock_secs(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e6 < create_us) {
		char value[128];
		value_of(value, "/proc/cpuinfo", "model name", ": ", "blank");
	}
}

static void set_payload(struct record *record, const char *payload)
{
	record->payload = strdup(payload);
	must(record->payload != NULL, "strdup");
}

static void discard(struct record *record)
{
	for (int i = 0; i < HEADERS; i++)
		free(record->lines[i]);
	free(record->payload);
}

static void send_record(const struct record *record, const struct sockaddr_un *address)
{
	uint32_t sizes[2] = { (uint32_t)(8 + record->header_size + strlen(record->payload) + 1),
			      (uint32_t)record->header_size };
	char *message = malloc(sizes[0]), *end = message + sizeof sizes;
	must(message != NULL, "malloc");
	memcpy(message, sizes, sizeof sizes);
	for (int i = 0; i < HEADERS; i++)
		end = stpcpy(end, record->lines[i]);
	strcpy(end, record->payload);
	int connection = socket(AF_UNIX, SOCK_STREAM, 0);
	must(connect(connection, (const struct sockaddr *)address, sizeof *address) == 0, "connect");
	must(write(connection, message, sizes[0]) == (ssize_t)sizes[0], "send");
	close(connection);
	free(message);
}

/* Reads a message and writes a file: the header lines, the payload, a newline. */
static void serve(int listener, const char *dir)
{
	char *message = malloc(MESSAGE), path[256];
	for (;;) {
		int client = accept(listener, NULL, NULL);
		must(client >= 0, "accept");
		uint32_t size = 0;
		size_t got = 0;
		while (got < sizeof size || got < size) {
			ssize_t length = read(client, message + got, MESSAGE - got);
			must(length > 0, "read");
			got += (size_t)length;
			memcpy(&size, message, sizeof size);
		}
		close(client);
		snprintf(path, sizeof path, "%.200s/XXXXXX", dir);
		int file = mkstemp(path);
		must(file >= 0, "mkstemp");
		message[size - 1] = '\n';
		must(write(file, message + 8, size - 8) == (ssize_t)(size - 8), "write");
		close(file);
	}
}

static long run(const struct sockaddr_un *address, const char *payload, double seconds, double create_us)
{
	double end = now() + seconds;
	long count = 0;
	for (; now() < end; count++) {
		struct record record;
		create(&record, create_us);
		set_payload(&record, payload);
		send_record(&record, address);
		discard(&record);
	}
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	int senders = atoi(argv[2]);
	double seconds = atof(argv[3]);
	size_t length = (size_t)atol(argv[4]);
	char *payload = malloc(length + 1);
	must(payload != NULL, "malloc");
	memset(payload, 'x', length);
	payload[length] = 0;
	double create_us = atof(argv[5]);
	double start = clock_secs(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < 1000; i++) {
		struct record record;
		create(&record, 0);
		set_payload(&record, payload);
		discard(&record);
	}
	double alone = (clock_secs(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e6 / 1000;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%.90s/.socket", argv[1]);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	must(listen(listener, 128) == 0, "listen");
	long *counts = mmap(NULL, sizeof(long) * (size_t)senders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(counts != MAP_FAILED, "mmap");
	pid_t server = fork();
	if (server == 0)
		serve(listener, argv[1]);
	for (int i = 0; i < senders; i++) {
		if (fork() == 0) {
			counts[i] = run(&address, payload, seconds, create_us);
			_exit(0);
		}
	}
	for (int i = 0; i < senders; i++)
		wait(NULL);
	long total = 0;
	for (int i = 0; i < senders; i++)
		total += counts[i];
	kill(server, SIGKILL);
	wait(NULL);
	printf("%.0f %.1f\n", (double)total / seconds, alone);
	return 0;
}
