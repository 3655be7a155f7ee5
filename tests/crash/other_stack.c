/* A call on another stack, from one that lies below it in the same memory, and from one that lies above. */
#include <pthread.h>
#include <sys/mman.h>

long call_on(void *argument, long (*function)(void *), char *stack_top);

static int *volatile nowhere;
static char *low, *high;

__attribute__((noinline)) long innermost(void *argument)
{
	volatile char room[64];
	(void)argument;
	room[3] = 1;
	return *(volatile int *)nowhere + room[3];
}

__attribute__((noinline)) long on_new(void *argument)
{
	volatile char room[100];
	room[3] = 1;
	return innermost(argument) + room[3];
}

__attribute__((noinline)) long before(void *argument)
{
	volatile char room[100];
	room[3] = 1;
	return call_on(argument, on_new, high + 65536) + room[3];
}

#ifdef THREAD
static void *thread_body(void *argument)
{
	return (void *)before(argument);
}
#endif

int main(void)
{
	low = mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	high = low + (1 << 23);
#ifdef THREAD
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, low, 1 << 20);
	pthread_create(&thread, &attributes, thread_body, 0);
	pthread_join(thread, 0);
	return 0;
#else
	return (int)call_on(0, before, low + 65536);
#endif
}
