/* Watching lag: what the group committed, and where partitions end and begin. */
#include "connectors/kafka_watch.h"

void kafka_watcher_commits_free(struct kafka_watcher *w)
{
	if (w->commits)
		rd_kafka_topic_partition_list_destroy(w->commits);
	w->commits = NULL;
}

static rd_kafka_topic_partition_list_t *parts_list(const struct kafka_watcher *w, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)w->n_parts + 1);

	for (unsigned i = 0; i < w->n_parts; i++)
		rd_kafka_topic_partition_list_add(list, w->topics[w->parts[i].topic].name, w->parts[i].number)->offset =
		    offset;
	return list;
}

/* The client has the group's name and is not in it.  (Version 2.0.2 can ask about other groups too, by an admin
 * request, and breaks down when there is no coordinator for a moment.) */
int kafka_watcher_commits(struct kafka_watcher *w)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	kafka_watcher_commits_free(w);
	w->commits = parts_list(w, RD_KAFKA_OFFSET_INVALID);
	if (w->n_parts)
		code = rd_kafka_committed(w->rk, w->commits, KAFKA_PATIENCE_MS);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_watcher_fail(w, "what the group committed", code);
}

/* The answer keeps the order of the question. */
int kafka_watcher_offsets(struct kafka_watcher *w, bool ends)
{
	rd_kafka_topic_partition_list_t *list = parts_list(w, ends ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING);
	rd_kafka_resp_err_t code =
	    list->cnt ? rd_kafka_offsets_for_times(w->rk, list, KAFKA_PATIENCE_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;

	for (unsigned i = 0; i < w->n_parts && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		const rd_kafka_topic_partition_t *at = &list->elems[i];
		struct kafka_part *p = &w->parts[i];
		bool known = at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0;

		p->known = ends ? known : p->known && known;
		if (known && ends)
			p->end = at->offset;
		else if (known)
			p->start = at->offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return kafka_watcher_fail(w, ends ? "the partitions' ends" : "the partitions' beginnings", code);
}
