// abort() in a method.
#include <cstdlib>
#include <vector>

namespace store {
class Ledger {
    public:
	__attribute__((noinline)) int check(const std::vector<int> &entries) const
	{
		if (entries.empty())
			std::abort();
		return entries.front();
	}
};
} // namespace store

int main()
{
	return store::Ledger().check({}) + 1;
}
