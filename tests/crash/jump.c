/* A call through a pointer that leads to no code: null, or with DATA to data. */
static int data[16];
#ifdef DATA
static void *volatile target = data;
#else
static void *volatile target;
#endif

__attribute__((noinline)) int caller(void)
{
	int (*function)(void) = (int (*)(void))target;
	return function() + data[1];
}

int main(void)
{
	return caller() + 1;
}
