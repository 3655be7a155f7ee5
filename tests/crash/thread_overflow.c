/* Recursion without end in a thread, whose stack ends with a guard page. */
#include <pthread.h>

__attribute__((noinline)) int descend(volatile int *depth)
{
	volatile char room[4096];
	room[0] = (char)*depth;
	*depth += 1;
	return descend(depth) + room[0];
}

static void *thread_body(void *argument)
{
	descend(argument);
	return 0;
}

int main(void)
{
	volatile int depth = 0;
	pthread_t thread;
	pthread_create(&thread, 0, thread_body, (void *)&depth);
	pthread_join(thread, 0);
	return 0;
}
