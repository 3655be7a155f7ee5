/* A bad pointer, given to libc. */
#include <string.h>

static char *volatile bad = (char *)8;

__attribute__((noinline)) int measure(const char *text)
{
	return (int)strlen(text) + 1;
}

int main(void)
{
	return measure(bad);
}
