/* Secrets in every place that a report could be made from: arguments, environment, heap, stack, registers. */
#include <stdlib.h>
#include <string.h>

static int *volatile nowhere;

__attribute__((noinline)) int crash(int *target, const char *secret)
{
	char copy[64];
	strncpy(copy, secret, sizeof copy - 1);
	char *heap = strdup(secret);
	return *(volatile int *)target + copy[3] + heap[2];
}

int main(int count, char **words)
{
	char *secret = getenv("SECRET");
	return crash(nowhere, count > 1 ? words[1] : secret);
}
