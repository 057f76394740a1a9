"""The house rules a compiler does not know, each as a function from a file's lines to findings."""
import re
from pathlib import Path
from typing import Iterator, NamedTuple

FILE_LINES = 450
FUNCTION_LINES = 60
TEST_FUNCTION_LINES = 120
COLUMNS = 120
TABLE_COLUMNS = 160  # a row of a table, between clang-format off and on
TAB = 8


class Finding(NamedTuple):
    path: Path
    line: int
    text: str  # what is wrong, and what to do

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def is_test(path: Path) -> bool:
    return path.parts[0] == "tests"


def first_line(path: Path, lines: list[str]) -> Iterator[Finding]:
    if not lines or not re.match(r"/\* \S.*[.!]( |$)", lines[0]):
        yield Finding(path, 1, "the first line is to be a sentence that says what the file is: /* ... . */")


def layout(path: Path, lines: list[str]) -> Iterator[Finding]:
    most = COLUMNS
    for number, line in enumerate(lines, 1):
        if re.search(r"clang-format (on|off)\b", line):
            most = TABLE_COLUMNS if "off" in line else COLUMNS
        if line != line.rstrip():
            yield Finding(path, number, "blanks at the end of the line: take them off")
        if path.suffix in (".c", ".h") and line.startswith(" " * TAB):
            yield Finding(path, number, "indented by spaces: use tabs")
        width = len(line.expandtabs(TAB))
        if path.suffix in (".c", ".h", ".js", ".css", ".html") and width > most:
            yield Finding(path, number, f"{width} columns: break the line, {most} are the most")


def file_length(path: Path, lines: list[str]) -> Iterator[Finding]:
    if len(lines) > FILE_LINES:
        yield Finding(path, FILE_LINES + 1, f"{len(lines)} lines: split the file by noun, {FILE_LINES} are the most")


def function_length(path: Path, lines: list[str]) -> Iterator[Finding]:
    """In our layout a function, and nothing else, has its braces alone in the first column."""
    most = TEST_FUNCTION_LINES if is_test(path) else FUNCTION_LINES
    start = 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start + 1 > most:
                name = re.search(r"(\w+)\(", " ".join(lines[max(0, start - 4):start - 1]).split(";")[-1])
                yield Finding(path, start, f"{name.group(1) if name else 'function'}() has {number - start + 1} lines: "
                              f"split it, {most} are the most")
            start = 0


# Written apart, so that this file does not find itself.
FORBIDDEN = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b"), "finish it or leave it out"),
    (re.compile(r"(?<![\w.])/(wo" r"rk|ro" r"ot|ho" r"me/\w+)/"), "a path of one machine: use a relative one"),
    (re.compile(r"\bissue #\d+", re.I), "say what it is about instead of a number"),
]


def words(path: Path, lines: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines, 1):
        for pattern, advice in FORBIDDEN:
            found = pattern.search(line)
            if found:
                yield Finding(path, number, f"'{found.group(0)}' does not belong here: {advice}")


# A library's header and the files that may include it.
LIBRARY_HOMES = [
    (re.compile(r"^uv\.h$"), re.compile(r"^bridge/loop\w*\.c$"), "bridge/loop.h stands for it"),
    (re.compile(r"^librdkafka/"), re.compile(r"^connectors/kafka\w*\.[ch]$"), "connectors/kafka*.c are its home"),
    (re.compile(r"^hiredis/"), re.compile(r"^connectors/redis_reply\.c$"), "connectors/redis_reply.h stands for it"),
    (re.compile(r"^openssl/"), re.compile(r"^bridge/(tls|stream)\w*\.[ch]$"), "bridge/stream.h stands for it"),
    (re.compile(r"^nghttp2/"), re.compile(r"^bridge/h2_\w+\.[ch]$"), "bridge/h2_server.h stands for it"),
    (re.compile(r"^protobuf-c/"), re.compile(r"^bridge/grpc\.h$"), "bridge/grpc.h is its home"),
    (re.compile(r"^yaml\.h$"), re.compile(r"^bridge/config/yaml\w*\.c$"), "bridge/config/yaml.c is its home"),
]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
OUTER = ("bindings/", "connectors/")


def wrong_direction(path: Path, included: str) -> str | None:
    """What lies between knows neither side; the sides know what lies between and themselves."""
    folder = path.parts[0] + "/"
    if folder == "bridge/" and included.startswith(OUTER) and path.name not in ("parts.c", "main.c"):
        return "bridge/ knows neither bindings/ nor connectors/: only parts.c and main.c name them"
    if folder in OUTER and included.startswith(OUTER) and not included.startswith(folder):
        return f"{folder} includes only bridge/ and its own: talk through a header of bridge/"
    if included.startswith("tests/"):
        return "the program knows nothing of its tests"
    return None


def includes(path: Path, lines: list[str]) -> Iterator[Finding]:
    if is_test(path):
        return
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        ours, included = found.group(1) == '"', found.group(2)
        if ours and not Path(included).exists() and not Path("bridge/proto", Path(included).name[:-7] + ".proto").exists():
            yield Finding(path, number, f'"{included}": write the path from the top of the tree: "bridge/x.h"')
        wrong = wrong_direction(path, included) if ours else None
        if wrong:
            yield Finding(path, number, f'"{included}": {wrong}')
        for library, home, advice in LIBRARY_HOMES:
            if library.match(included) and not home.match(path.as_posix()):
                yield Finding(path, number, f"<{included}>: {advice}")


def sleeping_tests(path: Path, lines: list[str]) -> Iterator[Finding]:
    """A test that sleeps is slow or flaky; only the one helper that polls for a fact until a deadline may pause."""
    if not is_test(path) or path.suffix not in (".c", ".py") or path.name == "wait.py":
        return
    if not (path.parts[1] == "stories" or path.name.startswith("test_") or path.name == "conftest.py"):
        return
    for number, line in enumerate(lines, 1):
        found = re.search(r"\b(sleep|usleep|nanosleep)\(", line)
        if found:
            yield Finding(path, number, f"{found.group(0)}) in a test: wait for a fact (tests/servers/wait.py, a poll, the "
                          "clock of the story)")


C_RULES = (first_line, layout, file_length, function_length, words, includes, sleeping_tests)
SCRIPT_RULES = (layout, file_length, words, sleeping_tests)
TEXT_RULES = (words,)


def is_input(path: Path) -> bool:
    """What a fuzzer is fed is bytes, whatever they look like."""
    return path.parts[:3] == ("tests", "fuzz", "corpus")


def check(path: Path) -> list[Finding]:
    if is_input(path):
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    lines = text.split("\n")
    findings = []
    if lines[-1] == "":
        lines.pop()
    elif lines:
        findings.append(Finding(path, len(lines), "the last line does not end: add a newline"))
    rules = C_RULES if path.suffix in (".c", ".h") else SCRIPT_RULES if is_script(path, lines) else TEXT_RULES
    for rule in rules:
        findings.extend(rule(path, lines))
    return findings


def is_script(path: Path, lines: list[str]) -> bool:
    return path.suffix in (".py", ".sh", ".js", ".css", ".html") or bool(lines and lines[0].startswith("#!"))
