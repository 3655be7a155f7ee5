/* The first thread has ended when another one crashes. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int *volatile nowhere;

static int is_first_thread_gone(void)
{
	char line[256] = "";
	FILE *stat = fopen("/proc/self/stat", "r");
	if (stat == NULL || fgets(line, sizeof line, stat) == NULL)
		return 0;
	fclose(stat);
	return strstr(line, ") Z ") != NULL;
}

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

static void *thread_body(void *unused)
{
	while (!is_first_thread_gone())
		usleep(1000);
	innermost(nowhere);
	return unused;
}

int main(void)
{
	pthread_t thread;
	pthread_create(&thread, 0, thread_body, 0);
	pthread_exit(0);
}
