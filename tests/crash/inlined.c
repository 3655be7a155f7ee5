/* A null pointer in a function that is inlined twice over. */
static int *volatile nowhere;

static inline __attribute__((always_inline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

static inline __attribute__((always_inline)) int middle(int *target)
{
	return innermost(target) * 3;
}

__attribute__((noinline)) int outer(int *target)
{
	return middle(target) + 1;
}

int main(void)
{
	return outer(nowhere) + 1;
}
