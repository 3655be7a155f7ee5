/* A bad pointer, given to the kernel's own code in the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

__attribute__((noinline)) int ask(int (*now)(int, struct timespec *))
{
	return now(CLOCK_MONOTONIC, (struct timespec *)8) + 1;
}

int main(void)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	void *now = vdso ? dlsym(vdso, "__vdso_clock_gettime") : 0;
	if (now == 0)
		return 2;
	return ask((int (*)(int, struct timespec *))now);
}
