/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_redis.c - whatever a Redis says to a fleet that is bridged through it: what
 * lies in its hashes, what its channels say, robots of RoboOS, errors and replies of a wrong kind.
 * The connection is played here (net/redis.h); a brain and a robot work on the board meanwhile.
 *
 * A line is what is said once, in its turn:
 *   o R   of the bridge's objects       h R   on the bridge's channel
 *   i R   of AGENT_INFO                 r R   on a channel of RoboOS
 *   n R   who listens                   l R   of a short status
 *   f R   of the format                 e R   of any other command
 *   ? TEXT   nothing is said: a task is asked for
 *   ! KEY tab VALUE   nothing is said: it is written on the board (fleet_bed.h)
 * R: "TEXT, :NUMBER, -ERROR, +STATUS, _ (nil), or [ and any of these, tabs between them. Where no
 * line is left, lists are empty, the format is ours, and all is well.
 */
#include "fleet_bed.h"

#include "fleet/bridge.h"
#include "net/redis.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { ROUNDS = 48, LAST = 6 };

struct mn_redis_line {
    int number;        /* of the four: who says and who hears, of the bridge, of RoboOS */
    char awaited[64];  /* kinds of replies */
    unsigned n, first; /* of them */
    int rests;         /* a message was said: the next one later */
};

static struct script {
    const char *at, *end;
    int opened, open, rounds, last, bell;
    fleet_bed bed;
} script;

/* ---- what is said -------------------------------------------------------------------------- */
/* The line that is next, if it is of this kind: without its kind. */
static int line_of(char kind, const char **text, size_t *n) {
    const char *const at = script.at;
    if (at >= script.end || *at != kind) return 0;
    const char *const nl = memchr(at, '\n', (size_t)(script.end - at));
    const char *const end = nl ? nl : script.end;
    *text = at + 1;
    *n = (size_t)(end - at) - 1;
    script.at = end + (nl != NULL);
    return 1;
}

static mn_redis_reply *reply(const char *text, size_t n) {
    mn_redis_reply *const r = mn_calloc(1, sizeof *r);
    check(r != NULL);
    r->kind = !n             ? MN_REDIS_NIL
              : *text == ':' ? MN_REDIS_NUMBER
              : *text == '-' ? MN_REDIS_ERROR
              : *text == '+' ? MN_REDIS_STATUS
              : *text == '[' ? MN_REDIS_LIST
              : *text == '_' ? MN_REDIS_NIL
                             : MN_REDIS_TEXT;
    if (r->kind == MN_REDIS_NIL || r->kind == MN_REDIS_LIST) return r;
    r->n = n - 1;
    check((r->text = mn_malloc(n)) != NULL);
    memcpy(r->text, text + 1, n - 1);
    r->text[n - 1] = 0;
    if (r->kind == MN_REDIS_NUMBER) r->number = strtoll(r->text, NULL, 10);
    return r;
}

static mn_redis_reply *reply_of(const char *text, size_t n) {
    mn_redis_reply *const r = reply(text, n);
    if (r->kind != MN_REDIS_LIST || n < 2) return r;
    const char *at = text + 1, *const end = text + n;
    check((r->part = mn_calloc(n, sizeof *r->part)) != NULL);
    while (at <= end) {
        const char *const tab = at < end ? memchr(at, '\t', (size_t)(end - at)) : NULL;
        const size_t k = (size_t)((tab ? tab : end) - at);
        r->part[r->n++] = reply(at, k);
        at += k + 1;
    }
    return r;
}

static mn_redis_reply *answer(char kind) {
    const char *text;
    size_t n;
    if (line_of(kind, &text, &n)) return reply_of(text, n);
    return strchr("oin", kind) ? reply("[", 1)
           : kind == 'f'       ? reply("\"1", 2)
           : kind == 'l'       ? reply("_", 1)
                               : reply(":1", 2);
}

/* ---- net/redis.h --------------------------------------------------------------------------- */
void mn_redis_reply_free(mn_redis_reply **r) {
    mn_redis_reply *const one = *r;
    *r = NULL;
    if (!one) return;
    for (size_t i = 0; one->part && i < one->n; i++) mn_redis_reply_free(one->part + i);
    mn_free(one->part);
    mn_free(one->text);
    mn_free(one);
}

