/* A command started beside the bridge: fork and exec, its output line by line, its end. */
#include "bridge/child.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/loop.h"

enum { LINE_MAX_BYTES = 16384, READ_BYTES = 4096, CODE_SIGNAL = 128, CODE_NOT_FOUND = 127 };

struct output {
	struct child *child;
	struct watch *watch; /* NULL: at its end */
	int from, to;
	struct buf line;
};

struct child {
	const char *name;
	pid_t pid;
	bool ended;
	struct output out, err;
	void (*fn)(void *, int);
	void *arg;
};

extern char **environ;

/* Ours first, then what of the own environment they do not name. */
static char **environment_new(char **ours)
{
	size_t n = 0, n_ours = 0, n_own = 0;
	char **list;

	while (ours[n_ours])
		n_ours++;
	while (environ[n_own])
		n_own++;
	list = mem_new((n_ours + n_own + 1) * sizeof(*list));
	for (; n < n_ours; n++)
		list[n] = ours[n];
	for (size_t i = 0; i < n_own; i++) {
		bool named = false;

		for (size_t j = 0; j < n_ours && !named; j++)
			named = !strncmp(ours[j], environ[i], strcspn(ours[j], "=") + 1);
		if (!named)
			list[n++] = environ[i];
	}
	return list;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(fd, p, n);

		if (wrote < 0 && errno != EINTR)
			return; /* nobody reads us: that does not stop the events */
		if (wrote > 0) {
			p += wrote;
			n -= (size_t)wrote;
		}
	}
}

static void output_line(struct output *o, const char *p, size_t n)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s | ", o->child->name);
	buf_add(&line, p, n);
	buf_text(&line, "\n");
	write_all(o->to, line.p, line.n);
	buf_free(&line);
}

static void output_lines(struct output *o, bool all)
{
	size_t at = 0;
	const char *end;

	while (o->line.n > at && (end = memchr(o->line.p + at, '\n', o->line.n - at))) {
		output_line(o, o->line.p + at, (size_t)(end - o->line.p) - at);
		at = (size_t)(end - o->line.p) + 1;
	}
	if (o->line.n > at && (all || o->line.n - at > LINE_MAX_BYTES)) {
		output_line(o, o->line.p + at, o->line.n - at);
		at = o->line.n;
	}
	if (at > 0)
		memmove(o->line.p, o->line.p + at, o->line.n - at);
	o->line.n -= at;
}

static void output_close(struct output *o)
{
	if (!o->watch)
		return;
	output_lines(o, true);
	watch_free(o->watch);
	o->watch = NULL;
	close(o->from);
}

static void output_read(void *arg, unsigned ready)
{
	struct output *o = arg;
	ssize_t n;

	(void)ready;
	while ((n = read(o->from, buf_room(&o->line, READ_BYTES), READ_BYTES)) > 0) {
		o->line.n += (size_t)n;
		output_lines(o, false);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		output_close(o);
}

static void output_open(struct output *o, struct child *c, struct loop *loop, int from)
{
	o->child = c;
	o->from = from;
	fcntl(from, F_SETFL, O_NONBLOCK);
	o->watch = watch_new(loop, from, output_read, o);
	watch_want(o->watch, WATCH_READ);
}

/* Any child's end: ours?  What it said last is read before its end is told. */
static void child_reap(void *arg, int signo)
{
	struct child *c = arg;
	int status;

	(void)signo;
	if (c->ended || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	c->ended = true;
	for (struct output *o = &c->out; o <= &c->err; o++)
		if (o->watch)
			output_read(o, WATCH_READ);
	c->fn(c->arg, WIFEXITED(status) ? WEXITSTATUS(status) : CODE_SIGNAL + WTERMSIG(status));
}

/* Between fork and exec: only calls that are allowed while other threads hold locks. */
static _Noreturn void child_become(char **argv, char **environment, const int out[2], int err, int fault)
{
	int null = open("/dev/null", O_RDONLY);
	int code;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* ignored here, and that would be inherited */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(null, STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execvpe(argv[0], argv, environment);
	code = errno;
	_exit(write(fault, &code, sizeof(code)) == sizeof(code) ? CODE_NOT_FOUND : CODE_NOT_FOUND - 1);
}

/* 0, or the errno that kept it from running. */
static int child_fork(struct child *c, const struct child_options *options, const int out[2], int err)
{
	char **environment = environment_new(options->environment);
	int fault[2], code = 0;

	if (pipe2(fault, O_CLOEXEC) < 0) {
		free(environment);
		return errno;
	}
	c->pid = fork();
	if (c->pid == 0)
		child_become(options->argv, environment, out, err, fault[1]);
	code = c->pid < 0 ? errno : 0;
	close(fault[1]);
	free(environment);
	if (c->pid > 0) {
		setpgid(c->pid, c->pid);
		if (read(fault[0], &code, sizeof(code)) > 0)
			waitpid(c->pid, NULL, 0);
	}
	close(fault[0]);
	return code;
}

struct child *child_start(
    struct loop *loop, const struct child_options *options, void (*ended)(void *, int), void *arg, struct error *error)
{
	struct child *c = mem_new(sizeof(*c));
	int out[2], err[2], code;

	c->name = options->name;
	c->fn = ended;
	c->arg = arg;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
		error_set(error, ERR_IO, "%s: no pipe: %s", options->argv[0], strerror(errno));
		free(c);
		return NULL;
	}
	code = child_fork(c, options, out, err[1]);
	close(out[1]);
	close(err[1]);
	if (code) {
		close(out[0]);
		close(err[0]);
		free(c);
		error_set(error, ERR_IO, "%s: cannot be started: %s", options->argv[0], strerror(code));
		return NULL;
	}
	c->out.to = STDOUT_FILENO;
	c->err.to = STDERR_FILENO;
	output_open(&c->out, c, loop, out[0]);
	output_open(&c->err, c, loop, err[0]);
	loop_on_signal(loop, SIGCHLD, child_reap, c);
	kill(getpid(), SIGCHLD); /* it may have ended before that was asked for */
	return c;
}

bool child_runs(const struct child *c)
{
	return c && !c->ended;
}

void child_signal(struct child *c, int signo)
{
	if (child_runs(c))
		kill(-c->pid, signo);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	child_signal(c, SIGKILL);
	output_close(&c->out);
	output_close(&c->err);
	buf_free(&c->out.line);
	buf_free(&c->err.line);
	free(c);
}
