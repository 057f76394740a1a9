/* Files and directories of YAML: only regular files, each once, nothing that blocks or grows without end. */
#include "bridge/config/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/config/arena.h"
#include "bridge/config/yaml.h"

struct seen {
	dev_t dev;
	ino_t ino;
};

struct files {
	struct config *config;
	files_fn *fn;
	void *arg;
	struct seen *seen;
	unsigned n_seen;
	size_t bytes; /* read so far */
	struct buf text;
};

#define files_fault(f, path, ...) finding_add((f)->config, FINDING_ERROR, (struct place){ (path), 0, 0 }, __VA_ARGS__)

struct files *files_new(struct config *c, files_fn *fn, void *arg)
{
	struct files *f = mem_new(sizeof(*f));

	f->config = c;
	f->fn = fn;
	f->arg = arg;
	return f;
}

void files_free(struct files *f)
{
	free(f->seen);
	if (f->text.p)
		explicit_bzero(f->text.p, f->text.cap);
	buf_free(&f->text);
	free(f);
}

static bool files_first_time(struct files *f, const struct stat *st)
{
	for (unsigned i = 0; i < f->n_seen; i++)
		if (f->seen[i].dev == st->st_dev && f->seen[i].ino == st->st_ino)
			return false;
	f->seen = mem_grow(f->seen, (f->n_seen + 1) * sizeof(*f->seen));
	f->seen[f->n_seen++] = (struct seen){ st->st_dev, st->st_ino };
	return true;
}

/* The size was looked at before, but a file may grow while it is read. */
static int files_take(struct files *f, int fd)
{
	ssize_t n;

	buf_clear(&f->text);
	do {
		n = read(fd, buf_room(&f->text, 64 * 1024), 64 * 1024);
		if (n > 0)
			f->text.n += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && f->text.n <= YAML_TEXT_MAX);
	return n < 0 ? -1 : 0;
}

static void files_read_fd(struct files *f, const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st)) {
		files_fault(f, path, "%s, expected a readable file", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		files_fault(f, path, "not a regular file, expected a YAML file");
	} else if (!files_first_time(f, &st)) {
		finding_add(f->config, FINDING_NOTE, (struct place){ path, 0, 0 }, "read before, not read again");
	} else if (st.st_size > YAML_TEXT_MAX) {
		files_fault(f, path, "%lld bytes, expected at most %d (1 MiB)", (long long)st.st_size, YAML_TEXT_MAX);
	} else if (f->n_seen > FILES_MAX || f->bytes > FILES_BYTES_MAX) {
		files_fault(
		    f, path, "not read: expected at most %d files and %d bytes in all", FILES_MAX, FILES_BYTES_MAX);
	} else if (files_take(f, fd)) {
		files_fault(f, path, "%s, expected a readable file", strerror(errno));
	} else {
		f->bytes += f->text.n;
		f->fn(f->arg, path, f->text.p ? f->text.p : "", f->text.n);
	}
}

static void files_read_file(struct files *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		files_fault(f, path, "%s, expected a readable YAML file", strerror(errno));
		return;
	}
	files_read_fd(f, path, fd);
	close(fd);
}

static bool name_is_yaml(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcasecmp(dot, ".yaml") || !strcasecmp(dot, ".yml"));
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names to read; at most FILES_MAX + 1, so that one too many is noticed. */
static char **files_names(struct files *f, DIR *dir, const char *path, size_t *n_r)
{
	char **names = NULL;
	const struct dirent *e;
	size_t n = 0;

	while (n <= FILES_MAX && (e = readdir(dir))) {
		if (!name_is_yaml(e->d_name))
			continue;
		if (e->d_name[0] == '.') {
			finding_add(f->config, FINDING_NOTE, (struct place){ path, 0, 0 }, "hidden file %s is not read",
			    e->d_name);
			continue;
		}
		names = mem_grow(names, (n + 1) * sizeof(*names));
		names[n++] = mem_text(e->d_name);
	}
	if (n > 1)
		qsort(names, n, sizeof(*names), name_compare);
	*n_r = n;
	return names;
}

static void files_read_directory(struct files *f, const char *path)
{
	DIR *dir = opendir(path);
	size_t n, length = strlen(path);
	struct stat st;
	char **names;

	if (!dir) {
		files_fault(f, path, "%s, expected a readable directory", strerror(errno));
		return;
	}
	names = files_names(f, dir, path, &n);
	closedir(dir);
	if (n > FILES_MAX)
		files_fault(f, path, "too many files, expected at most %d", FILES_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *file = arena_printf(
		    f->config->arena, "%s%s%s", path, length && path[length - 1] == '/' ? "" : "/", names[i]);

		if (n > FILES_MAX)
			continue;
		if (!stat(file, &st) && S_ISDIR(st.st_mode))
			finding_add(f->config, FINDING_NOTE, (struct place){ file, 0, 0 },
			    "a directory in a directory is not read");
		else
			files_read_file(f, file);
	}
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void files_read(struct files *f, const char *path)
{
	struct stat st;

	path = arena_text(f->config->arena, path);
	if (stat(path, &st))
		files_fault(f, path, "%s, expected a YAML file or a directory of them", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		files_read_directory(f, path);
	else
		files_read_file(f, path);
}
