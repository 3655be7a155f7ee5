/* A function without call frame information that ends with a call which does not return. What follows is another function,
 * which begins at the return address. Three parts, to be linked in this order. */
#if PART == 1
static int *volatile nowhere;

__attribute__((noinline, noreturn)) void die(void)
{
	*(volatile int *)nowhere = 1;
	for (;;)
		;
}
#elif PART == 2
__attribute__((noreturn)) void die(void);

__attribute__((noinline)) void bare_tail(int n)
{
	volatile char room[40];
	room[n] = 1;
	die();
}
#else
void bare_tail(int n);

__attribute__((noinline, aligned(1))) int innocent(int n)
{
	return n * 3 + 1;
}

__attribute__((noinline)) void middle(int n)
{
	bare_tail(n);
	__asm__ volatile("");
}

int main(int count, char **words)
{
	(void)words;
	if (count > 5)
		return innocent(count);
	middle(1);
	return 0;
}
#endif
