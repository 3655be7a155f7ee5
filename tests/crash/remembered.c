/* Calls remembered.S. */
int remembering(void);

__attribute__((noinline)) static int outer(void)
{
	return remembering() + 1;
}

int main(void)
{
	return outer() + 1;
}
