/* Calls into assembler without CFI, which calls back. */
extern int assembled(int *target);
static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

__attribute__((noinline)) int outer(int *target)
{
	return assembled(target) + 1;
}

int main(void)
{
	return outer(nowhere);
}
