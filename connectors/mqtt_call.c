/* Connections of the library: made and ended on a link's thread, told of by callbacks on threads of its own. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "connectors/mqtt.h"

enum { GOODBYE_MS = 2000, IN_FLIGHT = 100, BUFFERED = 1000 };

static void call_why(struct mqtt_link *l, const char *text)
{
	pthread_mutex_lock(&l->lock);
	snprintf(l->why, sizeof(l->why), "%s", text);
	pthread_mutex_unlock(&l->lock);
}

static char *call_last_words(struct mqtt_link *l, const char *otherwise)
{
	char *text;

	pthread_mutex_lock(&l->lock);
	text = mem_text(l->why[0] ? l->why : otherwise);
	l->why[0] = '\0';
	pthread_mutex_unlock(&l->lock);
	return text;
}

static const char *refusal(int code)
{
	switch (code) {
	case 1: return "the broker does not speak this version of the protocol (protocolVersion)";
	case 2: return "the broker does not take this client id (consumerID)";
	case 3: return "the broker says it is not available";
	case 4: return "the broker does not take this username and password";
	case 5: return "the broker does not allow this client to connect";
	default: return NULL;
	}
}

static void on_tls(const char *line, size_t n, struct mqtt_link *l)
{
	char text[200];
	const char *from = line;

	if (n > 0 && line[n - 1] == '\n')
		n--;
	for (unsigned colons = 0; colons < 5 && from; colons++) /* thread:error:number:library:function:reason */
		from = memchr(from, ':', n - (size_t)(from - line)), from = from ? from + 1 : NULL;
	if (from == NULL)
		from = line;
	snprintf(text, sizeof(text), "TLS: %.*s", (int)(n - (size_t)(from - line)), from);
	call_why(l, text);
}

static int on_tls_error(const char *line, size_t n, void *link)
{
	on_tls(line, n, link);
	return 1;
}

static void on_lost(void *link, char *cause)
{
	struct mqtt_link *l = link;
	int reason;

	atomic_store(&l->socket, -1);
	mqtt_acks_forget(&l->acks);
	pthread_mutex_lock(&l->lock);
	reason = l->reason;
	l->reason = 0;
	pthread_mutex_unlock(&l->lock);
	mqtt_link_tell(l,
	    (struct mqtt_report){ .news = MQTT_LOST,
		.reason = reason,
		.text = call_last_words(l, cause ? cause : "the connection broke") });
}

static void on_disconnected(void *link, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
	struct mqtt_link *l = link;
	char text[120];

	(void)properties;
	snprintf(text, sizeof(text), "the broker ended the connection: %s", MQTTReasonCode_toString(reason));
	call_why(l, text);
	pthread_mutex_lock(&l->lock);
	l->reason = (int)reason;
	pthread_mutex_unlock(&l->lock);
}

static void on_connected(void *link, MQTTAsync_successData *s)
{
	mqtt_link_tell(link,
	    (struct mqtt_report){
		.news = MQTT_CONNECTED, .session_present = s->alt.connect.sessionPresent, .max_qos = 2 });
}

static void on_connected5(void *link, MQTTAsync_successData5 *s)
{
	MQTTProperty *size = MQTTProperties_getPropertyAt(&s->properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 0);
	MQTTProperty *qos = MQTTProperties_getPropertyAt(&s->properties, MQTTPROPERTY_CODE_MAXIMUM_QOS, 0);

	mqtt_link_tell(link,
	    (struct mqtt_report){ .news = MQTT_CONNECTED,
		.session_present = s->alt.connect.sessionPresent,
		.max_packet = size ? size->value.integer4 : 0,
		.max_qos = qos ? qos->value.byte : 2 });
}

static void on_refused(void *link, MQTTAsync_failureData *f)
{
	const char *said = refusal(f->code);

	mqtt_link_tell(link,
	    (struct mqtt_report){ .news = MQTT_REFUSED,
		.failed = true,
		.code = f->code,
		.text = said ? mem_text(said) : call_last_words(link, f->message ? f->message : "no connection") });
}

static void on_refused5(void *link, MQTTAsync_failureData5 *f)
{
	char text[120];

	if (f->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
		snprintf(text, sizeof(text), "the broker refuses: %s", MQTTReasonCode_toString(f->reasonCode));
		call_why(link, text);
	}
	mqtt_link_tell(link,
	    (struct mqtt_report){ .news = MQTT_REFUSED,
		.failed = true,
		.code = f->code,
		.reason = (int)f->reasonCode,
		.text = call_last_words(link, f->message ? f->message : "no connection") });
}

/* --- connect and hang up --- */

static void dial_tls(struct mqtt_link *l, const struct mqtt_dial *d, MQTTAsync_SSLOptions *tls, char paths[3][32])
{
	for (unsigned i = 0; i < 3; i++)
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", d->files[i]);
	tls->enableServerCertAuth = !d->skip_verify;
	tls->verify = !d->skip_verify;
	tls->trustStore = d->files[0] >= 0 ? paths[0] : NULL;
	tls->disableDefaultTrustStore = d->files[0] >= 0;
	tls->keyStore = d->files[1] >= 0 ? paths[1] : NULL;
	tls->privateKey = d->files[2] >= 0 ? paths[2] : NULL;
	tls->ssl_error_cb = on_tls_error;
	tls->ssl_error_context = l;
}

