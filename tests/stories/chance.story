# Broker, function and fate throw dice; the rules are at the top of chance.c.

story "whatever happens, no event is missing, out of order or acknowledged too early"
chance from 1 runs 300
