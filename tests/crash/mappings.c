/* 3,000 mappings of files. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int *volatile nowhere;

__attribute__((noinline)) int crash(int *target)
{
	return *(volatile int *)target + 1;
}

int main(int count, char **words)
{
	int file = open(words[0], O_RDONLY);
	if (count < 1 || file < 0)
		return 2;
	for (int i = 0; i < 3000; i++) {
		/* Every other one with another protection, so that the kernel does not join them. */
		int protection = i % 2 ? PROT_READ : PROT_READ | PROT_WRITE;
		if (mmap(0, 4096, protection, MAP_PRIVATE, file, 0) == MAP_FAILED)
			return 2;
	}
	return crash(nowhere);
}
