# SPDX-License-Identifier: Apache-2.0
"""tools/check_test.py - the checker can fail: each rule against a tree with a planted violation.

One clean tree in which no rule finds anything; every case plants one fault in a copy of it and
expects that rule, and only that rule, to name the file. `make check` runs these first.
"""
import shutil
import tempfile
import unittest
from pathlib import Path

import check

C = "/* SPDX-License-Identifier: Apache-2.0\n *\n * What this file is for, in one sentence. */\n"
SH = "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n# What this script is for, in one line.\n"
CLEAN = {
    "src/LAYERS": "base:\nkv: base\napi: *\n",
    "src/meson.build": "# SPDX-License-Identifier: Apache-2.0\nfiles('base/a.c', 'kv/seq.c')\n",
    "src/base/a.c": C + "void *mn_malloc(unsigned long n) {\n    return malloc(n);\n}\n",
    "src/kv/seq.c": C + '#include "base/a.h"\nint mn_kv_seq_len(int a) {\n    return a;\n}\n',
    "test/meson.build": "# SPDX-License-Identifier: Apache-2.0\n['x', 'kv/test_seq.c'] ['gguf']\n",
    "test/kv/test_seq.c": C + "int main(void) {\n    return 0;\n}\n",
    "test/fuzz/fuzz_gguf.c": C + "int one;\n",
    "tools/go.sh": SH + "echo go\n",
    "README.md": "# Top words\n[here](#top-words) [there](docs/A.md)\n"
    "`src/kv/seq.c` `src/kv/NAME.c`\n",
    "docs/A.md": "[up](../README.md)\n",
    "omnesia": SH + "exec true\n",
}
BODY = 'int mn_kv_x(void) {\n%s    return 0;\n}\n'


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)

    def found(self):
        """{rule: {paths}} of everything the checker finds, formatting apart."""
        rules = [rule for rule in check.RULES if rule is not check.rule_format]
        report = check.judge(check.Tree(self.root), rules)
        return {name: {path for path, _, _ in rows} for name, rows in report if rows}

    def plant(self, rule, path, text):
        self.write(path, text)
        self.assertEqual(self.found(), {rule: {path}})

    def test_clean(self):
        self.assertEqual(self.found(), {})

    def test_layers_up(self):
        self.plant("layers", "src/base/a.c", C + '#include "kv/seq.h"\n')

    def test_layers_without_room(self):
        self.plant("layers", "src/kv/seq.c", C + '#include "seq.h"\n')

    def test_layers_unknown_room(self):
        self.plant("layers", "src/attic/old.h", C)

    def test_layers_public_header(self):
        self.plant("layers", "src/kv/seq.c", C + '#include "omnesia.h"\n')

    def test_layers_cycle(self):
        self.plant("layers", "src/LAYERS", "base: net\nnet: kv\nkv: base\n")

    def test_opening_licence(self):
        self.plant("opening", "src/kv/seq.c", "/* What this file is for, in one sentence. */\n")

    def test_opening_words(self):
        self.plant("opening", "src/kv/seq.c", "/* SPDX-License-Identifier: Apache-2.0 */\nint x;\n")

    def test_size(self):
        self.plant("size", "src/kv/seq.c", C + "int x;\n" * 900)

    def test_size_front_door(self):
        self.plant("size", "omnesia", SH + "true\n" * 40)

    def test_functions(self):
        self.plant("functions", "src/kv/seq.c", C + BODY % ("    one();\n" * 100))

    def test_functions_long_signature(self):
        text = C + 'extern "C" {\nint mn_kv_x(int a,\n            int b) {\n' + "    one();\n" * 98
        self.plant("functions", "src/kv/seq.c", text + "}\n}\n")

    def test_functions_tables_may_be_long(self):
        self.write("src/kv/seq.c", C + "static const int t[] = {\n" + "    1,\n" * 200 + "};\n")
        self.assertEqual(self.found(), {})

    def test_columns(self):
        self.plant("columns", "src/kv/seq.c", C + "int x; " + "/* y */" * 20 + "\n")

    def test_columns_tab(self):
        self.plant("columns", "tools/go.sh", SH + "\techo go\n")

    def test_columns_last_newline(self):
        self.plant("columns", "tools/go.sh", SH + "echo go")

    def test_names(self):
        self.plant("names", "src/kv/utils.h", C)

    def test_isa(self):
        self.plant("isa", "src/kv/seq.c", C + BODY % "#ifdef __AVX2__\n    one();\n#endif\n")

    def test_heap(self):
        self.plant("heap", "src/kv/seq.c", C + BODY % "    void *p = malloc(1);\n")

    def test_heap_files(self):
        self.plant("heap", "src/kv/seq.c", C + BODY % '    f = fopen("x", "r");\n')

    def test_heap_not_in_words(self):
        body = '    mn_free(0); /* free(x) */ log("free(x)"); row->free(0); row.open(1);\n'
        self.write("src/kv/seq.c", C + BODY % body)
        self.assertEqual(self.found(), {})

    def test_quiet(self):
        self.plant("quiet", "src/kv/seq.c", C + BODY % "    exit(1);\n")

    def test_listed(self):
        self.plant("listed", "src/kv/new.c", C)

    def test_listed_in_its_room(self):
        self.write("src/kv/new.c", C)
        self.write("src/kv/meson.build", "# SPDX-License-Identifier: Apache-2.0\nfiles('new.c')\n")
        self.assertEqual(self.found(), {})

    def test_listed_test(self):
        self.plant("listed", "test/kv/test_new.c", C)

    def test_listed_fuzz(self):
        self.plant("listed", "test/fuzz/fuzz_new.c", C)

    def test_places(self):
        for place in ("/" + "work/x", "/" + "root", ".." + "/shared/x", "pypi" + ".org"):
            self.plant("places", "tools/go.sh", SH + f"cat {place}\n")

    def test_links(self):
        for text in ("[x](docs/B.md)\n", "[x](#nowhere)\n", "`src/kv/gone.c`\n"):
            self.plant("links", "README.md", text)

    def test_scripts_parse(self):
        self.plant("scripts", "tools/go.sh", SH + "if true; then\n")

    def test_scripts_executable(self):
        (self.root / "tools/go.sh").chmod(0o644)
        self.assertEqual(self.found(), {"scripts": {"tools/go.sh"}})

    def test_types(self):
        if not shutil.which("mypy"):
            return  # the rule is silent then
        python = SH.replace("#!/bin/sh\n", "")
        self.write("python/omnesia/good.py", python + "def f(a: int) -> int:\n    return a\n")
        self.assertEqual(self.found(), {})
        self.plant("types", "python/omnesia/bad.py", python + "def f(a):\n    return a\n")

    def test_allowed_with_reason(self):
        self.write("src/kv/utils.h", C)
        self.write("tools/check.allow", "names src/kv/utils.h a name from a standard\n")
        self.assertEqual(self.found(), {})

    def test_allowed_without_reason_or_use(self):
        self.write("src/kv/utils.h", C)
        self.plant("allow", "tools/check.allow", "names src/kv/utils.h\n")
        (self.root / "src/kv/utils.h").unlink()
        self.plant("allow", "tools/check.allow", "names src/kv/utils.h it was once needed\n")

    def test_format(self):
        if not check.formatter():
            return  # check.py says so, and leaves its rule out
        shutil.copy(Path(__file__).parent.parent / ".clang-format", self.root)
        self.write("src/kv/seq.c", C + "int  x ;\n")
        rows = check.judge(check.Tree(self.root), [check.rule_format])[0][1]
        self.assertEqual([path for path, _, _ in rows], ["src/kv/seq.c"])


if __name__ == "__main__":
    unittest.main()
