# Builds, tests and installs bridge: `make help` says what there is.
#
# Everything made stays under build/: the binary is build/bridge.  Other flavours have a folder each: CC=clang build/clang,
# FLAVOUR=asan|ubsan|tsan build/asan and so on.  V=1 shows the commands.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

ifeq ($(origin CC),default)
CC = gcc
endif
ifneq ($(findstring clang,$(CC)),)
FLAVOUR ?= clang
endif
FLAVOUR ?=
O = build$(addprefix /,$(FLAVOUR))

# As many jobs as cores; a -j on the command line wins.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:

# What it is made of: a new .c file in one of these folders is built, there is no list to keep.
SOURCES := $(wildcard bridge/*.c bridge/config/*.c bindings/*.c connectors/*.c)
UNITS := $(wildcard tests/unit/test_*.c)
STORIES := $(wildcard tests/stories/*.c)
TOOLS := $(wildcard tests/servers/*.c)
BENCHES := $(wildcard tests/bench/*.c)

# Messages of the wire, made from our .proto files: the same for every flavour.
PROTOS := $(wildcard bridge/proto/*.proto)
PROTO_SOURCES := $(PROTOS:%.proto=build/gen/%.pb-c.c)
PROTO_HEADERS := $(PROTO_SOURCES:.c=.h)

PACKAGES = rdkafka hiredis libuv yaml-0.1 openssl libnghttp2 libprotobuf-c
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

# Paho acknowledges an event before the function has it, so calls inside its static library are replaced, see
# connectors/mqtt_wraps.c: the first six change what it does, the others leave out its tracing.  tools/check-wraps looks.
PAHO := $(shell $(CC) -print-file-name=libpaho-mqtt3as.a)
MQTT_WRAPS = MQTTPacket_send_puback MQTTProtocol_handlePublishes MQTTProtocol_handlePubacks \
	MQTTProtocol_handlePingresps MQTTProtocol_startPublish poll mymalloc myrealloc myfree StackTrace_entry StackTrace_exit Log

# Texts for people are cut at the end of their buffer on purpose; gcc need not say so.
WARNINGS = -Wall -Wextra -Werror $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
HARDENING = -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifeq ($(FLAVOUR),asan)
HARDENING = -O1 -fno-omit-frame-pointer -fsanitize=address
endif
ifeq ($(FLAVOUR),ubsan)
HARDENING = -O1 -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
endif
ifeq ($(FLAVOUR),tsan)
HARDENING = -O1 -fno-omit-frame-pointer -fsanitize=thread
EXTRA = $(O)/obj/tests/tsan/threads.o
endif
ifneq ($(filter asan ubsan tsan,$(FLAVOUR)),)
# The optimizer's guesses differ there; the plain flavours are the strict ones.
WARNINGS = -Wall -Wextra -Wno-format-truncation
endif
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. -Ibuild/gen -g $(WARNINGS) $(HARDENING) -fPIE -pthread \
	$(PACKAGE_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK = $(CC) $(HARDENING) -pthread -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)
LIBS = $(MQTT_WRAPS:%=-Wl,--wrap=%) $(PAHO) $(PACKAGE_LIBS) -lm $(LDLIBS)

Q = $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $(2)")

object = $(patsubst %.c,$(O)/obj/%.o,$(1))
MAIN_OBJECT = $(O)/obj/bridge/main.o
PROTO_OBJECTS := $(PROTO_SOURCES:build/gen/%.c=$(O)/obj/gen/%.o)
LIB_OBJECTS := $(filter-out $(MAIN_OBJECT),$(call object,$(SOURCES))) $(PROTO_OBJECTS)
UNIT_BINS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNITS))
STORY_BIN := $(if $(STORIES),$(O)/stories/run)
TOOL_BINS := $(patsubst tests/servers/%.c,$(O)/tools/%,$(TOOLS))
BENCH_PARTS := tests/bench/bench.c tests/bench/sides.c
BENCH_BINS := $(patsubst tests/bench/%.c,$(O)/bench/%,$(filter-out $(BENCH_PARTS),$(BENCHES)))

.PHONY: all help lib demo test unit stories e2e lint format docs asan ubsan tsan sanitized mutants chaos bench pictures tools deps jars \
	rootfs deploy-tools install clean have-packages have-cmocka FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/bridge

help:
	@sed -n 's/^# \(make.*: .*\)/\1/p' Makefile

# make: the binary, build/bridge
# make demo: a broker, a function and bridge on this machine; kills the function in the middle and counts what arrived
# make test: unit tests, the fuzzers' corpora, stories, end-to-end tests against a real Kafka
# make unit replay stories e2e: one of them
# make lint: layout, house rules, static analysis
# make format: clang-format, and comments within 120 columns
# make docs: writes docs/options.md, the manual page and the completion for bash anew from the tables
# make asan ubsan tsan: the tests under that sanitizer
# make fuzz: lets clang's fuzzer loose on every parser, FUZZ_SECONDS=60 each, or FUZZ_RUNS=; FUZZ="yaml note" for some of them
# make chaos: faults in random order against a real Kafka, N= of them, and an account of every event; SEED= repeats a run
# make mutants: breaks a promise on purpose, one patch at a time, and checks that the named test notices
# make bench: measures against the bare limit, writes build/bench.json; BENCH="--case main --quick" for a part of it
# make bench-compare BASE=old.json: the last run beside an earlier one
# make pictures: takes those of the live page anew, docs/pictures, in four minutes
# make tools: the programs of tests/servers
# make rootfs: what the image holds, without Docker, in build/rootfs; says how large it is
# make deploy-tools: what checks deploy/ as far as Debian and PyPI have it; without them those tests are skipped
# make deps: installs the Debian packages a build needs
# make install: into PREFIX (/usr/local), under DESTDIR
# make clean: removes build/, but keeps fetched jars

# --- the binary ---

$(O)/bridge: $(MAIN_OBJECT) $(O)/libbridge.a $(EXTRA)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)
	$(Q)tools/check-wraps $@

lib: $(O)/libbridge.a

$(O)/libbridge.a: $(LIB_OBJECTS) $(O)/objects
	$(call say,AR  ,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJECTS)

build/gen/%.pb-c.c build/gen/%.pb-c.h &: %.proto | have-packages
	$(call say,GEN ,$<)
	$(Q)mkdir -p build/gen && protoc-c --c_out=build/gen $<

$(PROTO_OBJECTS): $(O)/obj/gen/%.o: build/gen/%.c $(O)/flags | have-packages
	$(call say,CC  ,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

$(O)/obj/%.o: %.c $(O)/flags | have-packages $(PROTO_HEADERS)
	$(call say,CC  ,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

# Taken in by the assembler, which the compiler's lists of dependencies know nothing of.
$(O)/obj/bridge/web.o: $(wildcard bridge/web/*)

# These two change only when what they say changes, so that new flags or a file that is gone are noticed.
quoted = '$(subst ','\'',$(1))'
$(O)/flags: FORCE
	@mkdir -p $(@D); echo $(call quoted,$(COMPILE)) | cmp -s - $@ || echo $(call quoted,$(COMPILE)) >$@

$(O)/objects: FORCE
	@mkdir -p $(@D); echo '$(LIB_OBJECTS)' | cmp -s - $@ || echo '$(LIB_OBJECTS)' >$@

have-packages:
	@pkg-config --exists $(PACKAGES) libcurl 2>/dev/null && test -f "$(PAHO)" && \
		command -v $(firstword $(CC)) protoc-c >/dev/null || \
		{ tools/install-packages --check build; exit 1; }

have-cmocka:
	@pkg-config --exists cmocka || { tools/install-packages --check test; exit 1; }

deps:
	tools/install-packages build

install: all
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(O)/bridge $(DESTDIR)$(BINDIR)/bridge
	install -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(COMPLETIONDIR)
	install -m 644 docs/bridge.1 $(DESTDIR)$(MANDIR)/man1/bridge.1
	install -m 644 docs/bridge.bash $(DESTDIR)$(COMPLETIONDIR)/bridge

clean:
	rm -rf $(filter-out build/cache,$(wildcard build/*))

# --- test programs ---

# A unit test is one file; other files of tests/unit it needs are named near its top: /* links: fake_core.c fake_client.c */
# What the test and those files define is not taken from the library: that is how a fake takes the place of the real thing.
UNIT_LINKS := $(if $(UNITS),$(shell awk 'FNR <= 5 && sub(/.*links: */, "") { sub(/ *\*\/.*/, ""); n = split($$0, file, " "); \
	test = FILENAME; sub(/.*\//, "", test); sub(/\.c$$/, "", test); \
	for (i = 1; i <= n; i++) print test ":" file[i] }' $(UNITS)))
linked_with = $(patsubst $(1):%.c,$(O)/obj/tests/unit/%.o,$(filter $(1):%,$(UNIT_LINKS)))

define unit_rule
$(O)/unit/$(1): $(O)/obj/tests/unit/$(1).o $(call linked_with,$(1)) $(O)/libbridge.a $(EXTRA) | have-cmocka
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D) && $$(LINK) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach unit,$(UNITS),$(eval $(call unit_rule,$(basename $(notdir $(unit))))))

