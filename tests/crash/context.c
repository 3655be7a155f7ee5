/* A crash on the stack of a coroutine. */
#include <stdlib.h>
#include <ucontext.h>

static int *volatile nowhere;
static ucontext_t outside, inside;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

static void coroutine(void)
{
	exit(innermost(nowhere));
}

int main(void)
{
	getcontext(&inside);
	inside.uc_stack.ss_sp = malloc(65536);
	inside.uc_stack.ss_size = 65536;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	return 0;
}
