/* Crashes, and says how long the crash took.
 *
 *   crash_victim MIB THREADS
 *
 * A child touches MIB mebibytes, has THREADS threads wait, and dereferences a null pointer a few calls deep.
 * Prints the milliseconds from just before that until the child is gone. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t all_there;
/* Volatile, so that the compiler does not see what is dereferenced. */
static int *volatile nowhere;

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void *waiting_thread(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&all_there);
	pause();
	return NULL;
}

__attribute__((noinline)) static int innermost(volatile int *target, volatile double *crashed_at)
{
	*crashed_at = now_ms();
	return *target + 1;
}

__attribute__((noinline)) static int middle(volatile int *target, volatile double *crashed_at)
{
	return innermost(target, crashed_at) + 1;
}

static int run(size_t bytes, int threads, volatile double *crashed_at)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 2;
	memset(memory, 'x', bytes);
	pthread_barrier_init(&all_there, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, waiting_thread, NULL) != 0)
			return 2;
	}
	pthread_barrier_wait(&all_there);
	return middle(nowhere, crashed_at) + 1;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	size_t bytes = (size_t)atol(argv[1]) << 20;
	int threads = atoi(argv[2]);
	volatile double *crashed_at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crashed_at == MAP_FAILED)
		return 2;
	pid_t child = fork();
	if (child == 0)
		_exit(run(bytes, threads, crashed_at));
	int status;
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 2;
	double gone_at = now_ms();
	if (!WIFSIGNALED(status) || !WCOREDUMP(status)) {
		fprintf(stderr, "crash_victim: the child did not crash (status %x)\n", (unsigned)status);
		return 1;
	}
	printf("%.3f\n", gone_at - *crashed_at);
	return 0;
}