# The stories' virtual loop stands before the library, so bridge/loop.c is never asked for.
$(STORY_BIN): $(call object,$(STORIES)) $(O)/libbridge.a $(EXTRA)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS)

$(TOOL_BINS): $(O)/tools/%: $(O)/obj/tests/servers/%.o $(O)/libbridge.a $(EXTRA)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS)

$(BENCH_BINS): $(O)/bench/%: $(O)/obj/tests/bench/%.o $(call object,$(BENCH_PARTS)) $(O)/libbridge.a $(EXTRA)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS)

# Programs that print pages from the tables the program itself reads.
PAGES = $(O)/options_page $(O)/manual_page $(O)/bash_completion
$(PAGES): $(O)/%: $(O)/obj/tools/%.o $(O)/libbridge.a $(EXTRA)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

tools: $(TOOL_BINS)

docs: $(PAGES)
	$(O)/options_page >docs/options.md
	$(O)/manual_page >docs/bridge.1
	$(O)/bash_completion >docs/bridge.bash

# --- running them: packages first, then a second make that sees them ---

demo:
	@tools/install-packages build demo
	@$(MAKE) --no-print-directory all tools
	@deploy/demo/demo

test:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory all tools unit-programs replay-programs story-program jars
	@tools/run-tests --build $(O) unit replay stories e2e

