/* Floors of a crash handler, started by the kernel with the core on stdin.
 *
 *   floor_crash          does nothing
 *   floor_crash FILE     copies the core to FILE */
#include <fcntl.h>
#include <unistd.h>

static char buffer[1 << 20];

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		return 1;
	for (;;) {
		ssize_t got = read(0, buffer, sizeof buffer);
		if (got <= 0)
			return got < 0;
		for (ssize_t at = 0; at < got;) {
			ssize_t put = write(file, buffer + at, (size_t)(got - at));
			if (put < 0)
				return 1;
			at += put;
		}
	}
}
