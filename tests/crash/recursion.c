/* A null pointer, 100,000 calls deep. */
#include <sys/resource.h>

static int *volatile nowhere;

__attribute__((noinline)) int descend(int depth)
{
	if (depth == 0)
		return *(volatile int *)nowhere;
	return descend(depth - 1) + 1;
}

int main(void)
{
	return descend(100000);
}
