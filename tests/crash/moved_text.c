/* Code that the program itself moves to memory of no file, as programs do that want huge pages for it. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static int *volatile nowhere;

__attribute__((noinline)) int innermost(int *target)
{
	return *(volatile int *)target + 1;
}

__attribute__((noinline)) int middle(int *target)
{
	volatile char room[200];
	room[3] = 1;
	return innermost(target) + room[3];
}

__attribute__((noinline)) int outer(int *target)
{
	volatile char room[32];
	room[3] = 1;
	return middle(target) + room[3];
}

int main(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	unsigned long start = 0, end = 0;
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && mode[2] == 'x' && start <= (uintptr_t)main &&
		    (uintptr_t)main < end)
			break;
	fclose(maps);
	size_t size = end - start;
	char *copy = mmap(0, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(copy, (void *)start, size);
	mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start);
	return outer(nowhere) + 1;
}
