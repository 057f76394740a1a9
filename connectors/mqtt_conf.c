/* From rows to what one connection of the library needs: the URL taken apart, PEM texts as files in memory. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bridge/json_scan.h"
#include "connectors/mqtt.h"

struct scheme {
	const char *name, *paho;
	bool tls;
	int port;
};

static const struct scheme schemes[] = {
	{ "mqtt", "tcp", false, 1883 },
	{ "tcp", "tcp", false, 1883 },
	{ "mqtts", "ssl", true, 8883 },
	{ "ssl", "ssl", true, 8883 },
	{ "tls", "ssl", true, 8883 },
	{ "tcps", "ssl", true, 8883 },
	{ "ws", "ws", false, 80 },
	{ "wss", "wss", true, 443 },
};

static const struct scheme *scheme_find(const char *url, const char **rest_r)
{
	const char *colon = strstr(url, "://");
	size_t n = colon ? (size_t)(colon - url) : 0;

	*rest_r = colon ? colon + 3 : url;
	if (colon == NULL)
		return &schemes[0];
	for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].name) == n && strncasecmp(schemes[i].name, url, n) == 0)
			return &schemes[i];
	return NULL;
}

/* The part before the path: host, host:port, [v6], [v6]:port. */
static bool authority_fits(const char *p, size_t n, bool *has_port_r)
{
	const char *end = n > 0 && *p == '[' ? memchr(p, ']', n) : memchr(p, ':', n);
	size_t host = end ? (size_t)(end - p) + (*p == '[') : n;
	uint64_t port = 0;

	*has_port_r = host < n;
	if (host == 0 || (*p == '[' && end == NULL))
		return false;
	if (host == n)
		return true;
	return p[host] == ':' && slice_uint((struct slice){ p + host + 1, n - host - 1 }, &port) && port > 0 &&
	    port <= 65535;
}

static char *text_part(const char *p, size_t n)
{
	return n ? mem_slice((struct slice){ p, n }) : NULL;
}

