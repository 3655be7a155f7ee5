/* A null pointer, three calls deep. */
#include <stddef.h>

/* Volatile, so that the compiler does not see what is dereferenced. */
static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *place)
{
	return *(volatile int *)place + 1;
}

__attribute__((noinline)) int middle(int *place)
{
	return innermost(place) + 1;
}

__attribute__((noinline)) int outer(int *place)
{
	return middle(place) + 1;
}

int main(void)
{
	return outer(nowhere) + 1;
}
