#!/usr/bin/python3
"""Brings over-long comments within 120 columns: wrap_comments.py FILE...  What clang-format leaves alone (ReflowComments: false)."""
import re
import sys
from pathlib import Path

COLUMNS = 120
TAB = 8


def width(line: str) -> int:
    return len(line.expandtabs(TAB))


def fill(text: str, first: str, rest: str) -> list[str]:
    """Words after `first`, then after `rest`, with room for the end of a comment."""
    lines, line, words_in_line = [], first, 0
    for word in text.split(" "):
        if words_in_line and width(f"{line} {word}") > COLUMNS - 3:
            lines.append(line)
            line, words_in_line = rest, 0
        line += f" {word}" if words_in_line else word
        words_in_line += 1
    return [*lines, line]


def comment(indent: str, text: str) -> list[str]:
    line = f"{indent}/* {text} */"
    if width(line) <= COLUMNS:
        return [line]
    lines = fill(text, f"{indent}/* ", f"{indent} * ")
    return [*lines[:-1], lines[-1] + " */"]


def paragraphs(body: list[str]) -> list[str]:
    """Joins what flows; an empty line, a list item or an indented line stands by itself."""
    joined: list[str] = []
    for line in body:
        if joined and joined[-1] and line and not re.match(r"[-*\s]", line):
            joined[-1] += " " + line
        else:
            joined.append(line)
    return joined


def rewrap_block(block: list[str]) -> list[str]:
    indent = re.match(r"\s*", block[0]).group(0)
    if len(block) == 1:
        return comment(indent, block[0].strip()[2:-2].strip())
    body = [re.sub(r"^\s*(/\*|\*(?!/)|) ?", "", line.rstrip()) for line in block]
    body[-1] = re.sub(r"\s*\*/$", "", body[-1])
    begins_alone, ends_alone = body[0] == "", block[-1].strip() == "*/"
    lines: list[str] = []
    for text in paragraphs(body[begins_alone:len(body) - ends_alone]):
        lines += fill(text, f"{indent} * ", f"{indent} * ") if text else [f"{indent} *"]
    if begins_alone:
        lines.insert(0, f"{indent}/*")
    else:
        lines[0] = lines[0].replace(f"{indent} * ", f"{indent}/* ", 1)
    if ends_alone:
        lines.append(f"{indent} */")
    else:
        lines[-1] += " */"
    return lines


def wrap(lines: list[str]) -> list[str]:
    """All but the first line, which is to be a sentence that fits."""
    done: list[str] = lines[:1]
    at = 1
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith("/*"):
            end = next(i for i in range(at, len(lines)) if "*/" in lines[i])
            block = lines[at:end + 1]
            whole = block[-1].endswith("*/")
            # A block with tabs inside is laid out by hand.
            by_hand = any("\t" in text.strip() for text in block)
            too_wide = any(width(text) > COLUMNS for text in block)
            done += rewrap_block(block) if whole and too_wide and not by_hand else block
            at = end + 1
            continue
        trailing = re.match(r"(\s*)(\S.*?)\s*/\* (.*) \*/$", line)
        if width(line) > COLUMNS and trailing and not line.lstrip().startswith("#"):
            indent, code, text = trailing.groups()
            done += [*comment(indent, text), indent + code]
        else:
            done.append(line)
        at += 1
    return done


def main() -> int:
    for path in map(Path, sys.argv[1:]):
        text = path.read_text(encoding="utf-8")
        wrapped = "\n".join(wrap(text.split("\n")))
        if wrapped != text:
            path.write_text(wrapped, encoding="utf-8")
    return 0


sys.exit(main())
