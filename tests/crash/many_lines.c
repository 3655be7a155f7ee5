/* Calls a function of assembler, which calls the one that fails. */
static int *volatile nowhere;
int generated(int *target, int (*function)(int *));

__attribute__((noinline)) static int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

int main(void)
{
	return generated(nowhere, innermost) + 1;
}
