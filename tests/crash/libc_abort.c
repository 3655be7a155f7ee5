/* A failed assertion. */
#include <assert.h>

__attribute__((noinline)) int check(int count)
{
	assert(count > 1);
	return count;
}

int main(int count, char **words)
{
	(void)words;
	return check(count);
}
