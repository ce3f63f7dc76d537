# SPDX-License-Identifier: Apache-2.0
"""The two sides of every comparison, Peer (llama.cpp) and Ours: the same questions, each asked in
the words of its own command line.

Rules for both: random token ids, f16 KV, exactly `threads` compute threads, and the model opened
anew in every call. Ours also says --region none and takes the seed of the ids; llama-bench draws
its ids from rand() with the C library's own start and has no option for it.
"""
import json
import os
import shutil
import subprocess
from pathlib import Path

import proc

HERE = Path(__file__).resolve().parent
# The words of the 16-token prompt; how many of them make 16 tokens depends on the tokenizer.
WORDS = ("The quick brown fox jumps over the lazy dog and then it goes home to sleep for the whole "
         "day and the night").split()
PROMPT_TOKENS = 16


def peers_dir():
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PEERS_DIR") or Path(cache) / "omnesia-peers")


def build_peer(variant="native"):
    """Folder of llama.cpp's programs, built when it is not there yet."""
    done = subprocess.run([HERE / "llama-cpp.sh", variant], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode != 0:
        raise proc.Failed("llama.cpp could not be built; the reason stands above")
    return Path(done.stdout.split()[-1])


class Peer:
    name = "llama.cpp"

    def __init__(self, folder, threads):
        self.folder, self.threads = Path(folder), threads
        self.prompts = {}

    def bench(self, model, prompt, gen, depth, seed, numerics=None):
        """Tokens per second {prefill, decode}; 0 tokens of one kind leave it out."""
        del seed, numerics
        out = proc.run([self.folder / "llama-bench", "-m", model, "-p", prompt, "-n", gen,
                        "-d", depth, "-t", self.threads, "-r", 1, "-o", "json"]).text
        rates = {"prefill" if r["n_prompt"] else "decode": r["avg_ts"] for r in json.loads(out)}
        return {"prefill": rates.get("prefill"), "decode": rates.get("decode")}

    def answer(self, model, text, n=1):
        return [self.folder / "llama-completion", "-m", model, "-p", text, "-n", n, "-no-cnv",
                "-t", self.threads, "--temp", 0, "--no-display-prompt"]

    def first(self, model, text, *more):
        return proc.run([*self.answer(model, text), *more])

    def long_prompt(self, model, tokens):
        """Words that make `tokens` tokens of this model, as nearly as may be."""
        words = [WORDS[i * i % len(WORDS)] for i in range(2 * tokens)]
        n = tokens
        for _ in range(8):
            n += tokens - self.count(model, " ".join(words[:n]))
        return " ".join(words[:n])

    def prompt(self, model):
        """Words that make exactly PROMPT_TOKENS tokens of this model, begin token included."""
        if model not in self.prompts:
            texts = [" ".join(WORDS[:n]) for n in range(8, len(WORDS) + 1)]
            fits = (text for text in texts if self.count(model, text) == PROMPT_TOKENS)
            self.prompts[model] = next(fits, " ".join(WORDS[:PROMPT_TOKENS]))
        return self.prompts[model]

    def count(self, model, text):
        out = proc.run([self.folder / "llama-tokenize", "-m", model, "-p", text, "--ids",
                        "--log-disable"]).text
        return len(json.loads(out))

    def serve(self, model, folder):
        """llama-server over one slot whose states are files of `folder`; no warm-up, no pages."""
        return proc.served([self.folder / "llama-server", "-m", model, "-t", self.threads, "-np", 1,
                            "-c", 8192, "--no-warmup", "--no-webui", "--slot-save-path", folder])

    def save_slot(self, model, text, folder):
        with self.serve(model, folder) as server:
            server.ask("/completion", {"prompt": text, "n_predict": 1, "temperature": 0})
            server.ask("/slots/0?action=save", {"filename": "slot"})

    def restore_slot(self, model, text, folder):
        """Milliseconds from before the server's start to the first token behind a saved prompt."""
        with self.serve(model, folder) as server:
            server.ask("/slots/0?action=restore", {"filename": "slot"})
            said = server.ask("/completion", {"prompt": text, "n_predict": 1, "temperature": 0})
            took = server.age_ms()
        if said["timings"]["prompt_n"] > 64:
            raise proc.Failed("llama-server computed the prompt again; its slot was not restored")
        return took

    def requantise(self, model, kind):
        """`model` in another format, made once and kept beside the peers."""
        target = peers_dir() / "models" / f"{Path(model).stem}.{kind}.gguf"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            making = target.with_suffix(f".{os.getpid()}.tmp")
            try:
                proc.run([self.folder / "llama-quantize", "--allow-requantize", model, making,
                          kind, self.threads])
                making.rename(target)
            finally:
                making.unlink(missing_ok=True)
        return target


class Ours:
    name = "omnesia"

    def __init__(self, program, threads):
        self.program, self.threads = Path(program).resolve(), threads
        # Packed weights go to a folder of their own, on a disk, that may be emptied at will.
        self.cache = peers_dir() / "packed"
        self.env = {"OMNESIA_CACHE": str(self.cache)}

    def pull(self, name):
        """The model's path; the user's own cache keeps it, as after any `omnesia pull`."""
        return Path(proc.run([self.program, "pull", name]).text.strip().splitlines()[-1])

    def forget(self):
        """Empty the cache of packed weights."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True)

    def packed_bytes(self):
        """Size of the packed file: the largest file in the cache folder."""
        return max((f.stat().st_size for f in self.cache.rglob("*") if f.is_file()), default=0)

    def bench(self, model, prompt, gen, depth, seed, numerics=None):
        out = proc.run([self.program, "bench", "speed", "-m", model, "-p", prompt, "-n", gen,
                        "-d", depth, "-t", self.threads, "--seed", seed, "--json"]
                       + (["--numerics", numerics] if numerics else []), self.env).text
        try:
            said = json.loads(out.strip().splitlines()[-1])
        except (IndexError, ValueError) as e:
            raise proc.Failed("omnesia bench speed --json did not end with a JSON object") from e
        return {"prefill": said.get("prefill_tps") if prompt else None,
                "decode": said.get("decode_tps") if gen else None,
                "waiting": said.get("wait_share")}

    def answer(self, model, text, n=1, region="none"):
        return [self.program, "run", "-m", model, "--raw", "--temp", 0, "-n", n,
                "-t", self.threads, "--region", region, text]

    def first(self, model, text, region="none"):
        return proc.run(self.answer(model, text, region=region), self.env)

    def held(self, model, text):
        """A process frozen after its first byte, with more of the answer still to come."""
        return proc.held(self.answer(model, text, 64), self.env)
