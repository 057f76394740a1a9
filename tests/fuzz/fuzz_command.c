/* The command line, a line an argument: refused with a word, or settings that fill the process. */
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/config/config.h"
#include "tests/fuzz/fuzz.h"

enum { ARGUMENTS_MAX = 64 };

static void check_command(struct command *c, unsigned n)
{
	struct config *config;

	assert(c->n_settings <= n + 4 && c->n_ignored <= n + 4 && c->n_config_paths + c->n_resource_paths <= n);
	for (unsigned i = 0; i < c->n_settings; i++)
		assert(process_row(c->settings[i].name) && c->settings[i].value);
	for (unsigned i = 0; i < c->n_ignored; i++)
		assert(*c->ignored[i]);
	/* what was named is not read: an input must not reach for files of the machine */
	c->n_config_paths = c->n_resource_paths = 0;
	config = config_load(c);
	assert(config->n_functions == 1 && *config->functions[0].rows.app_id);
	config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice rest = { (const char *)p, n };
	char *argv[ARGUMENTS_MAX + 1] = { mem_text("bridge") };
	struct command command;
	struct error e = { 0 };
	int argc = 1;

	while (rest.n && argc < ARGUMENTS_MAX)
		argv[argc++] = mem_slice(input_line(&rest));
	if (command_parse(&command, argc, argv, &e) == 0) {
		assert(e.code == ERR_NONE);
		check_command(&command, (unsigned)argc);
		command_free(&command);
	} else {
		assert(e.code != ERR_NONE && e.code != ERR_BUG && *e.text);
	}
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return 0;
}
