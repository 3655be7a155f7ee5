/* Frames of a size that is known at run time only: the CFA is found through the frame pointer, and of main, which aligns its
 * stack, through memory (DW_CFA_def_cfa_expression). */
#include <alloca.h>
#include <string.h>

static int *volatile nowhere;
static volatile int zero;

__attribute__((noinline)) int innermost(char *room, int *target)
{
	return *(volatile int *)target + room[0];
}

__attribute__((noinline)) int outer(int bytes)
{
	char *room = alloca((size_t)bytes);
	memset(room, 0, (size_t)bytes);
	return innermost(room, nowhere) + room[1];
}

__attribute__((noinline)) int aligned(int bytes)
{
	_Alignas(128) volatile char room[256];
	char *more = alloca((size_t)bytes);
	room[zero] = 1;
	more[0] = 1;
	return outer(bytes + room[0]) + more[0] + room[3];
}

int main(void)
{
	return aligned(1000) + 1;
}
