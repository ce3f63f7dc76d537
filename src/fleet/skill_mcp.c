/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_mcp.c - a host of skills that speaks MCP (fleet/skill_talk.h), whatever way its
 * messages go: when it is opened, called, told to stop, late, lost.
 *
 *   down --start, or the first look--> up, opening --> ready --call--> running --> ready
 *     ^                                                                  |
 *     +--- crashed, garbage, not ended GRACE after it was told to: killed +
 *
 * Who is late is told to stop like any other, so that it may put its motors to rest: it has ended
 * with "timeout" then; who goes on is "hung". Who is stopped has ended with "cancelled", with or
 * without an answer: MCP asks for none.
 *
 * Limits are in the time of the board; how long somebody has to open or to stop is in the
 * machine's.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "fleet/skill_way.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GRACE_MS = 40, SHAKE_MS = 3000, OPEN_MS = 20000, PEEK_MS = 250, MS = 1000000 };

/* ---- ends ---------------------------------------------------------------------------------- */
static int is_busy(const mn_speaker *h) {
    return *h->skill != 0;
}

static void idle(mn_speaker *h) {
    h->skill[0] = 0;
    h->asked = 0;
    h->late = h->mute = 0;
    json_decref(h->args);
    h->args = NULL;
}

/* It ends so for who asked, if somebody did; otherwise nothing does. */
static int over(mn_speaker *h, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int over(mn_speaker *h, const char *code, const char *format, ...) {
    char text[1000];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const int busy = is_busy(h);
    idle(h);
    mn_talk_forget(&h->talk);
    if (!busy) return 0;
    h->unread = 1;
    return mn_skill_end_set(&h->end, code, "%s", text);
}

static void go_down(mn_speaker *h) {
    if (h->is_up) h->way->down(h);
    h->is_up = 0;
    mn_talk_close(&h->talk);
}

/* The next call begins anew. */
int mn_speaker_lost(mn_speaker *h, const char *code, const char *why) {
    char text[1000];
    snprintf(text, sizeof text, "%s", why);
    go_down(h);
    snprintf(h->wrong, sizeof h->wrong, "%.500s", text);
    if (!h->host.changed) h->host.changed = 1; /* there is nothing to wait for */
    return over(h, code, "%s", text);
}

int mn_speaker_open(mn_speaker *h,
                    int (*send)(void *, int64_t, const char *, const char *, const mn_buf *)) {
    const mn_talk_way way = {.send = send, .user = h};
    h->began = mn_clock_ns();
    return mn_talk_open(&h->talk, &way, h->shake);
}

static int up(mn_speaker *h) {
    h->tried = h->is_up = 1;
    const int rc = h->way->up(h);
    if (rc < 0) go_down(h);
    return rc;
}

static int pump(mn_speaker *h) {
    const int more = h->way->pump(h);
    if (more >= 0) return more;
    return mn_speaker_lost(h, more == MN_ECORRUPT ? "garbage" : "failed", mn_error_detail());
}

/* ---- a call -------------------------------------------------------------------------------- */
static int begin(mn_speaker *h, uint64_t now) {
    const mn_skill *const s = mn_skills_find(&h->talk.skills, h->skill);
    if (!s) return over(h, "unknown", "%s has no skill '%.63s'", h->label, h->skill);
    if (mn_skill_args_check(s, h->args) < 0) {
        char why[512];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return over(h, "arguments", "%s", why);
    }
    h->limit = s->limit;
    h->until = now + (uint64_t)(s->limit * 1e9);
    const int rc = mn_talk_call(&h->talk, h->skill, h->args);
    json_decref(h->args);
    h->args = NULL;
    return rc < 0 ? mn_speaker_lost(h, "failed", mn_error_detail()) : 0;
}

static int start(mn_skill_host *host, const char *skill, const json_t *args, uint64_t now) {
    mn_speaker *const h = (mn_speaker *)host;
    if (is_busy(h) || h->unread)
        return MN_FAIL(MN_EBUSY, "%s runs; one skill at a time",
                       is_busy(h) ? h->skill : "what was called before");
    h->args = args ? json_deep_copy(args) : json_object();
    if (!h->args) return MN_FAIL(MN_ENOMEM, "no memory to call %s", skill);
    snprintf(h->skill, sizeof h->skill, "%s", skill);
    h->asked = 0;
    h->limit = OPEN_MS / 1000.0;
    h->until = now + (uint64_t)OPEN_MS * MS;
    if (h->is_up && h->way->gone(h)) go_down(h); /* it died of boredom */
    if (!h->is_up && up(h) < 0) return mn_speaker_lost(h, "crashed", mn_error_detail());
    return h->talk.state == MN_TALK_READY ? begin(h, now) : 0;
}

/* The code and the sentence of what was told to stop. */
static const char *stopped(const mn_speaker *h, char why[200]) {
    if (h->late)
        snprintf(why, 200, "%s had not ended after %g s", h->skill, h->limit);
    else
        snprintf(why, 200, "%s was stopped", h->skill);
    return h->late ? "timeout" : "cancelled";
}

int mn_speaker_crashed(mn_speaker *h, const char *code, const char *why, const char *words) {
    char text[1000], stop[200];
    if (!h->asked) return mn_speaker_lost(h, code, why);
    code = stopped(h, stop);
    snprintf(text, sizeof text, "%s%.700s", stop, words);
    return mn_speaker_lost(h, code, text);
}

/* It does not answer. MCP has a request that was cancelled end without an answer, so that is no
 * fault of who was stopped; who is late has had its time. */
static int went_on(mn_speaker *h) {
    char why[200], text[300];
    (void)stopped(h, why);
    if (h->late)
        snprintf(text, sizeof text, "%s, and went on when it was told to stop", why);
    else
        snprintf(text, sizeof text, "%s, and had not answered %d ms later", why, GRACE_MS);
    return mn_speaker_lost(h, h->late ? "hung" : "cancelled", text);
}

/* It has answered: "hung" is what its own host says of a skill (fleet/skill_host.c). */
static int ended(mn_speaker *h) {
    mn_talk *const t = &h->talk;
    char why[200];
    if (h->asked && !t->end.ok && !strcmp(t->end.code, "hung")) return went_on(h);
    const char *const code = h->asked && !t->end.ok ? stopped(h, why) : NULL;
    h->end = t->end;
    t->end = (mn_skill_end){.ok = 0};
    if (code) snprintf(h->end.code, sizeof h->end.code, "%s", code);
    idle(h);
    mn_talk_forget(t);
    h->unread = 1;
    return 0;
}

static void tell_to_stop(mn_speaker *h) {
    if (!is_busy(h) || h->asked) return;
    h->asked = mn_clock_ns();
    if (h->is_up && h->talk.call) h->mute = h->way->cancel(h);
}

static int judge_stopped(mn_speaker *h) {
    char why[200];
    const char *const code = stopped(h, why);
    if (h->args) return over(h, code, "%s", why);
    if (h->mute) return mn_speaker_lost(h, code, why);
    return mn_clock_ns() - h->asked < (uint64_t)GRACE_MS * MS ? 0 : went_on(h);
}

/* What has ended, or is late. */
static int judge(mn_speaker *h, uint64_t now) {
    char why[600];
    mn_talk *const t = &h->talk;
    if (t->state == MN_TALK_REFUSED) {
        char code[32];
        snprintf(code, sizeof code, "%s", t->code);
        snprintf(why, sizeof why, "%s", t->why);
        return mn_speaker_lost(h, code, why);
    }
    if (t->state == MN_TALK_READY) h->wrong[0] = 0;
    if (t->state == MN_TALK_READY && h->args) MN_TRY(begin(h, now));
    if (t->ended) return ended(h);
    if (is_busy(h) && h->args && !h->asked && now >= h->until) {
        snprintf(why, sizeof why, "%s had not told its skills after %g s", h->label, h->limit);
        return mn_speaker_lost(h, "hung", why);
    }
    if (is_busy(h) && now >= h->until) { /* who calls may have told it just now */
        h->late = 1;
        tell_to_stop(h);
    }
    if (h->asked) return judge_stopped(h);
    if (t->state == MN_TALK_READY || t->state == MN_TALK_CLOSED) return 0;
    const uint64_t open = mn_clock_ns() - h->began;
    if (!is_busy(h) && open >= (uint64_t)OPEN_MS * MS) {
        snprintf(why, sizeof why, "%.200s had not told its skills after %d s", h->label,
                 OPEN_MS / 1000);
        return mn_speaker_lost(h, "hung", why);
    }
    return open >= (uint64_t)SHAKE_MS * MS ? mn_talk_shake(t) : 0;
}

/* When there is something to do at the latest, though nothing comes. */
static uint64_t next(const mn_speaker *h, uint64_t now, int more) {
    uint64_t at = UINT64_MAX;
    if (more || (h->is_up && h->talk.state == MN_TALK_READY && h->args)) return now;
    if (h->is_up && (is_busy(h) || h->talk.state != MN_TALK_READY))
        at = now + (uint64_t)PEEK_MS * MS; /* its children may hold its streams open */
    if (is_busy(h) && !h->asked && h->until < at) at = h->until;
    if (!h->asked) return at;
    if (h->mute) return now;
    const uint64_t since = mn_clock_ns() - h->asked, grace = (uint64_t)GRACE_MS * MS;
    const uint64_t then = since < grace ? now + grace - since : now;
    return then < at ? then : at;
}

static int look(mn_skill_host *host, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end) {
    mn_speaker *const h = (mn_speaker *)host;
    int more = 0;
    *again = UINT64_MAX;
    *progress = -1;
    if (!h->unread) {
        if (!h->is_up && !h->tried && up(h) < 0)
            MN_TRY(mn_speaker_lost(h, "crashed", mn_error_detail()));
        if (h->is_up) MN_TRY(more = pump(h));
        if (h->talk.call || h->talk.ended) *progress = h->talk.progress;
        if (h->is_up || is_busy(h)) MN_TRY(judge(h, now));
        host->changed += h->talk.changed - h->seen;
        h->seen = h->talk.changed;
    }
    *again = next(h, now, more);
    if (!h->unread) return 0;
    mn_skill_end_free(end);
    *end = h->end;
    h->end = (mn_skill_end){.ok = 0};
    h->unread = 0;
    return 1;
}

static void cancel(mn_skill_host *host) {
    tell_to_stop((mn_speaker *)host);
}

static int list(mn_skill_host *host, json_t **manifests) {
    *manifests = mn_talk_manifests(&((mn_speaker *)host)->talk);
    return *manifests ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a list of skills");
}

static int fd(mn_skill_host *host) {
    return ((mn_speaker *)host)->fd;
}

static const char *wrong(mn_skill_host *host) {
    mn_speaker *const h = (mn_speaker *)host;
    const mn_buf *const out = &h->talk.left_out;
    if (*h->wrong || !out->len) return h->wrong;
    snprintf(h->said, sizeof h->said, "left out: %s", out->data);
    return h->said;
}

static void close_host(mn_skill_host **host) {
    mn_speaker *const h = (mn_speaker *)*host;
    if (!h) return;
    *host = NULL;
    cancel(&h->host);
    if (h->is_up) h->way->leave(h);
    go_down(h);
    idle(h);
    h->way->free(h);
    mn_talk_free(&h->talk);
    mn_skill_end_free(&h->end);
    mn_free(h);
}

static const mn_skill_host_ops ops = {.name = "mcp",
                                      .list = list,
                                      .start = start,
                                      .look = look,
                                      .cancel = cancel,
                                      .fd = fd,
                                      .close = close_host,
                                      .wrong = wrong};

int mn_speaker_make(const mn_skill_way *way, void *its, const char *label, int fd_of,
                    mn_skill_host **out) {
    static const mn_speaker none;
    mn_speaker *const h = mn_calloc(1, sizeof *h);
    *out = NULL;
    if (!h) {
        mn_speaker last = none; /* what is taken is freed */
        last.its = its;
        way->free(&last);
        return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    }
    h->host.ops = &ops;
    h->way = way;
    h->its = its;
    h->fd = fd_of;
    snprintf(h->label, sizeof h->label, "%s", label);
    *out = &h->host;
    const int rc = up(h);
    if (rc < 0) close_host(out);
    return rc;
}

int mn_skill_host_wait(mn_skill_host *h, int ms) {
    const uint64_t until = mn_clock_ns() + (uint64_t)(ms < 0 ? 0 : ms) * MS;
    for (;;) {
        mn_skill_end end = {.ok = 0};
        uint64_t again;
        double progress;
        const int rc = h->changed ? 0 : h->ops->look(h, mn_clock_ns(), &again, &progress, &end);
        mn_skill_end_free(&end);
        MN_TRY(rc);
        const uint64_t now = mn_clock_ns();
        const char *const why = h->ops->wrong ? h->ops->wrong(h) : "";
        json_t *all = NULL;
        if (h->changed) {
            MN_TRY(h->ops->list(h, &all));
            const size_t n = json_array_size(all);
            json_decref(all);
            return !n && *why ? MN_FAIL(MN_EIO, "%s", why) : 1;
        }
        if (now >= until) return 0;
        const uint64_t then = again < until ? again : until;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        poll(&p, 1, then > now ? (int)((then - now) / MS + 1) : 0);
    }
}
