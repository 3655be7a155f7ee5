/* An error path that the compiler moved away from its function, into a part of its own (`inspect.cold`). */
#include <stdlib.h>

static int *volatile nowhere;
static volatile int zero;

__attribute__((cold, noinline)) void complain(int number)
{
	*(volatile int *)nowhere = number;
}

__attribute__((noinline)) int inspect(int number)
{
	if (__builtin_expect(number == zero, 0)) {
		complain(number);
		complain(number + 1);
		exit(3);
	}
	return number * 7;
}

int main(void)
{
	return inspect(zero) + 1;
}
