# Fuzz targets: tests/fuzz/fuzz_<noun>.c with tests/fuzz/corpus/<noun>/ and perhaps tests/fuzz/words/<noun>.
#
# Every flavour replays the corpora without a fuzzer; `make fuzz` builds them once more under build/fuzz, by clang with
# libFuzzer and both sanitizers.  An input that broke something goes, as small as `-minimize_crash=1` makes it, into the
# corpus and, as the case it stands for, into a unit test.

FUZZ_NOUNS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PARTS = $(call object,tests/fuzz/input.c tests/fuzz/json_check.c) $(O)/libbridge.a $(EXTRA)
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?=

ifeq ($(FLAVOUR),fuzz)
HARDENING = -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif

.PHONY: fuzz fuzz-programs replay replay-programs

$(FUZZ_NOUNS:%=$(O)/replay/%): $(O)/replay/%: $(O)/obj/tests/fuzz/fuzz_%.o $(O)/obj/tests/fuzz/replay.o $(FUZZ_PARTS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS)

$(FUZZ_NOUNS:%=$(O)/fuzzers/%): $(O)/fuzzers/%: $(O)/obj/tests/fuzz/fuzz_%.o $(FUZZ_PARTS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)

replay-programs: $(FUZZ_NOUNS:%=$(O)/replay/%)
fuzz-programs: $(FUZZ_NOUNS:%=$(O)/fuzzers/%)

replay: replay-programs
	@tools/run-tests --build $(O) replay

fuzz:
	@tools/install-packages build fuzz
	@$(MAKE) --no-print-directory CC=clang FLAVOUR=fuzz fuzz-programs
	@tests/fuzz/run build/fuzz "$(FUZZ_SECONDS)" "$(FUZZ_RUNS)" $(or $(FUZZ),$(FUZZ_NOUNS))
