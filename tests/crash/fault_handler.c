/* A handler of SIGSEGV that gives up with abort(), as crash reporters of programs do: the fault lies behind it. */
#include <signal.h>
#include <stdlib.h>

static int *volatile nowhere;

static void give_up(int number)
{
	(void)number;
	abort();
}

__attribute__((noinline)) int faulting(int *target)
{
	return *(volatile int *)target + 1;
}

int main(void)
{
	signal(SIGSEGV, give_up);
	return faulting(nowhere);
}
