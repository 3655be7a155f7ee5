/* A function that nobody calls, and that a linker drops (--gc-sections). Its debug data stays, and says that it begins at
 * address 0: as long as it is, that claims what does lie there. */
#define FOUR_TIMES(code) code code code code
#define OFTEN(code) FOUR_TIMES(FOUR_TIMES(FOUR_TIMES(FOUR_TIMES(code))))

int never_called(int x)
{
	volatile int b[64];
	OFTEN(x = x * 3 + b[x & 63]; b[x & 63] = x >> 1;)
	OFTEN(x = x * 5 + b[x & 63]; b[x & 63] = x >> 2;)
	return x;
}
