/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_names.c - hostile names at every door of the command line that takes one.
 *
 * A name (of a model, a file, a thing to pull, a layer in another program's manifest) is made from
 * a number: up and away, absolute, encoded, very long, not UTF-8, with newlines, links in a circle.
 * The program may open the file that was named, its own folders, the system's libraries, and
 * where other programs keep models; what is pulled or listed may name no file at all. It ends with
 * status 0, 1 or 2 and says so in words without control characters of the name.
 */
#include "soak.h"

#include "cli/opens.h"
#include "cli/store_bed.h"

#include <limits.h>

enum { NAME_MAX_BYTES = 5000 };

static const char *const pieces[] = {
    "..",
    "/",
    "/..",
    "../",
    ".",
    "//",
    "etc/passwd",
    "/etc/passwd",
    "/etc/shadow",
    "%2e%2e%2f",
    "..%2f",
    "\\..\\",
    "..\\",
    "~",
    "~root/",
    "$HOME",
    "`id`",
    "$(id)",
    ";id",
    "|id",
    "tiny",
    "tiny.gguf",
    "smollm2-135m",
    "sha256:",
    "sha256-",
    "sha256:../../../etc/passwd",
    "hf:",
    "hf:../..",
    "hf:a/b/../../../../etc/passwd",
    "ollama:",
    "ollama:../..:latest",
    "llama.cpp:",
    "llama.cpp:../../etc/passwd",
    "lm-studio:",
    "lm-studio:../../../etc/passwd",
    "file://",
    "http://127.0.0.1/",
    "-",
    "--",
    "-m",
    "--help",
    "@",
    "\n",
    "\r",
    "\t",
    "\033[2J",
    "\x7f",
    "\xff\xfe",
    "\xc0\xae\xc0\xae/",
    "\xef\xbc\x8f",
    "\xe2\x80\xae",
    "a",
    "A",
    "%s%n",
    "%d",
    "\xe4\xb8\xad",
    "CON",
    "nul",
    "/dev/null",
    "/dev/urandom",
    "/dev/stdin",
    "/dev/zero",
    "/proc/1/mem",
    "/proc/1/environ",
    "/",
    " ",
    "'",
    "\"",
    "*",
    "?",
    "[a]",
    "{a,b}",
    "loop",
    "away",
    "deep/",
    "0",
    "-1",
    "18446744073709551616",
};

/* What is said before the name, and after it. */
static const struct door {
    const char *before[8];
    enum { ARGUMENT, MANIFEST, LOCK } where;
} doors[] = {
    {{"pull", "--"}, ARGUMENT},
    {{"inspect", "--"}, ARGUMENT},
    {{"run", "-n1", "-t1", "-m"}, ARGUMENT},
    {{"run", "-n1", "-t1", "-f"}, ARGUMENT},
    {{"chat", "-n1", "-t1", "-m"}, ARGUMENT},
    {{"chat", "-n1", "-t1", "-f"}, ARGUMENT},
    {{"tokenize", "-m"}, ARGUMENT},
    {{"tokenize", "--file"}, ARGUMENT},
    {{"perplexity", "--file", "text", "-m"}, ARGUMENT},
    {{"perplexity", "--file"}, ARGUMENT},
    {{"perplexity", "--kl-base"}, ARGUMENT},
    {{"bench", "-p1", "-n1", "-t1", "-m"}, ARGUMENT},
    {{"models", "--here"}, MANIFEST}, /* Ollama's file says where its model is */
    {{"pull", "tiny"}, LOCK},         /* models.lock says what file a model becomes */
};
enum { DOORS = sizeof doors / sizeof *doors, NAMES = 5000, PIECE = sizeof pieces / sizeof *pieces };

/* What any program of this kind opens: libraries, the machine's description, other stores. */
static const char *const system_paths[] = {
    "/etc/ld.so.",
    "/lib/",
    "/lib64/",
    "/usr/lib/",
    "/usr/local/lib/",
    "/sys/",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/vm/overcommit_memory",
    "/proc/self/maps",
    "/proc/self/status",  /* our own peak of memory */
    "/proc/self/cmdline", /* sanitizers read it */
    "/proc/self/cgroup",
    "/proc/filesystems",
    "/dev/null",
    "/dev/urandom",
    "/dev/tty",
    "/tmp/tsan.rodata.",
    "/etc/terminfo/",
    "/usr/share/terminfo/",
    "/usr/share/ollama/.ollama/models/",
    "/usr/share/locale/",
    "/etc/inputrc",
    "/etc/ssl/",
    "/etc/localtime",
};

typedef struct watch {
    const char *name, *resolved; /* what may be opened because it was named */
    char foreign[256];           /* the first path that may not */
} watch;

static int begins(const char *path, const char *with) {
    return strncmp(path, with, strlen(with)) == 0;
}

static int climbs(const char *path) {
    for (const char *p = path; (p = strstr(p, "..")); p += 2)
        if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/')) return 1;
    return 0;
}

/* What a run that does nothing opens: of sanitizers, for one. */
static mn_buf usual;

static void learn(void *user, const char *path, int fd) {
    (void)user;
    (void)fd;
    assert_ok(mn_buf_printf(&usual, "\n%s\n", path));
}

static int is_usual(const char *path) {
    char line[512];
    const int n = snprintf(line, sizeof line, "\n%s\n", path);
    return usual.data && n < (int)sizeof line && strstr(usual.data, line);
}

static int allowed(const watch *w, const char *path, int fd) {
    if (strcmp(path, w->name) == 0 || (w->resolved && strcmp(path, w->resolved) == 0)) return 1;
    if (is_usual(path)) return 1;
    if (climbs(path)) return 0;
    if (path[0] != '/') return fd != AT_FDCWD || strcmp(path, "text") == 0;
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++)
        if (begins(path, system_paths[i])) return 1;
    static const char *const ours[] = {"cache", "home", "bin", "wheels", "log", "models.lock"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (begins(path, in_bed(ours[i]))) return 1;
    for (size_t n = strlen(bed); n && begins(bed, path); n = 0) return 1; /* mkdir -p */
    return strcmp(path, getenv("OMNESIA_PROGRAM")) == 0;
}

static void hear(void *user, const char *path, int fd) {
    watch *w = user;
    if (!*w->foreign && !allowed(w, path, fd)) snprintf(w->foreign, sizeof w->foreign, "%s", path);
}

/* Name number i: each piece alone, then mixtures, some of them many times over. */
static void make_name(long i, char *name) {
    unsigned long state = soak_seed(i);
    size_t n = 0;
    if (i < PIECE) {
        strcpy(name, pieces[i]);
        return;
    }
    const unsigned parts = 1 + soak_random(&state) % 6;
    const unsigned times = soak_random(&state) % 8 ? 1 : 1 + soak_random(&state) % 300;
    *name = 0;
    for (unsigned k = 0; k < parts * times; k++) {
        const unsigned pick = (unsigned)(soak_seed(i * 8 + k % parts) >> 33) % PIECE;
        const size_t m = strlen(pieces[pick]);
        if (n + m >= NAME_MAX_BYTES) break;
        memcpy(name + n, pieces[pick], m + 1);
        n += m;
    }
}

static void write_manifest(const char *name) {
    mn_buf text = {0};
    assert_ok(mn_buf_puts(&text,
                          "{\"layers\":[{\"mediaType\":\"application/vnd.ollama.image.model\""
                          ",\"digest\":\"sha256:"));
    for (const char *p = name; *p; p++)
        assert_ok(strchr("\"\\", *p) || (unsigned char)*p < 32
                      ? mn_buf_printf(&text, "\\u%04x", (unsigned char)*p)
                      : mn_buf_append(&text, p, 1));
    assert_ok(mn_buf_puts(&text, "\"}]}"));
    write_text(in_bed("home/.ollama/models/manifests/registry.ollama.ai/library/x/latest"),
               text.data, text.len);
    mn_buf_free(&text);
}

/* models.lock with `name` as the file that tiny becomes. */
static void write_lock(const char *name) {
    mn_buf lock = {0}, text = {0};
    make_lock(1);
    assert_ok(mn_file_read(in_bed("models.lock"), 1 << 16, &lock));
    char *at = strstr(lock.data, "file tiny.gguf");
    assert_ok(mn_buf_append(&text, lock.data, (size_t)(at - lock.data)));
    assert_ok(mn_buf_printf(&text, "file %s%s", name, at + strlen("file tiny.gguf")));
    write_text(in_bed("models.lock"), text.data, text.len);
    mn_buf_free(&lock);
    mn_buf_free(&text);
}

/* The words are whole and harmless on a terminal: no control characters but newlines. */
static void judge_words(long i, const char *name, int fd) {
    static char said[RUN_MAX];
    run_slurp(fd, said);
    for (const char *p = said; *p; p++)
        if (((unsigned char)*p < 32 && *p != '\n') || *p == 127)
            fail_msg("case %ld, \"%s\": a byte %d in \"%s\"", i, name, *p, said);
}

static int try_case(long i) {
    static char name[NAME_MAX_BYTES], resolved[PATH_MAX];
    const struct door *d = &doors[i % DOORS];
    char *argv[12] = {getenv("OMNESIA_PROGRAM")};
    int n = 1;
    make_name(i / DOORS, name);
    for (; d->before[n - 1]; n++) argv[n] = (char *)(uintptr_t)d->before[n - 1];
    watch w = {.name = d->where == ARGUMENT ? name : "text"};
    if (d->where == ARGUMENT) argv[n] = name;
    if (d->where == ARGUMENT && realpath(name, resolved)) w.resolved = resolved;
    if (d->where == MANIFEST) write_manifest(name);
    if (d->where == LOCK) write_lock(name);
    if (soak_planted()) w.name = w.resolved = "another name than the one that is opened";
    opens o = {.each = hear, .user = &w};
    const int said = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const int status = opens_run(&o, argv, said);
    if (d->where == LOCK) make_lock(1);
    if (status < 0) return 0;
    if (*w.foreign) fail_msg("case %ld: %s \"%s\" opens %s", i, d->before[0], name, w.foreign);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 2)
        fail_msg("case %ld: %s \"%s\": wait status %x", i, d->before[0], name, status);
    assert_true(o.heard > 0);
    judge_words(i, name, said);
    return 1;
}

