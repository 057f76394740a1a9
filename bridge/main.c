/* bridge: the command line. */
#include <stdio.h>

#include "bridge/error.h"
#include "bridge/help.h"
#include "bridge/outlook.h"
#include "bridge/run.h"
#include "bridge/send.h"
#include "bridge/tail.h"
#include "bridge/top.h"
#include "bridge/version.h"

enum { EXIT_START = 1, EXIT_CHECK = 2 };

static int check(const struct config *config, bool print)
{
	config_print_findings(config, true);
	if (print && !config->n_errors)
		config_print(config);
	if (!config->n_errors)
		config_print_subscriptions(config);
	config_print_summary(config);
	return config->n_errors ? EXIT_CHECK : 0;
}

static int start(struct config *config, const struct command *command)
{
	config_print_findings(config, false);
	if (config->n_errors)
		return EXIT_START;
	return command->verb == COMMAND_SEND ? send_events(config, command)
	    : command->verb == COMMAND_TAIL  ? tail_events(config, command)
					     : run(config, command);
}

int main(int argc, char **argv)
{
	struct error err = { ERR_NONE, "" };
	struct command command;
	struct config *config;
	int rc = 0;

	if (command_parse(&command, argc, argv, &err) == -1) {
		fprintf(stderr, "bridge: %s\n", err.text);
		return EXIT_START;
	}
	switch (command.verb) {
	case COMMAND_VERSION: puts("bridge " BRIDGE_VERSION); break;
	case COMMAND_TOP: rc = top(command.admin, command.once); break;
	case COMMAND_SCALER: rc = outlook(&command); break;
	case COMMAND_HELP:
		if (command.n_words == 0)
			command_help();
		else
			rc = help_print(command.words[0]) == -1 ? EXIT_START : 0;
		break;
	case COMMAND_CHECK:
	case COMMAND_RUN:
	case COMMAND_SEND:
	case COMMAND_TAIL:
		config = config_load(&command);
		rc = command.verb == COMMAND_CHECK ? check(config, command.print) : start(config, &command);
		config_free(config);
		break;
	}
	command_free(&command);
	return rc;
}
