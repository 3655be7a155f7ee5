/* A crash in a function that libc calls back. */
#include <stdlib.h>

static int *volatile nowhere;

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b + *(volatile int *)nowhere;
}

__attribute__((noinline)) int sort(int *numbers, size_t count)
{
	qsort(numbers, count, sizeof *numbers, compare);
	return numbers[0];
}

int main(void)
{
	int numbers[] = { 3, 1, 2 };
	return sort(numbers, 3);
}
