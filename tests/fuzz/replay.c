/* Feeds every file of a corpus to a fuzz target, in a build without any fuzzer: replay FOLDER. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/fuzz/fuzz.h"

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buf all = { 0 };
	uint8_t *exact;
	size_t n;

	if (!file) {
		perror(path);
		return false;
	}
	while ((n = fread(buf_room(&all, 4096), 1, 4096, file)) > 0)
		all.n += n;
	fclose(file);
	/* its own block, without room behind the end, so that a sanitizer sees a step too far */
	exact = mem_new(all.n);
	memcpy(exact, all.p, all.n);
	printf("%s\n", path);
	fflush(stdout); /* the last one named is the one that failed */
	LLVMFuzzerTestOneInput(exact, all.n);
	free(exact);
	buf_free(&all);
	return true;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	struct dirent **names;
	int n = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;

	if (n < 0) {
		fprintf(stderr, "replay: expected one argument, a folder of inputs\n");
		return 1;
	}
	for (int i = 0; i < n; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			*(replay_file(path) ? &passed : &failed) += 1;
		free(names[i]);
	}
	free(names);
	printf("%u passed, %u failed\n", passed, failed);
	return passed == 0 || failed > 0;
}
