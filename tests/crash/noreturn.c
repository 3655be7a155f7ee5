/* A call that never returns as the last instruction of its function: the return address is that of the next one. */
#include <signal.h>
#include <stdlib.h>

static int *volatile nowhere;
static volatile int zero;

__attribute__((noinline, noreturn)) void give_up(void)
{
	*(volatile int *)nowhere = 1;
	_Exit(zero);
}

__attribute__((noinline, noreturn)) void outer(void)
{
	give_up();
}

__attribute__((noinline)) int behind(int number)
{
	return number + zero;
}

int main(void)
{
	if (behind(1) == 1)
		outer();
	return 0;
}
