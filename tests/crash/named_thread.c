/* A thread with a name, which crashes. */
#define _GNU_SOURCE
#include <pthread.h>

static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

static void *thread_body(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "renderer-12");
	innermost(nowhere);
	return 0;
}

int main(void)
{
	pthread_t thread;
	pthread_create(&thread, 0, thread_body, 0);
	pthread_join(thread, 0);
	return 0;
}
