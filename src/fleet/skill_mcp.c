/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_mcp.c - a skill is a program: a process of its own that speaks MCP over its standard
 * streams, a message a line (fleet/skill_talk.h).
 *
 *   down --start, or the first look--> up, opening --> ready --call--> running --> ready
 *     ^                                                                  |
 *     +--- crashed, hung, garbage, not ended GRACE after a stop: killed --+
 *
 * What it says to standard error is kept for the sentence that tells of its end. A line has 1 MiB
 * at most; each look reads at most READ bytes, so who floods us holds nobody up.
 */
#include "base/alloc.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "fleet/skill_talk.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GRACE_MS = 40, SHAKE_MS = 3000, OPEN_MS = 20000, LEAVE_MS = 100, PEEK_MS = 250 };
enum { READ = 1 << 18, WAITING = 4 << 20, WORDS = 300 };
enum { MS = 1000000 };

typedef struct program {
    mn_skill_host host; /* first */
    char **argv;
    mn_child *child; /* NULL: down */
    mn_talk talk;
    int poll, armed; /* epoll; its input is waited for */
    mn_buf in, out;  /* of a line that is not whole; what it has not read */
    size_t sent;     /* of out */
    int shake;       /* it died of server/discover: greet it in the older way */
    int tried;       /* it was started once */
    uint64_t seen;   /* talk.changed, as host.changed has it */
    uint64_t began;  /* mn_clock_ns when it was started */

    char skill[64]; /* what runs, or is to; "": nothing */
    json_t *args;   /* of what is to run; NULL: it was asked */
    uint64_t until; /* ns of the board */
    double limit;   /* s, the same */
    uint64_t asked; /* mn_clock_ns when it was told to stop; 0: it was not */
    int unread;     /* `end` is to be looked at */
    mn_skill_end end;
    char wrong[512], said[1024];
} program;

/* ---- the program --------------------------------------------------------------------------- */
static int watch(program *h, int op, int fd, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    return epoll_ctl(h->poll, op, fd, &e) < 0
               ? MN_FAIL(MN_EIO, "cannot watch %s: %s", h->argv[0], strerror(errno))
               : 0;
}

static void down(program *h) {
    if (h->child) mn_child_end(&h->child); /* epoll forgets what is closed */
    mn_talk_close(&h->talk);
    mn_buf_clear(&h->in);
    mn_buf_clear(&h->out);
    h->sent = 0;
    h->armed = 0;
}

static int flush(program *h) {
    while (h->sent < h->out.len) {
        const ssize_t k =
            send(mn_child_to(h->child), h->out.data + h->sent, h->out.len - h->sent, MSG_NOSIGNAL);
        if (k > 0) h->sent += (size_t)k;
        if (k < 0 && errno != EINTR) break; /* full; or it has ended, which is seen elsewhere */
    }
    const int waits = h->sent < h->out.len;
    if (!waits) {
        mn_buf_clear(&h->out);
        h->sent = 0;
    }
    if (waits == h->armed) return 0;
    h->armed = waits;
    return watch(h, EPOLL_CTL_MOD, mn_child_to(h->child), waits ? EPOLLOUT : 0);
}

static int carry(void *user, int64_t id, const char *method, const char *name, const mn_buf *text) {
    program *const h = user;
    (void)id, (void)method, (void)name;
    if (h->out.len - h->sent + text->len > WAITING)
        return MN_FAIL(MN_EFULL, "%s does not read what it is told", h->argv[0]);
    MN_TRY(mn_buf_append(&h->out, text->data, text->len));
    MN_TRY(mn_buf_puts(&h->out, "\n"));
    return flush(h);
}

