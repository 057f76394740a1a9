/* Stands in for the links of the MQTT connector: records what they are asked, says what a broker would. */
#ifndef TESTS_FAKE_LINK_H
#define TESTS_FAKE_LINK_H
#include "connectors/mqtt.h"

enum { FAKE_PACKAGES = 512 };

struct fake_link {
	struct mqtt_link link;
	void		(*fn)(void *);
	void		*arg;
	unsigned	 connection, n_connects, n_subscribes, n_hang_ups, n_ends;
	char		*unsubscribed;
	bool		 clean, will;	/* as last dialled */
	char		 client_id[100];
	struct {
		uint64_t number;
		int	 qos, properties;
		bool	 retain;
		char	 topic[100], payload[100];
	} out[FAKE_PACKAGES];
	unsigned	 n_out;
};

extern struct fake_link *fake_reader, *fake_writer;

void fake_says(struct fake_link *, struct mqtt_report);	/* over the connection there is */
void fake_connected(struct fake_link *, bool session_present);
void fake_subscribed(struct fake_link *, const char *granted);	/* a digit each; "x": refused */
void fake_lost(struct fake_link *);
struct fake_message { const char *topic, *payload; int id, qos; bool dup, retained; };
void fake_message(struct fake_link *, struct fake_message);
void fake_published(struct fake_link *, unsigned i, struct mqtt_report how);	/* the i-th of out */
#endif
