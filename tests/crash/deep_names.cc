// Names that do not fit: templates of templates, lambdas, operators.
#include <functional>
#include <map>
#include <string>
#include <vector>

static int *volatile nowhere;

namespace shop {
template <typename Key, typename Value> struct Counter {
	std::map<Key, std::vector<Value>> counts;

	__attribute__((noinline)) int operator()(const Key &key, const std::function<int(int *)> &read) const
	{
		return read(nowhere) + static_cast<int>(counts.count(key));
	}
};

template <int Depth, typename T> struct Nest {
	__attribute__((noinline)) static int call(const T &counter)
	{
		return Nest<Depth - 1, std::pair<T, T>>::call({ counter, counter }) + Depth;
	}
};

template <typename T> struct Nest<0, T> {
	__attribute__((noinline)) static int call(const T &)
	{
		Counter<std::string, std::map<std::string, int>> counter;
		return counter("key", [](int *target) { return *(volatile int *)target; });
	}
};
} // namespace shop

int main()
{
	return shop::Nest<6, std::string>::call("");
}