unit: unit-programs
	@tools/run-tests --build $(O) unit

stories: story-program
	@tools/run-tests --build $(O) stories

e2e: all tools jars
	@tools/run-tests --build $(O) e2e

.PHONY: unit-programs story-program bench-programs bench-compare
unit-programs: $(UNIT_BINS)
story-program: $(STORY_BIN)
bench-programs: $(BENCH_BINS)

jars:
	@tests/servers/fetch_kafka

asan ubsan tsan:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory FLAVOUR=$@ sanitized

sanitized: all tools unit-programs replay-programs story-program jars
	@tools/run-tests --build $(O) --sanitizer $(FLAVOUR) unit replay stories quick

rootfs: all
	@tools/install-packages build image
	@rm -rf build/rootfs
	@deploy/rootfs build build/rootfs $(O)/bridge

deploy-tools:
	@tools/fetch-deploy-tools

bench:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory all tools bench-programs jars
	@tests/bench/bench.py --build $(O) $(BENCH)

bench-compare:
	@test -n "$(BASE)" || { echo "name the earlier run: make bench-compare BASE=old.json" >&2; exit 2; }
	@tests/bench/bench.py --build $(O) --compare $(BASE)

pictures: all jars
	@tools/install-packages build test browser
	@/usr/bin/python3 -m tests.e2e.pictures

N ?=
SEED ?=
chaos:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory all jars
	@tests/chaos/chaos.py $(N:%=--rounds=%) $(SEED:%=--seed=%)

mutants:
	@tools/install-packages build test
	@tools/mutants

lint:
	@tools/install-packages build lint
	@$(MAKE) --no-print-directory all build/options_page build/manual_page build/bash_completion
	@build/options_page | diff -u docs/options.md - || { echo "docs/options.md is not what the tables say; run: make docs"; exit 1; }
	@build/manual_page | cmp -s - docs/bridge.1 && build/bash_completion | cmp -s - docs/bridge.bash || \
		{ echo "docs/bridge.1 or docs/bridge.bash is not what the tables say; run: make docs"; exit 1; }
	@tools/lint

# Twice: moving a comment may change what fits on a line.
LAID_OUT = $(SOURCES) $(STORIES) $(TOOLS) $(BENCHES) $(wildcard tests/unit/*.c tests/fuzz/*.c tests/tsan/*.c tools/*.c)
format:
	@clang-format -i $(LAID_OUT)
	@tools/wrap_comments.py $(LAID_OUT) $(wildcard bridge/*.h bridge/config/*.h bindings/*.h connectors/*.h tests/*/*.h)
	@clang-format -i $(LAID_OUT)

FORCE:

include tests/fuzz/fuzz.mk

-include $(wildcard $(O)/obj/bridge/*.d $(O)/obj/bridge/config/*.d $(O)/obj/bindings/*.d $(O)/obj/connectors/*.d)
-include $(wildcard $(O)/obj/tests/*/*.d $(O)/obj/tools/*.d)
