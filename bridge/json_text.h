/* What the JSON scanner shares with those that read and write the inside of strings. */
#ifndef BRIDGE_JSON_TEXT_H
#define BRIDGE_JSON_TEXT_H

int json_hex_four(const char *);	/* value of four hexadecimal digits; -1: they are none */
#endif