static void names(void **s) {
    (void)s;
    for (long i = 0; i < 40; i++)
        for (long door = 0; door < DOORS; door++)
            if (i % 8 == door % 8 && !try_case((i * 61 % 500) * DOORS + door)) skip();
}

static void every_name(void **s) {
    (void)s;
    const soak range = soak_begin((long)NAMES * DOORS);
    for (long i = range.first; i < range.end; i++)
        if (!try_case(i)) fail_msg("this machine lets nobody trace");
    soak_end(&range, range.end - range.first);
}

static int furnish(void **state) {
    make_bed(state);
    setenv("HOME", in_bed("home"), 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* which needs ptrace for itself */
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_DATA_HOME");
    assert_ok(mn_file_mkdirs(in_bed("deep")));
    write_text(in_bed("text"), "hello", 5);
    assert_int_equal(chdir(bed), 0);
    char *nothing[] = {getenv("OMNESIA_PROGRAM"), (char *)(uintptr_t) "--version", NULL};
    opens o = {.each = learn};
    const int said = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    opens_run(&o, nothing, said);
    close(said);
    assert_int_equal(symlink("loop", "loop") | symlink("/etc", "away"), 0);
    return 0;
}

static int clear(void **state) {
    mn_buf_free(&usual);
    return drop_bed(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
    const struct CMUnitTest full[] = {cmocka_unit_test(every_name)};
    return soak_asked() ? cmocka_run_group_tests(full, furnish, clear)
                        : cmocka_run_group_tests(tests, furnish, clear);
}
