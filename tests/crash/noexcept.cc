// An exception that leaves a function which promised that none would.
#include <stdexcept>
#include <string>

namespace store {
template <typename T> struct Shelf {
	__attribute__((noinline)) void put(const T &thing)
	{
		if (thing.empty())
			throw std::runtime_error("nothing to put");
	}
};
} // namespace store

__attribute__((noinline)) void promised(store::Shelf<std::string> &shelf) noexcept
{
	shelf.put("");
}

int main()
{
	store::Shelf<std::string> shelf;
	promised(shelf);
}
