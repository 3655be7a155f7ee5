/* Recursion without end. */
__attribute__((noinline)) int descend(volatile int *depth)
{
	volatile char room[4096];
	room[0] = (char)*depth;
	*depth += 1;
	return descend(depth) + room[0];
}

int main(void)
{
	volatile int depth = 0;
	return descend(&depth);
}
