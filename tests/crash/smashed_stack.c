/* A function that overwrites its return address, and what lies above it. */
#include <stdint.h>

__attribute__((noinline)) void scribble(volatile uintptr_t *words, int count)
{
	for (int i = 0; i < count; i++)
		words[i] = 0x4141414141414141;
}

__attribute__((noinline)) int smashed(void)
{
	volatile uintptr_t words[2];
	scribble(words, 12);
	return (int)words[1];
}

__attribute__((noinline)) int outer(void)
{
	volatile char room[256] = { 0 };
	return smashed() + room[0];
}

int main(void)
{
	return outer();
}
