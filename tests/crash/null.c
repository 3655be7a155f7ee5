/* A null pointer, three calls deep. */
#include <stddef.h>

/* Volatile, so that the compiler does not see what is dereferenced. */
static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

__attribute__((noinline)) int middle(int *target)
{
	return innermost(target) + 1;
}

__attribute__((noinline)) int outer(int *target)
{
	return middle(target) + 1;
}

int main(void)
{
	return outer(nowhere) + 1;
}