int mqtt_url_parse(struct mqtt_url *u, const struct mqtt_rows *rows, struct error *err)
{
	const char *rest, *at, *colon;
	const struct scheme *scheme = scheme_find(rows->url, &rest);
	size_t n;
	struct buf uri = { 0 };
	bool has_port;

	*u = (struct mqtt_url){ 0 };
	if (scheme == NULL)
		return error_set(err, ERR_CONFIG, "url: no such scheme, expected mqtt://, mqtts://, ws:// or wss://");
	n = strcspn(rest, "/");
	at = memrchr(rest, '@', n);
	if (at) {
		colon = memchr(rest, ':', (size_t)(at - rest));
		u->user = text_part(rest, (size_t)((colon ? colon : at) - rest));
		u->password = colon ? text_part(colon + 1, (size_t)(at - colon - 1)) : NULL;
		n -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	if (!authority_fits(rest, n, &has_port)) {
		mqtt_url_free(u);
		return error_set(err, ERR_CONFIG, "url: expected such as mqtt://127.0.0.1:1883");
	}
	u->host = mem_slice((struct slice){ rest, n });
	u->tls = scheme->tls;
	buf_printf(&uri, "%s://%.*s", scheme->paho, (int)n, rest);
	if (!has_port)
		buf_printf(&uri, ":%d", scheme->port);
	if (scheme->paho[0] == 'w')
		buf_text(&uri, rest + n);
	buf_add(&uri, "", 1);
	u->uri = uri.p;
	if (rows->username) {
		free(u->user);
		u->user = mem_text(rows->username);
	}
	if (rows->password) {
		free(u->password);
		u->password = mem_text(rows->password);
	}
	return 0;
}

void mqtt_url_free(struct mqtt_url *u)
{
	free(u->uri);
	free(u->host);
	free(u->user);
	if (u->password)
		explicit_bzero(u->password, strlen(u->password));
	free(u->password);
	*u = (struct mqtt_url){ 0 };
}

static int pem_check(const char *row, const char *text, struct error *err)
{
	if (text == NULL || *text == '\0' || strstr(text, "-----BEGIN "))
		return 0;
	return error_set(err, ERR_CONFIG, "%s: no PEM text, expected one that begins with -----BEGIN", row);
}

static bool given(const char *text)
{
	return text && *text;
}

int mqtt_rows_check(const struct mqtt_rows *r, struct error *err)
{
	struct mqtt_url url;
	const char *wrong = given(r->topic) ? mqtt_filter_wrong(r->topic) : NULL;

	if (!given(r->url))
		return error_set(err, ERR_CONFIG, "url: missing, expected such as mqtt://127.0.0.1:1883");
	if (mqtt_url_parse(&url, r, err) == -1)
		return -1;
	mqtt_url_free(&url);
	if (wrong)
		return error_set(err, ERR_CONFIG, "topic: %s", wrong);
	if (given(r->will_topic) && (wrong = mqtt_topic_wrong(slice_text(r->will_topic))))
		return error_set(err, ERR_CONFIG, "willTopic: %s", wrong);
	if (r->ack == MQTT_ACK_STORED)
		return error_set(err, ERR_CONFIG,
		    "ack: stored needs a durable store, which is not part of this version; expected delivered");
	if (given(r->cert) != given(r->key))
		return error_set(err, ERR_CONFIG, "%s: goes together with %s, which is missing",
		    given(r->cert) ? "clientCert" : "clientKey", given(r->cert) ? "clientKey" : "clientCert");
	if (pem_check("caCert", r->ca, err) == -1 || pem_check("clientCert", r->cert, err) == -1)
		return -1;
	return pem_check("clientKey", r->key, err);
}

/* The library reads certificates from files only: one in memory, which no other process sees. */
static int pem_file(const char *name, const char *text, int *fd_r, struct error *err)
{
	size_t n = text ? strlen(text) : 0;

	*fd_r = -1;
	if (n == 0)
		return 0;
	*fd_r = memfd_create(name, MFD_CLOEXEC);
	if (*fd_r < 0 || write(*fd_r, text, n) != (ssize_t)n)
		return error_set(err, ERR_IO, "mqtt: no room in memory for %s", name);
	return 0;
}

static uint32_t seconds(int64_t ms)
{
	int64_t s = (ms + 999) / 1000;

	return s >= UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void dial_session(struct mqtt_dial *d, const struct mqtt *m)
{
	const struct mqtt_rows *r = &m->rows;

	d->clean = r->clean_session || m->peek;
	if (!d->clean)
		d->session_expiry_s = r->session_expiry_ms ? seconds(r->session_expiry_ms) : UINT32_MAX;
	d->receive_maximum = (uint32_t)r->receive_maximum;
	d->max_packet = (uint32_t)r->max_packet;
}

struct mqtt_dial *mqtt_dial_new(const struct mqtt *m, const char *client_id, bool reads, struct error *err)
{
	const struct mqtt_rows *r = &m->rows;
	struct mqtt_dial *d = mem_new(sizeof(*d));

	d->files[0] = d->files[1] = d->files[2] = -1;
	if (mqtt_url_parse(&d->url, r, err) == -1 || pem_file("caCert", r->ca, &d->files[0], err) == -1 ||
	    pem_file("clientCert", r->cert, &d->files[1], err) == -1 ||
	    pem_file("clientKey", r->key, &d->files[2], err) == -1) {
		mqtt_dial_free(d);
		return NULL;
	}
	d->client_id = mem_text(client_id);
	d->version = r->version == MQTT_V5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	d->skip_verify = r->skip_verify;
	d->keep_alive_s = (int)seconds(r->keep_alive_ms);
	d->connect_s = (int)seconds(r->connect_ms);
	d->clean = true;
	if (reads)
		dial_session(d, m);
	if (given(r->will_topic) && (reads || m->reader == NULL)) {
		d->will_topic = mem_text(r->will_topic);
		d->will_payload = mem_text(r->will_payload);
		d->will_qos = (int)r->will_qos;
		d->will_retain = r->will_retain;
	}
	return d;
}

void mqtt_dial_free(struct mqtt_dial *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < 3; i++)
		if (d->files[i] >= 0)
			close(d->files[i]);
	mqtt_url_free(&d->url);
	free(d->client_id);
	free(d->will_topic);
	free(d->will_payload);
	free(d);
}