static void property_number(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
	MQTTProperty p = { .identifier = code };

	if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
		p.value.integer2 = (unsigned short)value;
	else
		p.value.integer4 = value;
	MQTTProperties_add(properties, &p);
}

static int dial_start(struct mqtt_link *l, const struct mqtt_dial *d)
{
	MQTTAsync_connectOptions five = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions four = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions o = d->version == MQTTVERSION_5 ? five : four;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
	MQTTProperties properties = MQTTProperties_initializer;
	char paths[3][32];
	int rc;

	o.MQTTVersion = d->version;
	o.keepAliveInterval = d->keep_alive_s;
	o.connectTimeout = d->connect_s;
	o.maxInflight = IN_FLIGHT;
	o.username = d->url.user;
	o.password = d->url.password;
	o.context = l;
	if (d->will_topic) {
		will.topicName = d->will_topic;
		will.message = d->will_payload ? d->will_payload : "";
		will.qos = d->will_qos;
		will.retained = d->will_retain;
		o.will = &will;
	}
	dial_tls(l, d, &tls, paths);
	if (d->url.tls)
		o.ssl = &tls;
	if (d->version == MQTTVERSION_5) {
		o.cleanstart = d->clean;
		o.onSuccess5 = on_connected5;
		o.onFailure5 = on_refused5;
		if (d->session_expiry_s)
			property_number(&properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, d->session_expiry_s);
		if (d->receive_maximum)
			property_number(&properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, d->receive_maximum);
		if (d->max_packet)
			property_number(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, d->max_packet);
		o.connectProperties = &properties;
	} else {
		o.cleansession = d->clean;
		o.onSuccess = on_connected;
		o.onFailure = on_refused;
	}
	rc = MQTTAsync_connect(l->handle, &o);
	MQTTProperties_free(&properties);
	return rc;
}

void mqtt_call_connect(struct mqtt_link *l, struct mqtt_job *job)
{
	MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
	int rc;

	mqtt_call_hang_up(l);
	mqtt_acks_forget(&l->acks);
	pthread_mutex_lock(&l->lock);
	l->connection = job->connection;
	l->why[0] = '\0';
	l->reason = 0;
	pthread_mutex_unlock(&l->lock);
	l->dial = job->dial;
	create.MQTTVersion = l->dial->version;
	create.maxBufferedMessages = BUFFERED;
	rc = MQTTAsync_createWithOptions(
	    &l->handle, l->dial->url.uri, l->dial->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setCallbacks(l->handle, l, on_lost, mqtt_on_message, NULL);
	if (rc == MQTTASYNC_SUCCESS && l->dial->version == MQTTVERSION_5)
		rc = MQTTAsync_setDisconnected(l->handle, l, on_disconnected);
	if (rc == MQTTASYNC_SUCCESS)
		rc = dial_start(l, l->dial);
	if (rc != MQTTASYNC_SUCCESS)
		mqtt_link_tell(l,
		    (struct mqtt_report){
			.news = MQTT_REFUSED, .failed = true, .code = rc, .text = mem_text(MQTTAsync_strerror(rc)) });
}

static void on_hung_up(struct mqtt_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->hung_up = true;
	pthread_cond_broadcast(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

static void on_goodbye(void *link, MQTTAsync_successData *s)
{
	(void)s;
	on_hung_up(link);
}

static void on_goodbye_failed(void *link, MQTTAsync_failureData *f)
{
	(void)f;
	on_hung_up(link);
}

static void on_goodbye5(void *link, MQTTAsync_successData5 *s)
{
	(void)s;
	on_hung_up(link);
}

static void on_goodbye_failed5(void *link, MQTTAsync_failureData5 *f)
{
	(void)f;
	on_hung_up(link);
}

static void call_goodbye(struct mqtt_link *l)
{
	MQTTAsync_disconnectOptions o = MQTTAsync_disconnectOptions_initializer;
	struct timespec until;

	o.context = l;
	if (l->dial->version == MQTTVERSION_5) {
		o.onSuccess5 = on_goodbye5;
		o.onFailure5 = on_goodbye_failed5;
	} else {
		o.onSuccess = on_goodbye;
		o.onFailure = on_goodbye_failed;
	}
	l->hung_up = false;
	if (MQTTAsync_disconnect(l->handle, &o) != MQTTASYNC_SUCCESS)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GOODBYE_MS / 1000;
	pthread_mutex_lock(&l->lock);
	while (!l->hung_up && pthread_cond_timedwait(&l->cond, &l->lock, &until) == 0)
		;
	pthread_mutex_unlock(&l->lock);
}

void mqtt_call_hang_up(struct mqtt_link *l)
{
	if (l->handle) {
		if (MQTTAsync_isConnected(l->handle))
			call_goodbye(l);
		MQTTAsync_destroy(&l->handle);
	}
	l->handle = NULL;
	atomic_store(&l->socket, -1);
	mqtt_packages_free(l);
	mqtt_dial_free(l->dial);
	l->dial = NULL;
}
