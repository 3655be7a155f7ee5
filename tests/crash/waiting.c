/* Reads its input to the end, and then a null pointer. */
#include <unistd.h>

static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

__attribute__((noinline)) int outer(int *target)
{
	return innermost(target) + 1;
}

int main(void)
{
	char byte;
	while (read(0, &byte, 1) == 1)
		;
	return outer(nowhere) + 1;
}
