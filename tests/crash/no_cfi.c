/* Calls into assembler without CFI, which calls back. */
extern int assembled(int *place);
static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *place)
{
	return *(volatile int *)place + 1;
}

__attribute__((noinline)) int outer(int *place)
{
	return assembled(place) + 1;
}

int main(void)
{
	return outer(nowhere);
}