int mn_redis_line_open(const mn_redis_url *at, uint64_t deadline, mn_redis_line **out) {
    (void)at, (void)deadline;
    *out = mn_calloc(1, sizeof **out);
    check(*out != NULL);
    (*out)->number = script.opened++ % 4;
    script.open++;
    return 0;
}

void mn_redis_line_close(mn_redis_line **r) {
    script.open -= *r != NULL;
    mn_free(*r);
    *r = NULL;
}

int mn_redis_line_add(mn_redis_line *r, int n, const char *const *word, const size_t *bytes) {
    for (int i = 0; i < n; i++) check(word[i] && (!bytes || bytes[i] <= MN_BRIDGE_MESSAGE));
    if (r->n - r->first == sizeof r->awaited) return MN_FAIL(MN_EIO, "too many commands");
    r->awaited[r->n++ % sizeof r->awaited] = !strcmp(word[0], "HGETALL")
                                                 ? (strcmp(word[1], "AGENT_INFO") ? 'o' : 'i')
                                             : !strcmp(word[0], "GET")    ? 'f'
                                             : !strcmp(word[0], "PUBSUB") ? 'n'
                                             : !strcmp(word[0], "LINDEX") ? 'l'
                                                                          : 'e';
    return 0;
}

int mn_redis_line_flush(mn_redis_line *r, uint64_t deadline) {
    (void)r, (void)deadline;
    return 0;
}
int mn_redis_line_step(mn_redis_line *r) {
    (void)r;
    return 0;
}
size_t mn_redis_line_queued(const mn_redis_line *r) {
    (void)r;
    return 0;
}

int mn_redis_line_next(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out) {
    const char *text;
    size_t n;
    (void)deadline;
    *out = NULL;
    if (r->n != r->first) {
        *out = answer(r->awaited[r->first++ % sizeof r->awaited]);
        return 1;
    }
    r->rests = !r->rests;
    if (!r->rests || !line_of(r->number == 3 ? 'r' : 'h', &text, &n)) return 0;
    *out = reply_of(text, n);
    return 1;
}

int mn_redis_line_ask(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out, int n,
                      const char *const *word, const size_t *bytes) {
    MN_TRY(mn_redis_line_add(r, n, word, bytes));
    mn_redis_line_next(r, deadline, out);
    if ((*out)->kind != MN_REDIS_ERROR) return 0;
    MN_FAIL(MN_EIO, "%s", (*out)->text);
    mn_redis_reply_free(out);
    return MN_EIO;
}
int mn_redis_line_good(const mn_redis_line *r) {
    (void)r;
    return 1;
}
int mn_redis_line_fd(const mn_redis_line *r) {
    (void)r;
    return script.bell; /* it is always readable */
}

/* ---- the fleet ----------------------------------------------------------------------------- */
static int stop(void *user) {
    const char *text, *before = script.at;
    char task[256], id[16];
    size_t n;
    (void)user;
    bed_step(&script.bed);
    if (line_of('?', &text, &n) && n && n < sizeof task) {
        memcpy(task, text, n);
        task[n] = 0;
        said_why(mn_fleet_ask(script.bed.b, task, "me", 0, id));
    }
    if (line_of('!', &text, &n)) bed_write(&script.bed, text, n);
    if (script.rounds && !script.open) return 1; /* it would be tried again in a while */
    if (script.last == LAST && script.at == before && script.at < script.end) {
        const char *const nl = memchr(script.at, '\n', (size_t)(script.end - script.at));
        script.at = nl ? nl + 1 : script.end; /* nobody asks for it */
        script.last = 0;
    }
    script.last = script.at == before ? script.last + 1 : 0;
    return ++script.rounds > ROUNDS || (script.at >= script.end && script.last > LAST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_buf said = {0};
    if (size > 65536) return 0;
    script = (struct script){.at = (const char *)data, .end = (const char *)data + size};
    script.bell = eventfd(1, EFD_CLOEXEC);
    check(script.bell >= 0);
    bed_open(&script.bed);
    said_why(mn_bridge_run(script.bed.b, "redis://localhost", "here", 1, stop, NULL, &said));
    bed_look(&script.bed);
    bed_close(&script.bed);
    close(script.bell);
    mn_buf_free(&said);
    return 0;
}
