/* A link: the thread that makes the library's calls, what it is asked to do, and what came of it. */
#include <assert.h>
#include <string.h>
#include "connectors/mqtt.h"

enum { REPORTS_FIRST = 64 };

void mqtt_report_free(struct mqtt_report *r)
{
	if (r->message)
		MQTTAsync_freeMessage(&r->message);
	if (r->topic)
		MQTTAsync_free(r->topic);
	free(r->text);
	free(r->granted);
}

void mqtt_link_tell(struct mqtt_link *l, struct mqtt_report report)
{
	struct mqtt_reports *r = &l->reports;
	bool first;

	pthread_mutex_lock(&l->lock);
	report.connection = l->connection;
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : REPORTS_FIRST;
		r->items = mem_grow(r->items, r->cap * sizeof(*r->items));
	}
	r->items[r->n++] = report;
	first = !l->woken;
	l->woken = true;
	pthread_mutex_unlock(&l->lock);
	if (first)
		wake(l->wake);
}

struct mqtt_reports mqtt_link_take(struct mqtt_link *l)
{
	struct mqtt_reports taken;

	pthread_mutex_lock(&l->lock);
	taken = l->reports;
	l->reports = (struct mqtt_reports){ 0 };
	l->woken = false;
	pthread_mutex_unlock(&l->lock);
	return taken;
}

static void job_run(struct mqtt_link *l, struct mqtt_job *job)
{
	switch (job->errand) {
	case MQTT_DO_CONNECT: mqtt_call_connect(l, job); break;
	case MQTT_DO_SUBSCRIBE: mqtt_call_subscribe(l, job); break;
	case MQTT_DO_UNSUBSCRIBE: mqtt_call_unsubscribe(l, job); break;
	case MQTT_DO_PUBLISH: mqtt_call_publish(l, job); break;
	case MQTT_DO_HANG_UP:
	case MQTT_DO_END: mqtt_call_hang_up(l); break;
	}
}

static void job_free(struct mqtt_job *job)
{
	free(job->filters);
	free(job->qos);
	free(job);
}

static void *link_thread(void *arg)
{
	struct mqtt_link *l = arg;
	bool ends = false;

	while (!ends) {
		struct mqtt_job *jobs, *next;

		pthread_mutex_lock(&l->lock);
		while (l->jobs == NULL)
			pthread_cond_wait(&l->cond, &l->lock);
		jobs = l->jobs;
		l->jobs = NULL;
		l->jobs_end = &l->jobs;
		pthread_mutex_unlock(&l->lock);
		for (; jobs; jobs = next) {
			next = jobs->next;
			job_run(l, jobs);
			ends = ends || jobs->errand == MQTT_DO_END;
			job_free(jobs);
		}
	}
	mqtt_link_tell(l, (struct mqtt_report){ .news = MQTT_ENDED });
	return NULL;
}

static void link_ask(struct mqtt_link *l, struct mqtt_job job)
{
	struct mqtt_job *copy = mem_new(sizeof(*copy));
	bool first;

	*copy = job;
	pthread_mutex_lock(&l->lock);
	first = l->jobs == NULL;
	*l->jobs_end = copy;
	l->jobs_end = &copy->next;
	if (first)
		pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

struct mqtt_link *mqtt_link_new(struct mqtt *m, const char *client_id, void (*fn)(void *), void *arg)
{
	struct mqtt_link *l = mem_new(sizeof(*l));
	int rc;

	l->mqtt = m;
	l->client_id = mem_text(client_id);
	l->jobs_end = &l->jobs;
	l->most_bytes = (size_t)m->rows.waiting_bytes;
	l->most_events = (size_t)m->rows.waiting_events;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->cond, NULL);
	mqtt_acks_init(&l->acks);
	mqtt_flow_add(l);
	l->wake = wake_new(m->base.loop, fn, arg);
	rc = pthread_create(&l->thread, NULL, link_thread, l);
	assert(rc == 0);
	return l;
}

void mqtt_link_connect(struct mqtt_link *l, struct mqtt_dial *dial, unsigned connection)
{
	link_ask(l, (struct mqtt_job){ .errand = MQTT_DO_CONNECT, .dial = dial, .connection = connection });
}

static struct mqtt_job filters_job(enum mqtt_errand errand, const char *const *filters, unsigned n)
{
	struct mqtt_job job = { .errand = errand, .n = n };
	size_t size = n * sizeof(char *);
	char *at;

	for (unsigned i = 0; i < n; i++)
		size += strlen(filters[i]) + 1;
	job.filters = mem_new(size);
	at = (char *)&job.filters[n];
	for (unsigned i = 0; i < n; i++) {
		job.filters[i] = at;
		at = stpcpy(at, filters[i]) + 1;
	}
	return job;
}

void mqtt_link_subscribe(struct mqtt_link *l, const struct mqtt_wish *wishes, unsigned n, int qos)
{
	const char **filters = mem_new(n * sizeof(*filters));
	struct mqtt_job job;

	for (unsigned i = 0; i < n; i++)
		filters[i] = wishes[i].subscription->topic;
	job = filters_job(MQTT_DO_SUBSCRIBE, filters, n);
	job.qos = mem_new(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		job.qos[i] = qos;
	free(filters);
	link_ask(l, job);
}

void mqtt_link_unsubscribe(struct mqtt_link *l, const char *filter)
{
	link_ask(l, filters_job(MQTT_DO_UNSUBSCRIBE, &filter, 1));
}

void mqtt_link_publish(struct mqtt_link *l, struct mqtt_package *package)
{
	link_ask(l, (struct mqtt_job){ .errand = MQTT_DO_PUBLISH, .package = package });
}

void mqtt_link_hang_up(struct mqtt_link *l)
{
	link_ask(l, (struct mqtt_job){ .errand = MQTT_DO_HANG_UP });
}

void mqtt_link_end(struct mqtt_link *l)
{
	link_ask(l, (struct mqtt_job){ .errand = MQTT_DO_END });
}

void mqtt_link_free(struct mqtt_link *l)
{
	struct mqtt_reports left;

	pthread_join(l->thread, NULL);
	mqtt_flow_remove(l);
	wake_free(l->wake);
	left = mqtt_link_take(l);
	for (unsigned i = 0; i < left.n; i++)
		mqtt_report_free(&left.items[i]);
	free(left.items);
	mqtt_acks_free(&l->acks);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	free(l->client_id);
	free(l);
}
