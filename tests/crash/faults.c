/* Signals of other faults, by the macro FAULT. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int zero;
static const char constant[] = "constant";

#define DIVISION 1
#define ILLEGAL 3
#define READ_ONLY 4
#define PAST_END 5
#define NOT_CANONICAL 6
#define WILD 7
#define BREAKPOINT 8

__attribute__((noinline)) int faulty(int number)
{
#if FAULT == DIVISION
	return number / zero;
#elif FAULT == ILLEGAL
	__builtin_trap();
#elif FAULT == READ_ONLY
	*(volatile char *)(uintptr_t)constant = 'C';
#elif FAULT == PAST_END
	FILE *file = tmpfile();
	volatile char *page = mmap(0, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
	return page[number];
#elif FAULT == NOT_CANONICAL
	return *(volatile int *)0x4141414141414141 + number;
#elif FAULT == WILD
	return *(volatile int *)(0x123456789000 + zero) + number;
#elif FAULT == BREAKPOINT
	__asm__ volatile("int3");
#endif
	return number;
}

int main(void)
{
	return faulty(4) + zero;
}
