#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/cli/test_completion.py PROGRAM SOURCE - the completion scripts, in the shells they are for.

bash and zsh are typed at through a terminal, with the Tab key; fish is asked what it would offer. A
shell that is not on this machine is left out, and said. One model has a name with colons, at which
bash cuts words, and one is named as no model should be.
"""
import hashlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM, SOURCE = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
TINY = SOURCE / "test" / "model" / "data" / "tiny-llama.gguf"
EVIL = "$(touch evil)"


class Terminal:
    """An interactive shell, and what it has shown."""

    def __init__(self, command, env, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, env)

    def see(self, pattern, seconds=60):
        """What is shown until `pattern` was; what was shown without it, when it never comes."""
        shown, end = "", time.monotonic() + seconds
        while not re.search(pattern, shown) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    shown += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", shown)

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Completion(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "omnesia").symlink_to(PROGRAM)
        (self.folder / "a report.txt").write_text("x")
        store = self.folder / ".ollama" / "models"
        digest = hashlib.sha256(TINY.read_bytes()).hexdigest()
        (store / "blobs").mkdir(parents=True)
        shutil.copy(TINY, store / "blobs" / f"sha256-{digest}")
        for name in ("qwen", EVIL):
            manifest = store / "manifests" / "registry.ollama.ai" / "library" / name / "tiny"
            manifest.parent.mkdir(parents=True)
            manifest.write_text('{"layers":[{"mediaType":"application/vnd.ollama.image.model",'
                                f'"digest":"sha256:{digest}"}}]}}')
        self.env = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder),
                    "OMNESIA_REGION": str(self.folder / "region"), "TERM": "dumb",
                    "OMNESIA_CONFIG": "none", "LC_ALL": "C.UTF-8", "OMNESIA_DISK": "none"}
        self.run_program("put", "robot/1", "x", "--region", str(self.folder / "region"))

    def run_program(self, *words):
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True,
                              env=self.env).stdout

    def script(self, shell, name):
        path = self.folder / name
        path.write_text(self.run_program("help", "--completion", shell))
        return path

    def offered(self, line):
        """What bash would offer for a line, when its function is called as bash calls it."""
        said = subprocess.run(
            ["bash", "--norc", "-c",
             'source "$1"; COMP_LINE=$2; COMP_POINT=${#COMP_LINE}; _omnesia; '
             'printf "%s\\n" "${COMPREPLY[@]}"', "bash", self.script("bash", "omnesia.bash"), line],
            capture_output=True, text=True, check=True, env=self.env, cwd=self.folder)
        self.assertEqual(said.stderr, "")
        return [word for word in said.stdout.split("\n") if word]

    def test_bash_offers(self):
        self.assertEqual(self.offered("omnesia mod"), ["models"])
        self.assertEqual(self.offered("omnesia --v"), ["--version"])
        commands = re.findall(r"^## omnesia (\w+)", self.run_program("help", "--markdown"), re.M)
        self.assertGreater(len(commands), 15)
        self.assertEqual([w for w in self.offered("omnesia ") if w[0] != "-"], commands)
        self.assertEqual(self.offered("omnesia help "), commands)
        self.assertEqual(self.offered("omnesia run --top-"), ["--top-k", "--top-p"])
        self.assertEqual(self.offered("omnesia run --kv "), ["f16", "q8"])
        self.assertEqual(self.offered("omnesia run --kv=q"), ["q8"])
        self.assertEqual(self.offered("omnesia run --temp "), [])
        self.assertEqual(self.offered("omnesia run hello "), [])
        self.assertEqual(self.offered("omnesia run -f a"), ["a report.txt"])
        self.assertEqual(self.offered("omnesia inspect a"), ["a report.txt"])
        self.assertEqual(self.offered("omnesia models a"), [])
        self.assertEqual(self.offered("omnesia run -m smollm2"), ["smollm2-135m"])
        self.assertEqual(self.offered("omnesia run --model=smollm2"), ["smollm2-135m"])
        self.assertEqual(self.offered("omnesia run -m ollama:qw"), ["qwen:tiny"])
        self.assertEqual(self.offered("omnesia run -m ollama:qwen:t"), ["tiny"])
        self.assertIn(EVIL, self.run_program("models"))
        self.assertEqual(self.offered("omnesia run -m ollama:$"), [])
        self.assertEqual(self.offered("omnesia get ro"), ["robot/1"])
        self.assertEqual(self.offered("omnesia region f"), ["forget"])
        self.assertEqual(self.offered("omnesia nosuch "), [])
        self.assertFalse((self.folder / "evil").exists())

    def typed(self, terminal, typed, completed):
        terminal.type(typed + "\t")
        shown = terminal.see(re.escape(completed))
        self.assertIn(completed, shown.replace("\r", ""), repr(shown))
        terminal.type("\x15")

    def at_terminal(self, command, prepare, after):
        terminal = Terminal(command, self.env, self.folder)
        self.addCleanup(terminal.close)
        terminal.type(prepare + "; echo rea''dy\n")
        self.assertRegex(terminal.see(r"ready\r"), "ready")
        self.typed(terminal, "omnesia mod", "omnesia models ")
        self.typed(terminal, "omnesia run --kv=q", "--kv=q8")
        self.typed(terminal, "omnesia run -m smoll", "smollm2-135m ")
        self.typed(terminal, "omnesia run -m ollama:qw", after)
        self.typed(terminal, "omnesia run -f a", r"a\ report.txt ")
        self.typed(terminal, "omnesia run --priv", "--private ")
        self.typed(terminal, "omnesia get rob", "robot/1 ")
        self.typed(terminal, "omnesia help doc", "doctor ")

    def test_bash_terminal(self):
        script = self.script("bash", "omnesia.bash")
        self.at_terminal(["bash", "--norc", "--noprofile", "-i"], f"source {script}",
                         "ollama:qwen:tiny ")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_terminal(self):
        script = self.script("zsh", "_omnesia")
        self.at_terminal(["zsh", "-f", "-i"],
                         f"autoload -U compinit; compinit -u -D; source {script}",
                         "ollama:qwen:tiny ")

    @unittest.skipUnless(shutil.which("fish"), "fish is not here")
    def test_fish(self):
        script = self.script("fish", "omnesia.fish")
        for line, first in (("mod", ["models"]), ("run --kv ", ["f16", "q8"]),
                            ("run --kv=", ["--kv=f16", "--kv=q8"]), ("help doc", ["doctor"]),
                            ("run -m smollm2", ["smollm2-135m"]), ("region f", ["forget"]),
                            ("run --top-", ["--top-k", "--top-p"]), ("get ro", ["robot/1"]),
                            ("run -m ollama:q", ["ollama:qwen:tiny"]),
                            ("run -f a", ["a report.txt"]), ("models a", [])):
            said = subprocess.run(["fish", "--no-config", "-c",
                                   f'source {script}; complete -C "omnesia {line}"'],
                                  capture_output=True, text=True, env=self.env, cwd=self.folder)
            self.assertEqual(said.stderr, "")
            self.assertEqual([word.split("\t")[0] for word in said.stdout.splitlines()], first,
                             line)
        self.assertFalse((self.folder / "evil").exists())

    def test_words(self):
        """The words that the table names are those that commands know."""
        table = self.script("bash", "omnesia.bash").read_text()
        for command in ("region", "bench"):
            words = re.search(rf"^    {command}\)\n.*rest='([^']*)'", table, re.M)[1].split()
            said = subprocess.run([PROGRAM, command, "nosuchword"], capture_output=True, text=True,
                                  env=self.env).stderr
            known = re.search(r"there are ([\w, ]+)", said)[1].replace(" and ", " ")
            self.assertEqual(sorted(words), sorted(re.findall(r"\w+", known)))

    def test_every_option(self):
        """What help lists, all three scripts complete."""
        scripts = [self.run_program("help", "--completion", shell)
                   for shell in ("bash", "zsh", "fish")]
        options = re.findall(r"^- `(?:-\w, )?--([\w-]+)", self.run_program("help", "--markdown"),
                             re.M)
        self.assertGreater(len(options), 100)
        for option in options:
            self.assertIn(f"--{option}", scripts[0])
            self.assertIn(f"--{option}", scripts[1])
            self.assertIn(f" -l {option} ", scripts[2] + " ")
        done = subprocess.run([PROGRAM, "help", "--completion", "csh"], capture_output=True,
                              text=True, env=self.env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("give bash, zsh or fish", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
