/* The minimum that posting records over HTTP can cost with libcurl: one handle, one kept connection, one
 * record after the other, the same bytes each time.
 *
 *   floor_post URL RECORDS BODY_FILE HEADERS_FILE [CA_FILE]
 *
 * Prints records a second. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t discard(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc != 5 && argc != 6)
		return 2;
	long records = atol(argv[2]);
	static char body[65536], line[4096];
	FILE *file = fopen(argv[3], "r");
	if (file == NULL)
		return 1;
	size_t length = fread(body, 1, sizeof body, file);
	fclose(file);
	struct curl_slist *headers = NULL;
	file = fopen(argv[4], "r");
	if (file == NULL)
		return 1;
	while (fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = 0;
		headers = curl_slist_append(headers, line);
	}
	fclose(file);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *handle = curl_easy_init();
	curl_easy_setopt(handle, CURLOPT_URL, argv[1]);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)length);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, discard);
	if (argc == 6)
		curl_easy_setopt(handle, CURLOPT_CAINFO, argv[5]);
	double start = now();
	for (long n = 0; n < records; n++) {
		long status = 0;
		if (curl_easy_perform(handle) != CURLE_OK)
			return 1;
		curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
		if (status != 201)
			return 1;
	}
	printf("%.0f\n", (double)records / (now() - start));
	return 0;
}
