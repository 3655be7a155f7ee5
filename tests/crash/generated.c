/* Code made while the program ran, with a frame pointer and in no file, calls back. */
#include <string.h>
#include <sys/mman.h>

static int *volatile nowhere;

__attribute__((noinline)) int innermost(void)
{
	return *(volatile int *)nowhere + 1;
}

__attribute__((noinline)) int outer(int (*function)(int (*)(void)))
{
	return function(innermost) + 1;
}

int main(void)
{
	/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
	static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
	void *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 2;
	memcpy(page, code, sizeof code);
	return outer((int (*)(int (*)(void)))page);
}
