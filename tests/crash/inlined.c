/* A null pointer in a function that is inlined twice over. */
static int *volatile nowhere;

static inline __attribute__((always_inline)) int innermost(int *place)
{
	return *(volatile int *)place + 1;
}

static inline __attribute__((always_inline)) int middle(int *place)
{
	return innermost(place) * 3;
}

__attribute__((noinline)) int outer(int *place)
{
	return middle(place) + 1;
}

int main(void)
{
	return outer(nowhere) + 1;
}
