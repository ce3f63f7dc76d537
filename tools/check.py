#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/check.py - the rules of the house, held by a machine (`make check`).

Each rule is a function below: it reads the tree and yields (path, line, what is wrong and what
to do). A file that must break a rule stands in tools/check.allow with its reason; an entry there
that no longer hides anything is itself a failure. Before it judges anything, the checker proves
on planted violations that it can fail (tools/*_test.py). Standard library only.
"""
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "__pycache__"}
FORBIDDEN_NAMES = {"memory", "utils", "util", "common", "misc", "core", "helpers", "helper"}
MAX_LINES, MAX_FUNCTION, MAX_COLUMNS = 800, 100, 100
MAX_LINES_OF = {"omnesia": 40, "include/omnesia.h": 600}
FORMATTER = "14"  # the clang-format of Debian 12; others format differently

# Written so that this file does not contain what it looks for.
PLACES = re.compile(
    r"""(?<![\w.\-])/(?:wor[k]|roo[t]|hom[e]/\w)(?![\w\-])|\.\./share[d]\b"""
    r"""|\bpypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|security[.]debian[.]org"""
)
HEAP = ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf aligned_alloc "
        "posix_memalign fopen freopen fdopen open openat creat mmap").split()
LOUD = "exit _exit abort printf vprintf puts putchar perror fprintf signal sigaction".split()


class Tree:
    """The files of a source tree, read once. Paths are relative, with forward slashes."""

    def __init__(self, root):
        self.root, self.files = Path(root), {}
        for path in sorted(self.root.rglob("*")):
            inside = path.relative_to(self.root)
            if SKIPPED_FOLDERS & set(inside.parts) or path.is_symlink():
                continue
            if path.is_file():
                self.files[inside.as_posix()] = path.read_bytes()
        self.code_cache = {}

    def text(self, path):
        return self.files[path].decode("utf-8", "replace")

    def lines(self, path):
        return self.text(path).splitlines()

    def paths(self, *suffixes, under=""):
        return [p for p in self.files if p.startswith(under) and p.endswith(suffixes)]

    def code(self, path):
        """C text with comments and the insides of literals blanked; lines stay where they are."""
        if path not in self.code_cache:
            self.code_cache[path] = blank_c(self.text(path))
        return self.code_cache[path]

    def scripts(self):
        """(path, interpreter) of every file that opens with #!"""
        for path, data in self.files.items():
            if data.startswith(b"#!"):
                yield path, data.split(b"\n", 1)[0][2:].decode("utf-8", "replace").strip()


def blank_c(text):
    token = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)

    def blank(m):
        spaces = re.sub(r"[^\n]", " ", m[0])
        return spaces if m[0][0] == "/" else m[0][0] + spaces[1:-1] + m[0][0]

    return token.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def functions(code):
    """(name, first line, last line) of each function in blanked C."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.M)
    code = re.sub(r'extern\s+" *"\s*\{', lambda m: re.sub(r"[^\n]", " ", m[0]), code)
    depth, head, start, name = 0, 0, 0, None
    for m in re.finditer(r"[{};]", code):
        if m[0] == "{":
            if depth == 0:
                signature = code[head:m.start()]
                found = re.search(r"(\w+)\s*\(", signature)
                is_function = found and "=" not in signature and signature.rstrip().endswith(")")
                name = found[1] if is_function else None
                start = head + len(signature) - len(signature.lstrip())
            depth += 1
        elif m[0] == "}":
            depth = max(depth - 1, 0)
            if depth == 0:
                if name:
                    yield name, line_of(code, start), line_of(code, m.end())
                head, name = m.end(), None
        elif depth == 0:
            head = m.end()


def read_layers(tree):
    """{room: set of what it may include}, from src/LAYERS."""
    layers = {}
    for line in tree.lines("src/LAYERS"):
        if ":" in line and not line.startswith("#"):
            room, allowed = line.split(":", 1)
            layers[room.strip()] = set(allowed.split())
    return layers


# ---- the rules ----------------------------------------------------------------------------------


def rule_layers(tree):
    """a room includes only what src/LAYERS allows, and an arrow never points up"""
    layers = read_layers(tree)
    above = {room: allowed & layers.keys() for room, allowed in layers.items()}
    while grounded := {room for room, below in above.items() if not below & above.keys()}:
        above = {room: below for room, below in above.items() if room not in grounded}
    if above:
        yield "src/LAYERS", 1, f"arrows in a circle among: {' '.join(sorted(above))}"
    for path in tree.paths(".c", ".h", under="src/"):
        room = path.split("/")[1]
        if room not in layers:
            yield path, 1, f"room '{room}' is not in src/LAYERS"
            continue
        for number, line in enumerate(tree.lines(path), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            other = found[1].split("/")[0]
            if "/" not in found[1] and f"include/{found[1]}" not in tree.files:
                yield path, number, f'write the room too: #include "{room}/{found[1]}"'
            elif other != room and other not in layers[room] and "*" not in layers[room]:
                yield path, number, f"{room}/ may not include {other}/ (src/LAYERS)"


def rule_opening(tree):
    """every file opens with an SPDX line and a comment that says what it is"""
    whole = ("Makefile", "omnesia", ".ci/run")
    for path in tree.files:
        if not (path.endswith((".c", ".h", ".py", ".sh", "meson.build")) or path in whole):
            continue
        text = tree.text(path)
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.splitlines()[:3]):
            yield path, 1, "no SPDX-License-Identifier: Apache-2.0 in the first lines"
            continue
        if path.endswith("meson.build"):
            continue
        opening = (re.match(r"\s*/\*(.*?)\*/", text, re.S) or re.match(r"((?:#[^\n]*\n)+)", text))
        words = opening[1] if opening else ""
        docstring = re.match(r'(?:#[^\n]*\n)+"""(.*?)"""', text, re.S)
        words += docstring[1] if docstring else ""
        words = re.sub(r"SPDX-License-Identifier: \S+|^#!.*", "", words, flags=re.M)
        if len(re.findall(r"\w+", words)) < 5:
            yield path, 1, "the opening comment does not say what this file is"


def rule_size(tree):
    """no file over 800 lines (the aim is 100 to 400), the front door 40, omnesia.h 600"""
    for path in list(tree.paths(".c", ".h", ".py", ".sh", "meson.build")) + ["omnesia"]:
        if path in tree.files:
            limit, lines = MAX_LINES_OF.get(path, MAX_LINES), len(tree.lines(path))
            if lines > limit:
                yield path, limit, f"{lines} lines, {limit} allowed: split it"


def rule_functions(tree):
    """no function over 100 lines (the aim is 40)"""
    for path in tree.paths(".c", ".h"):
        for name, first, last in functions(tree.code(path)):
            if last - first + 1 > MAX_FUNCTION:
                yield path, first, f"{name}: {last - first + 1} lines, {MAX_FUNCTION} allowed"


def rule_columns(tree):
    """no line over 100 columns, no trailing blanks, no tabs, a newline at the end"""
    for path in tree.paths(".c", ".h", ".py", ".sh", "omnesia"):
        if tree.files[path] and not tree.files[path].endswith(b"\n"):
            yield path, len(tree.lines(path)), "no newline at the end"
        for number, line in enumerate(tree.lines(path), 1):
            if len(line) > MAX_COLUMNS:
                yield path, number, f"{len(line)} columns, {MAX_COLUMNS} allowed"
            if line != line.rstrip() or "\t" in line:
                yield path, number, "trailing blanks or a tab"


def rule_names(tree):
    """no room or file is called utils, common, misc, core, helpers or memory"""
    for path in tree.paths("", under="src/"):
        for part in path.split("/")[1:]:
            if part.split(".")[0].lower() in FORBIDDEN_NAMES:
                yield path, 1, f"'{part}' says nothing about what it holds: name its object"


def rule_isa(tree):
    """instruction sets are chosen by tables at run time, never by #if inside a function"""
    test = re.compile(r"^\s*#\s*(?:el)?if\w*\b.*__(?:AVX|SSE|AMX|FMA|F16C|ARM|aarch64)")
    for path in tree.paths(".c", ".h", under="src/"):
        bodies = [(first, last) for _, first, last in functions(tree.code(path))]
        for number, line in enumerate(tree.lines(path), 1):
            if test.match(line) and (not path.startswith("src/kernel/")
                                     or any(a < number < b for a, b in bodies)):
                yield path, number, "give the instruction set a file and a table of its own"


def calls(tree, path, names):
    for m in re.finditer(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(", tree.code(path)):
        yield m[1], line_of(tree.code(path), m.start())


def rule_heap(tree):
    """heap and files only through base/alloc.h and base/file.h"""
    for path in tree.paths(".c", ".h", under="src/"):
        if not path.startswith("src/base/"):
            for name, number in calls(tree, path, HEAP):
                yield path, number, f"{name}(): use base/alloc.h or base/file.h"


def rule_quiet(tree):
    """the library never exits, prints or sets signal handlers; only cli/ does"""
    for path in tree.paths(".c", ".h", under="src/"):
        if not path.startswith("src/cli/"):
            for name, number in calls(tree, path, LOUD):
                yield path, number, f"{name}(): return an MN_E* code through MN_FAIL instead"


def rule_listed(tree):
    """every C file is built: src/ and test/ have a list, a room may have one of its own"""
    for folder, prefixes in (("src/", ("",)), ("test/", ("test_", "fuzz_"))):
        build = "".join(tree.text(p) for p in tree.paths("meson.build", under=folder))
        for path in tree.paths(".c", under=folder):
            name = path[len(folder):]
            base = name.split("/")[-1]
            stem = base[:-len(".c")].removeprefix("fuzz_")  # as lists of kernels and targets say it
            room = path[:-len(base)] + "meson.build"
            if room in tree.files and f"'{base}'" in tree.text(room):
                continue
            if base.startswith(prefixes) and f"'{name}'" not in build and f"'{stem}'" not in build:
                yield path, 1, f"'{name}' is not in {folder}meson.build, so nothing builds it"


def rule_places(tree):
    """nothing names a machine's folders or a registry host"""
    for path in tree.files:
        if b"\0" in tree.files[path]:
            continue
        for m in PLACES.finditer(tree.text(path)):
            yield path, line_of(tree.text(path), m.start()), f"'{m[0]}' is of one machine only"


PLACEHOLDER = r"NAME|ROOM|ARCH|ISA|VERB"


def rule_links(tree):
    """links and file names in the documents lead to something"""
    known = set(tree.files) | {"/".join(p.split("/")[:n]) for p in tree.files
                               for n in range(1, p.count("/") + 1)}
    link = re.compile(r"\]\(([^)\s]+)\)")
    name = re.compile(r"`((?:src|test|tools|docs|include|bench|examples)/[\w./-]*)[`:]")
    for path in tree.paths(".md"):
        anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
                   for h in re.findall(r"^#+ (.*)$", tree.text(path), re.M)}
        folder = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
        for number, line in enumerate(tree.lines(path), 1):
            for target in link.findall(line):
                file, _, anchor = target.partition("#")
                if re.match(r"[a-z]+:", target):
                    continue
                if not file and anchor not in anchors:
                    yield path, number, f"no heading '#{anchor}' here"
                elif file and Path(folder + file).as_posix() not in known \
                        and not (tree.root / folder / file).exists():
                    yield path, number, f"'{file}' is not there"
            for target in name.findall(line):
                if not re.search(PLACEHOLDER, target) and target.rstrip("/.") not in known:
                    yield path, number, f"`{target}` is not there"


def rule_scripts(tree):
    """scripts are executable and parse"""
    for path, interpreter in tree.scripts():
        if not (tree.root / path).stat().st_mode & 0o100:
            yield path, 1, "opens with #! but is not executable"
        if interpreter.endswith("sh"):
            shell = "bash" if "bash" in interpreter else "sh"
            done = subprocess.run([shell, "-n", tree.root / path], capture_output=True, text=True)
            if done.returncode:
                yield path, 1, done.stderr.strip()
        elif "python" in interpreter:
            try:
                compile(tree.files[path], path, "exec")
            except SyntaxError as error:
                yield path, error.lineno or 1, str(error)


def rule_format(tree):
    """C is as clang-format would write it (`make format` does)"""
    paths = tree.paths(".c", ".h")
    done = subprocess.run(["clang-format", "--dry-run", *paths], capture_output=True, text=True,
                          cwd=tree.root)
    seen = set()
    for m in re.finditer(r"^([^:\n]+):(\d+):\d+: warning", done.stderr, re.M):
        if m[1] not in seen:
            seen.add(m[1])
            yield m[1], int(m[2]), "not as clang-format writes it: make format"


def rule_types(tree):
    """the Python package passes mypy --strict (where mypy is)"""
    if not shutil.which("mypy") or not tree.paths(".py", under="python/"):
        return
    done = subprocess.run(["mypy", "--strict", "--no-error-summary", "--no-incremental",
                           "--cache-dir=/dev/null", "--enable-incomplete-feature=Unpack",
                           "python/omnesia"], capture_output=True, text=True, cwd=tree.root)
    for m in re.finditer(r"^([^:\n]+):(\d+): error: (.*)", done.stdout, re.M):
        yield m[1], int(m[2]), m[3]
    if done.returncode and "error:" not in done.stdout:
        yield "python/omnesia", 1, done.stderr.strip() or done.stdout.strip()


RULES = [rule_layers, rule_opening, rule_size, rule_functions, rule_columns, rule_names, rule_isa,
         rule_heap, rule_quiet, rule_listed, rule_places, rule_links, rule_scripts, rule_types,
         rule_format]


# ---- exceptions and the report ------------------------------------------------------------------


def read_allowed(tree):
    """{(rule, path): reason} from tools/check.allow; lines are "rule path reason"."""
    allowed = {}
    for line in tree.lines("tools/check.allow") if "tools/check.allow" in tree.files else []:
        if line.strip() and not line.startswith("#"):
            rule, path, *reason = line.split(None, 2)
            allowed[rule, path] = " ".join(reason)
    return allowed


def judge(tree, rules=None):
    """[(rule name, [violations])], exceptions taken out; unused or bare exceptions put in."""
    allowed, used, report = read_allowed(tree), set(), []
    for rule in rules or RULES:
        name, found = rule.__name__[len("rule_"):], []
        for path, line, text in rule(tree):
            if (name, path) in allowed:
                used.add((name, path))
            else:
                found.append((path, line, text))
        report.append((name, found))
    stale = [("tools/check.allow", 1, f"'{rule} {path}' hides nothing: remove it")
             for rule, path in sorted(allowed.keys() - used)
             if rule in {name for name, _ in report}]
    stale += [("tools/check.allow", 1, f"'{rule} {path}' gives no reason")
              for (rule, path), reason in allowed.items() if not reason]
    return report + [("allow", stale)]


def formatter():
    """Is the clang-format whose taste the house follows on this machine?"""
    if not shutil.which("clang-format"):
        return False
    said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    return f"version {FORMATTER}." in said


def main():
    result = unittest.TestResult()
    unittest.defaultTestLoader.discover(str(Path(__file__).parent), "*_test.py").run(result)
    for case, trace in result.failures + result.errors:
        print(f"the tools themselves are broken: {case}\n{trace}")
    failed = len(result.failures + result.errors)
    skipped = len(result.skipped)
    passed = result.testsRun - failed - skipped

    rules = list(RULES)
    if not formatter():
        print(f"format: not checked, clang-format {FORMATTER} is not on this machine")
        rules.remove(rule_format)
    for name, found in judge(Tree(Path(__file__).resolve().parent.parent), rules):
        for path, line, text in found:
            print(f"{path}:{line}: [{name}] {text}")
        failed, passed = failed + bool(found), passed + (not found)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
