/* For configuration tests: files in a directory of their own, loaded, and what was found. */
#include "tests/unit/config_files.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/error.h"

enum { ARGUMENTS = 16, TEXT = 2048 };

static char directory[64];
static struct config *loaded;

int files_setup(void **state)
{
	(void)state;
	unsetenv("NAMESPACE");
	unsetenv("POD_NAME");
	strcpy(directory, "/tmp/bridge-config-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

int files_teardown(void **state)
{
	DIR *d = opendir(directory);
	const struct dirent *e;

	(void)state;
	config_free(loaded);
	loaded = NULL;
	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remove(files_path(e->d_name));
	closedir(d);
	return rmdir(directory);
}

const char *files_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

void files_write_bytes(const char *name, const char *p, size_t n)
{
	FILE *f = fopen(files_path(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

void files_write(const char *name, const char *text)
{
	files_write_bytes(name, text, strlen(text));
}

const struct config *load_with(const char *const *arguments)
{
	char *argv[ARGUMENTS + 1] = { "bridge" }, texts[ARGUMENTS][600];
	struct error e = { ERR_NONE, "" };
	struct command c;
	int argc = 1;

	for (; arguments[argc - 1]; argc++) {
		const char *a = arguments[argc - 1], *percent = strchr(a, '%');

		assert_true(argc < ARGUMENTS);
		if (percent)
			snprintf(texts[argc], sizeof(texts[argc]), "%.*s%s%s", (int)(percent - a), a, directory,
			    percent + 1);
		else
			snprintf(texts[argc], sizeof(texts[argc]), "%s", a);
		argv[argc] = texts[argc];
	}
	if (command_parse(&c, argc, argv, &e))
		fail_msg("%s", e.text);
	config_free(loaded);
	loaded = config_load(&c);
	command_free(&c);
	return loaded;
}

const struct config *load(const char *text)
{
	files_write("a.yaml", text);
	return load_with((const char *const[]){ "--config", "%/a.yaml", NULL });
}

static const char *finding_line(const struct finding *f)
{
	static char line[TEXT];
	const char *file = f->place.file ? f->place.file : "command line";

	if (!strncmp(file, directory, strlen(directory)) && file[strlen(directory)] == '/')
		file += strlen(directory) + 1;
	snprintf(line, sizeof(line), "%s:%u:%u: %s", file, f->place.line, f->place.column, f->text);
	return line;
}

static bool found(enum severity severity, const char *text)
{
	for (unsigned i = 0; i < loaded->n_findings; i++)
		if (loaded->findings[i].severity == severity && strstr(finding_line(&loaded->findings[i]), text))
			return true;
	return false;
}

static void findings_show(void)
{
	for (unsigned i = 0; i < loaded->n_findings; i++)
		print_error("  found (%d): %s\n", loaded->findings[i].severity, finding_line(&loaded->findings[i]));
}

void assert_found(enum severity severity, const char *expected)
{
	if (found(severity, expected))
		return;
	findings_show();
	fail_msg("no finding of severity %d says \"%s\"", severity, expected);
}

void assert_not_found(enum severity severity, const char *text)
{
	if (!found(severity, text))
		return;
	findings_show();
	fail_msg("a finding of severity %d says \"%s\"", severity, text);
}

void assert_clean(void)
{
	if (loaded->n_errors == 0 && !found(FINDING_WARNING, ""))
		return;
	findings_show();
	fail_msg("findings, expected none");
}
