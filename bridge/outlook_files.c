/* The configurations a directory holds, one a file or a folder, and whether they are still the same. */
#include "bridge/outlook_files.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "bridge/bytes.h"

enum { ENTRIES_MAX = 10000 };

static bool name_is_yaml(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcasecmp(dot, ".yaml") || !strcasecmp(dot, ".yml"));
}

static uint64_t signature_add(uint64_t signature, const struct stat *st)
{
	const uint64_t words[] = { signature, (uint64_t)st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec };

	return slice_hash((struct slice){ (const char *)words, sizeof(words) });
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Full paths, sorted; NULL at the end. */
static char **entries(const char *path)
{
	char **list = mem_new(sizeof(*list));
	const struct dirent *e;
	size_t n = 0;
	DIR *dir = opendir(path);

	while (dir && n < ENTRIES_MAX && (e = readdir(dir))) {
		struct buf full = { 0 };

		if (e->d_name[0] == '.')
			continue;
		buf_printf(&full, "%s/%s", path, e->d_name);
		list = mem_grow(list, (n + 2) * sizeof(*list));
		list[n++] = mem_slice((struct slice){ full.p, full.n });
		buf_free(&full);
	}
	if (dir)
		closedir(dir);
	list[n] = NULL;
	if (n > 1)
		qsort(list, n, sizeof(*list), name_compare);
	return list;
}

static void entries_free(char **list)
{
	for (char **at = list; *at; at++)
		free(*at);
	free(list);
}

/* 0: there is none of it. */
static uint64_t folder_signature(const char *path)
{
	char **list = entries(path);
	uint64_t signature = 0;
	struct stat st;

	for (char **at = list; *at; at++)
		if (name_is_yaml(*at) && stat(*at, &st) == 0 && S_ISREG(st.st_mode))
			signature = signature_add(signature, &st);
	entries_free(list);
	return signature;
}

void outlook_files(const char *path, outlook_fn *fn, void *arg)
{
	struct stat st;
	char **list;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		fn(arg, path, signature_add(0, &st));
	list = entries(path);
	for (char **at = list; *at; at++) {
		uint64_t folder;

		if (stat(*at, &st) != 0)
			continue;
		if (S_ISREG(st.st_mode) && name_is_yaml(*at))
			fn(arg, *at, signature_add(0, &st));
		else if (S_ISDIR(st.st_mode) && (folder = folder_signature(*at)))
			fn(arg, *at, folder);
	}
	entries_free(list);
}
