/* A signal handler that no call frame information describes: how it is left is known by the instructions of the trampoline
 * alone, since no call stands before them. Part 1 is the handler, part 2 what it interrupts. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#if PART == 1
__attribute__((noinline)) void give_up(void)
{
	volatile char room[32];
	room[1] = 1;
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
	room[2] = room[1];
}

void handler(int number)
{
	volatile char room[32];
	room[1] = (char)number;
	give_up();
	room[2] = 1;
}
#else
static int *volatile nowhere;
void handler(int number);

__attribute__((noinline)) int innermost(int *target)
{
	volatile char room[64];
	room[3] = 1;
	return *(volatile int *)target + room[3];
}

__attribute__((noinline)) int middle(int *target)
{
	volatile char room[200];
	room[3] = 1;
	return innermost(target) + room[3];
}

int main(void)
{
	signal(SIGSEGV, handler);
	return middle(nowhere) + 1;
}
#endif