static int up(program *h) {
    const mn_talk_way way = {.send = carry, .user = h};
    h->tried = 1;
    MN_TRY(mn_child_start_talk((const char *const *)(uintptr_t)h->argv, NULL, &h->child));
    h->began = mn_clock_ns();
    int rc = watch(h, EPOLL_CTL_ADD, mn_child_to(h->child), 0);
    if (rc >= 0) rc = watch(h, EPOLL_CTL_ADD, mn_child_from(h->child), EPOLLIN);
    if (rc >= 0) rc = watch(h, EPOLL_CTL_ADD, mn_child_words(h->child), EPOLLIN);
    if (rc >= 0) rc = mn_talk_open(&h->talk, &way, h->shake);
    if (rc < 0) down(h);
    return rc;
}

/* ---- ends ---------------------------------------------------------------------------------- */
static int is_busy(const program *h) {
    return *h->skill != 0;
}

static void idle(program *h) {
    h->skill[0] = 0;
    h->asked = 0;
    json_decref(h->args);
    h->args = NULL;
}

/* It ends so for who asked, if somebody did; it is what is wrong with the program in any case. */
static int over(program *h, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int over(program *h, const char *code, const char *format, ...) {
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

/* The same, and the program is killed: the next call starts it anew. */
static int killed(program *h, const char *code, const char *why) {
    char text[1000];
    snprintf(text, sizeof text, "%s", why);
    down(h);
    snprintf(h->wrong, sizeof h->wrong, "%.500s", text);
    if (!h->host.changed) h->host.changed = 1; /* there is nothing to wait for */
    return over(h, code, "%s", text);
}

/* The last it has said to standard error. */
static void last_words(const program *h, char words[WORDS]) {
    const char *const all = mn_child_said(h->child);
    size_t n = strlen(all), from;
    while (n && strchr(" \r\n\t", all[n - 1])) n--;
    from = n;
    while (from && all[from - 1] != '\n') from--;
    snprintf(words, WORDS, "%s%.*s", n ? "; its last words: " : "", (int)(n - from), all + from);
}

static int crashed(program *h, int status) {
    char words[WORDS], why[WORDS + 200];
    const int opening = h->talk.state == MN_TALK_OPENING;
    last_words(h, words);
    if (opening && h->talk.discover && !h->talk.initialize && !h->shake) {
        h->shake = 1; /* it may be one that cannot bear what it does not know */
        down(h);
        return up(h);
    }
    if (h->asked) {
        snprintf(why, sizeof why, "%s was stopped%s", h->skill, words);
        return killed(h, "cancelled", why);
    }
    snprintf(why, sizeof why, "%.100s %s %d%s", h->argv[0],
             status > 128 ? "was ended by signal" : "ended with status",
             status > 128 ? status - 128 : status, words);
    return killed(h, "crashed", why);
}

/* ---- what comes ---------------------------------------------------------------------------- */
static int lines(program *h) {
    size_t at = 0;
    for (;;) {
        const char *const from = h->in.data + at;
        const char *const end = at < h->in.len ? memchr(from, '\n', h->in.len - at) : NULL;
        const size_t n = end ? (size_t)(end - from) : h->in.len - at;
        if (n > MN_TALK_LINE)
            return MN_FAIL(MN_ECORRUPT, "it says a line of more than %d bytes", MN_TALK_LINE);
        if (!end) break;
        if (n > strspn(from, " \t\r")) MN_TRY(mn_talk_take(&h->talk, from, n));
        at += n + 1;
    }
    memmove(h->in.data, h->in.data + at, h->in.len - at);
    h->in.len -= at;
    h->in.data[h->in.len] = 0;
    return 0;
}

/* 1: there is more; 0: that was all for now. */
static int hear(program *h) {
    for (size_t all = 0; all < READ;) {
        MN_TRY(mn_buf_reserve(&h->in, 65536));
        const ssize_t k = read(mn_child_from(h->child), h->in.data + h->in.len, 65535);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return 0;
        h->in.len += (size_t)k;
        h->in.data[h->in.len] = 0;
        all += (size_t)k;
        MN_TRY(lines(h));
    }
    return 1;
}

/* All that has come, and whether it still lives. 1: there is more to hear. */
static int pump(program *h) {
    int status, more;
    MN_TRY(flush(h));
    const int ended = mn_child_wait(h->child, 0, &status);
    more = hear(h);
    if (more == MN_ECORRUPT) return killed(h, "garbage", mn_error_detail());
    if (more < 0) return killed(h, "failed", mn_error_detail());
    if (ended && !more && !h->talk.ended) return crashed(h, status);
    return more;
}

/* ---- a call -------------------------------------------------------------------------------- */
static int begin(program *h, uint64_t now) {
    const mn_skill *const s = mn_skills_find(&h->talk.skills, h->skill);
    if (!s) return over(h, "unknown", "%s has no skill '%.63s'", h->argv[0], h->skill);
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
    return rc < 0 ? killed(h, "failed", mn_error_detail()) : 0;
}

static int start(mn_skill_host *host, const char *skill, const json_t *args, uint64_t now) {
    program *const h = (program *)host;
    if (is_busy(h) || h->unread)
        return MN_FAIL(MN_EBUSY, "%s runs; one skill at a time",
                       is_busy(h) ? h->skill : "what was called before");
    h->args = args ? json_deep_copy(args) : json_object();
    if (!h->args) return MN_FAIL(MN_ENOMEM, "no memory to call %s", skill);
    snprintf(h->skill, sizeof h->skill, "%s", skill);
    h->asked = 0;
    h->limit = OPEN_MS / 1000.0;
    h->until = now + (uint64_t)OPEN_MS * MS;
    int status;
    if (h->child && mn_child_wait(h->child, 0, &status)) down(h); /* it died of boredom */
    if (!h->child && up(h) < 0) return killed(h, "crashed", mn_error_detail());
    return h->talk.state == MN_TALK_READY ? begin(h, now) : 0;
}

/* What has ended, or is late. */
static int judge(program *h, uint64_t now) {
    char why[600];
    mn_talk *const t = &h->talk;
    if (t->state == MN_TALK_REFUSED) {
        char code[32];
        snprintf(code, sizeof code, "%s", t->code);
        snprintf(why, sizeof why, "%s", t->why);
        return killed(h, code, why);
    }
    if (t->state == MN_TALK_READY) h->wrong[0] = 0;
    if (t->state == MN_TALK_READY && h->args) MN_TRY(begin(h, now));
    if (t->ended) {
        const int stopped = h->asked && !t->end.ok;
        h->end = t->end;
        t->end = (mn_skill_end){.ok = 0};
        if (stopped) snprintf(h->end.code, sizeof h->end.code, "cancelled");
        idle(h);
        mn_talk_forget(t);
        h->unread = 1;
        return 0;
    }
    const uint64_t since = h->asked ? mn_clock_ns() - h->asked : 0;
    if (h->asked && (h->args || since >= (uint64_t)GRACE_MS * MS)) {
        snprintf(why, sizeof why, "%s was stopped", h->skill);
        return h->args ? over(h, "cancelled", "%s", why) : killed(h, "cancelled", why);
    }
    if (is_busy(h) && now >= h->until) {
        snprintf(why, sizeof why, "%s had not %s after %g s", h->skill,
                 h->args ? "told its skills" : "ended", h->limit);
        return killed(h, "hung", why);
    }
    if (t->state == MN_TALK_READY || t->state == MN_TALK_CLOSED) return 0;
    const uint64_t open = mn_clock_ns() - h->began;
    if (!is_busy(h) && open >= (uint64_t)OPEN_MS * MS) {
        snprintf(why, sizeof why, "%.200s had not told its skills after %d s", h->argv[0],
                 OPEN_MS / 1000);
        return killed(h, "hung", why);
    }
    return open >= (uint64_t)SHAKE_MS * MS ? mn_talk_shake(t) : 0;
}

/* When there is something to do at the latest, though nothing comes. */
static uint64_t next(const program *h, uint64_t now, int more) {
    uint64_t at = UINT64_MAX;
    if (more || (h->child && h->talk.state == MN_TALK_READY && h->args)) return now;
    if (h->child && (is_busy(h) || h->talk.state != MN_TALK_READY))
        at = now + (uint64_t)PEEK_MS * MS; /* its children may hold its streams open */
    if (is_busy(h) && h->until < at) at = h->until;
    if (!h->asked) return at;
    const uint64_t since = mn_clock_ns() - h->asked, grace = (uint64_t)GRACE_MS * MS;
    const uint64_t then = since < grace ? now + grace - since : now;
    return then < at ? then : at;
}

static int look(mn_skill_host *host, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end) {
    program *const h = (program *)host;
    int more = 0;
    *again = UINT64_MAX;
    *progress = -1;
    if (!h->unread) {
        if (!h->child && !h->tried && up(h) < 0) MN_TRY(killed(h, "crashed", mn_error_detail()));
        if (h->child) MN_TRY(more = pump(h));
        if (h->talk.call || h->talk.ended) *progress = h->talk.progress;
        if (h->child || is_busy(h)) MN_TRY(judge(h, now));
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
    program *const h = (program *)host;
    if (!is_busy(h) || h->asked) return;
    h->asked = mn_clock_ns();
    /* Whether it can be told or not: it is killed when it goes on. */
    if (h->child && h->talk.call) (void)(mn_talk_cancel(&h->talk) < 0);
}

static int list(mn_skill_host *host, json_t **manifests) {
    *manifests = mn_talk_manifests(&((program *)host)->talk);
    return *manifests ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a list of skills");
}

static int fd(mn_skill_host *host) {
    return ((program *)host)->poll;
}

static const char *wrong(mn_skill_host *host) {
    program *const h = (program *)host;
    const mn_buf *const out = &h->talk.left_out;
    if (*h->wrong || !out->len) return h->wrong;
    snprintf(h->said, sizeof h->said, "left out: %s", out->data);
    return h->said;
}

/* It is told, and has a moment to put its motors to rest. */
static void close_host(mn_skill_host **host) {
    program *const h = (program *)*host;
    int status;
    if (!h) return;
    *host = NULL;
    cancel(&h->host);
    if (h->child) {
        shutdown(mn_child_to(h->child), SHUT_WR);
        (void)mn_child_wait(h->child, LEAVE_MS, &status);
    }
    down(h);
    idle(h);
    mn_talk_free(&h->talk);
    mn_skill_end_free(&h->end);
    mn_buf_free(&h->in);
    mn_buf_free(&h->out);
    if (h->poll >= 0) close(h->poll);
    for (char **one = h->argv; one && *one; one++) mn_free(*one);
    mn_free(h->argv);
    mn_free(h);
}

static const mn_skill_host_ops ops = {.name = "program",
                                      .list = list,
                                      .start = start,
                                      .look = look,
                                      .cancel = cancel,
                                      .fd = fd,
                                      .close = close_host,
                                      .wrong = wrong};

static int copy_argv(program *h, const char *const *argv) {
    size_t n = 0;
    while (argv[n]) n++;
    h->argv = mn_calloc(n + 1, sizeof *h->argv);
    for (size_t i = 0; h->argv && i < n; i++)
        if (!(h->argv[i] = mn_strdup(argv[i]))) return MN_ENOMEM;
    return h->argv ? 0 : MN_ENOMEM;
}

int mn_skill_host_program(const char *const *argv, mn_skill_host **out) {
    *out = NULL;
    if (!argv[0] || !*argv[0]) return MN_FAIL(MN_EINVAL, "a skill's command is empty");
    program *const h = mn_calloc(1, sizeof *h);
    if (!h) return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    h->host.ops = &ops;
    h->poll = epoll_create1(EPOLL_CLOEXEC);
    mn_skill_host *made = &h->host;
    int rc = copy_argv(h, argv);
    if (rc < 0) rc = MN_FAIL(rc, "no memory for a host of skills");
    if (rc >= 0 && h->poll < 0) rc = MN_FAIL(MN_EIO, "cannot make an epoll: %s", strerror(errno));
    if (rc >= 0) rc = up(h);
    if (rc < 0)
        close_host(&made);
    else
        *out = made;
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
