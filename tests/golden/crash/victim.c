/* Crashes by reading address 0; needs no library, so that its core names no file but its own. */
static int *volatile nowhere;

__attribute__((noinline)) static int innermost(const int *at)
{
	return *(const volatile int *)at + 1;
}

__attribute__((noinline)) static int middle(const int *at)
{
	return innermost(at) + 1;
}

void _start(void)
{
	middle(nowhere);
	for (;;)
		;
}
