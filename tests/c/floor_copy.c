/* The minimum that a new record can cost: memory taken, a finished record copied into it, memory given back.
 *
 *   floor_copy SECONDS BYTES
 *
 * Prints copies a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	double seconds = atof(argv[1]);
	size_t size = (size_t)atol(argv[2]);
	char *record = calloc(1, size);
	double end = now() + seconds;
	long count = 0;
	while (now() < end) {
		char *volatile copy = malloc(size);
		memcpy(copy, record, size);
		free(copy);
		count++;
	}
	printf("%.0f\n", (double)count / seconds);
	return 0;
}
