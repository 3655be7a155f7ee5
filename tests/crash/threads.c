/* THREADS threads that wait, and one that crashes. */
#include <pthread.h>
#include <unistd.h>

#ifndef THREADS
#define THREADS 200
#endif

static pthread_barrier_t all_there;
static int *volatile nowhere;

__attribute__((noinline)) void wait_for_work(void)
{
	pause();
	pause();
}

static void *worker(void *unused)
{
	pthread_barrier_wait(&all_there);
	wait_for_work();
	return unused;
}

__attribute__((noinline)) int crash(int *target)
{
	return *(volatile int *)target + 1;
}

int main(void)
{
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	pthread_barrier_init(&all_there, 0, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;
		if (pthread_create(&thread, &small, worker, 0) != 0)
			return 2;
	}
	pthread_barrier_wait(&all_there);
	return crash(nowhere);
}
