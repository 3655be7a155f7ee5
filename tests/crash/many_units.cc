// A second unit with the library's types, so that there is something to share (dwz).
#include <functional>
#include <string>
#include <vector>

int of_the_second_unit(const std::vector<std::string> &names)
{
	std::function<int(const std::string &)> length = [](const std::string &name) { return (int)name.size(); };
	int sum = 0;
	for (const auto &name : names)
		sum += length(name);
	return sum;
}
