/* Functions whose names, read as C++ mangles them, are types: float, int, char*, std::string, ... */
static int *volatile nowhere;

__attribute__((noinline)) int f(int *target)
{
	return *(volatile int *)target + 1;
}

__attribute__((noinline)) int i(int *target)
{
	return f(target) + 1;
}

__attribute__((noinline)) int Pc(int *target)
{
	return i(target) + 1;
}

__attribute__((noinline)) int Ss(int *target)
{
	return Pc(target) + 1;
}

__attribute__((noinline)) int u8_toupper(int *target)
{
	return Ss(target) + 1;
}

int main(void)
{
	return u8_toupper(nowhere) + 1;
}
