/* A crash in a library that is loaded late, and that is called through its table of jumps. With LIBRARY the library. */
#ifdef LIBRARY
static int *volatile nowhere;

__attribute__((noinline)) int exported(int number)
{
	return *(volatile int *)nowhere + number;
}

static __attribute__((noinline)) int hidden(int number)
{
	return exported(number) + 1;
}

int plugin(int number)
{
	return hidden(number) + 1;
}
#else
#include <dlfcn.h>
#include <stdio.h>

__attribute__((noinline)) int caller(int (*function)(int))
{
	return function(1) + 1;
}

int main(int count, char **words)
{
	char path[4096];
	snprintf(path, sizeof path, "%s.so", words[0]);
	void *library = count < 1 ? 0 : dlopen(path, RTLD_NOW);
	if (library == 0)
		return 2;
	return caller((int (*)(int))dlsym(library, "plugin"));
}
#endif
