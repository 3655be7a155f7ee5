/* A crash inside a signal handler, which has a stack of its own. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int *volatile nowhere;

__attribute__((noinline)) int in_handler(int *target)
{
	return *(volatile int *)target + 1;
}

static void handler(int number)
{
	(void)number;
	_exit(in_handler(nowhere));
}

__attribute__((noinline)) int interrupted(void)
{
	volatile int zero = 0;
	raise(SIGUSR1);
	return zero + 1;
}

int main(void)
{
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	if (stack.ss_sp == NULL || sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
		return 2;
	return interrupted();
}
