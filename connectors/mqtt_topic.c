/* Topic names and filters of MQTT: which are allowed, and which name a filter fits. */
#include <string.h>
#include "bridge/json_scan.h"
#include "connectors/mqtt.h"

enum { TOPIC_MAX = 65535 };

struct slice mqtt_filter_bare(const char *filter)
{
	const char *group = strncmp(filter, "$share/", 7) == 0 ? strchr(filter + 7, '/') : NULL;

	return slice_text(group ? group + 1 : filter);
}

/* One level off the front; false: none is left. */
static bool level_next(struct slice *rest, struct slice *level_r)
{
	const char *slash;

	if (rest->p == NULL)
		return false;
	slash = memchr(rest->p, '/', rest->n);
	*level_r = (struct slice){ rest->p, slash ? (size_t)(slash - rest->p) : rest->n };
	*rest = slash ? (struct slice){ slash + 1, rest->n - level_r->n - 1 } : (struct slice){ NULL, 0 };
	return true;
}

bool mqtt_topic_fits(struct slice filter, struct slice topic)
{
	struct slice want, have;

	if (topic.n && topic.p[0] == '$' && filter.n && (filter.p[0] == '+' || filter.p[0] == '#'))
		return false; /* a broker's own topics are only read by name */
	while (level_next(&filter, &want)) {
		if (want.n == 1 && want.p[0] == '#')
			return true;
		if (!level_next(&topic, &have))
			return false;
		if (!(want.n == 1 && want.p[0] == '+') && !slice_equal(want, have))
			return false;
	}
	return topic.p == NULL;
}

static const char *text_wrong(struct slice text)
{
	if (text.n == 0)
		return "empty, a name was expected";
	if (text.n > TOPIC_MAX)
		return "longer than 65,535 bytes";
	if (memchr(text.p, '\0', text.n) || !utf8_ok(text))
		return "UTF-8 without NUL was expected";
	return NULL;
}

const char *mqtt_filter_wrong(const char *filter)
{
	struct slice rest = mqtt_filter_bare(filter), level;
	const char *wrong = text_wrong(rest);

	if (strncmp(filter, "$share/", 7) == 0 && (rest.p == filter || rest.p == filter + 8))
		return "$share/GROUP/FILTER was expected";
	while (wrong == NULL && level_next(&rest, &level)) {
		if (level.n > 1 && (memchr(level.p, '+', level.n) || memchr(level.p, '#', level.n)))
			wrong = "+ and # stand for a whole level, as in a/+/b";
		else if (level.n == 1 && level.p[0] == '#' && rest.p)
			wrong = "# only stands at the end";
	}
	return wrong;
}

const char *mqtt_topic_wrong(struct slice topic)
{
	if (topic.n && (memchr(topic.p, '+', topic.n) || memchr(topic.p, '#', topic.n)))
		return "a name with + or # cannot be published to";
	return text_wrong(topic);
}
