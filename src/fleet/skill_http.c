/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_http.c - skills of a server: MCP over streamable HTTP, a POST a message (net/flow.h).
 *
 * The newer era says in each head what the body says, and is told to stop by hanging up. The older
 * ones have a session, which the server may forget (404: begin anew), are told by a message, and
 * tell of changes on a stream of their own (GET). A key for the server is OMNESIA_SKILL_KEY; it
 * goes nowhere unencrypted but to this machine.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/skill_way.h"
#include "net/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    FLOWS = 16,
    SECONDS = 30,
    DAY = 86400,
    STREAM = -1 /* id of the stream that tells of changes */
};
static const char now_version[] = "2026-07-28";

typedef struct server {
    char *url;
    int bell;
    char session[256];
    struct {
        mn_flow *flow; /* NULL: free */
        int64_t id;    /* of the request; 0: nobody waits for an answer */
    } flow[FLOWS];
    mn_buf message;
} server;

static server *of(mn_speaker *h) {
    return h->its;
}

/* ---- out ----------------------------------------------------------------------------------- */
static int head_of(const mn_speaker *h, const char *method, const char *name, mn_buf *out) {
    const server *const s = h->its;
    const int now = method && (h->talk.now || !strcmp(method, "server/discover"));
    const char *const version = now ? now_version : h->talk.version;
    if (*version) MN_TRY(mn_buf_printf(out, "MCP-Protocol-Version: %s\r\n", version));
    if (now) MN_TRY(mn_buf_printf(out, "Mcp-Method: %s\r\n", method));
    if (now && name) MN_TRY(mn_buf_printf(out, "Mcp-Name: %s\r\n", name));
    if (*s->session) MN_TRY(mn_buf_printf(out, "Mcp-Session-Id: %s\r\n", s->session));
    return 0;
}

static int ask(mn_speaker *h, int64_t id, const char *http, const char *method, const char *name,
               const char *body) {
    server *const s = of(h);
    const char *const key = getenv("OMNESIA_SKILL_KEY");
    const int lasts =
        id == STREAM ||
        (method && (!strcmp(method, "subscriptions/listen") || !strcmp(method, "tools/call")));
    int at = 0;
    while (at < FLOWS && s->flow[at].flow) at++;
    if (at == FLOWS)
        return MN_FAIL(MN_EFULL, "%s has %d questions open; it does not answer", s->url, FLOWS);
    mn_buf head = {.limit = 0};
    int rc = head_of(h, method, name, &head);
    const mn_flow_how how = {.url = s->url,
                             .method = http,
                             .head = head.data,
                             .key = key && *key ? key : NULL,
                             .body = body,
                             .want = "Mcp-Session-Id",
                             .seconds = lasts ? DAY : SECONDS,
                             .most = MN_TALK_LINE,
                             .bell = s->bell};
    if (rc >= 0) rc = mn_flow_open(&how, &s->flow[at].flow);
    if (rc >= 0) s->flow[at].id = id;
    mn_buf_free(&head);
    return rc;
}

static int carry(void *user, int64_t id, const char *method, const char *name, const mn_buf *text) {
    mn_speaker *const h = user;
    MN_TRY(ask(h, id, NULL, method, name, text->data));
    if (!h->talk.tells || h->talk.now || !method || strcmp(method, "notifications/initialized"))
        return 0;
    return ask(h, STREAM, "GET", NULL, NULL, NULL);
}

/* ---- in ------------------------------------------------------------------------------------ */
static int is_awaited(const mn_talk *t, int64_t id) {
    return id > 0 && (id == t->discover || id == t->initialize || id == t->list || id == t->call);
}

/* Is it an error of JSON-RPC that answers this question? */
static int answers(const mn_buf *body, int64_t id, json_int_t *code) {
    json_t *const all = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const json_t *const its = json_object_get(all, "id"), *const e = json_object_get(all, "error");
    const int yes = json_is_integer(its) && json_integer_value(its) == id && json_is_object(e);
    *code = json_integer_value(json_object_get(e, "code"));
    json_decref(all);
    return yes;
}

/* HTTP says no; body: what came with it. 1: it has been dealt with. */
static int refused(mn_speaker *h, int64_t id, int status, const mn_buf *body) {
    json_int_t code;
    char why[400];
    if (!is_awaited(&h->talk, id)) return 1;
    const int said = answers(body, id, &code);
    if (id == h->talk.discover && !(said && code == -32022)) {
        h->talk.discover = 0;
        return mn_talk_shake(&h->talk) < 0 ? MN_EFULL : 1;
    }
    if (said) return mn_talk_take(&h->talk, body->data, body->len);
    if (status == 404 && *of(h)->session)
        snprintf(why, sizeof why, "%s has forgotten the session", h->label);
    else
        snprintf(why, sizeof why, "%s says HTTP %d: %.200s", h->label, status,
                 body->len ? body->data : "nothing more");
    return mn_speaker_lost(h, status == 404 ? "crashed" : "failed", why);
}

/* One flow: 1: there may be more; 0: not now. */
static int hear(mn_speaker *h, int at) {
    server *const s = of(h);
    mn_flow *const f = s->flow[at].flow;
    const int64_t id = s->flow[at].id;
    const int rc = mn_flow_take(f, &s->message), status = mn_flow_status(f);
    char why[400];
    if (rc == 0) return 0;
    if (rc == 1) {
        if (status < 300) { /* who is sent elsewhere does not go: nobody said he may */
            (void)mn_flow_wanted(f, s->session, sizeof s->session);
            MN_TRY(mn_talk_take(&h->talk, s->message.data, s->message.len));
        } else {
            MN_TRY(refused(h, id, status, &s->message));
        }
        return h->is_up;
    }
    snprintf(why, sizeof why, "%s", mn_error_detail());
    mn_flow_close(&s->flow[at].flow);
    if (!is_awaited(&h->talk, id)) return 0;
    mn_buf_clear(&s->message);
    if (rc != MN_ENOENT) return mn_speaker_lost(h, "crashed", why);
    if (status >= 300) return refused(h, id, status, &s->message);
    return MN_FAIL(MN_ECORRUPT, "%s hung up without an answer", h->label);
}

static int pump(mn_speaker *h) {
    server *const s = of(h);
    uint64_t rung;
    if (read(s->bell, &rung, sizeof rung) < 0) { /* it did not ring: look all the same */
    }
    for (int at = 0; at < FLOWS && h->is_up; at++)
        for (int i = 0; s->flow[at].flow && h->is_up; i++) {
            const int more = hear(h, at);
            MN_TRY(more);
            if (!more) break;
            if (i == 64) return 1;
        }
    return 0;
}

/* ---- the way ------------------------------------------------------------------------------- */
static void down(mn_speaker *h) {
    server *const s = of(h);
    for (int at = 0; at < FLOWS; at++) mn_flow_close(&s->flow[at].flow);
    s->session[0] = 0;
}

static int up(mn_speaker *h) {
    return mn_speaker_open(h, carry);
}

static int gone(mn_speaker *h) {
    (void)h;
    return 0;
}

static int cancel(mn_speaker *h) {
    server *const s = of(h);
    if (!h->talk.now) return mn_talk_cancel(&h->talk) < 0;
    for (int at = 0; at < FLOWS; at++)
        if (s->flow[at].flow && s->flow[at].id == h->talk.call) mn_flow_close(&s->flow[at].flow);
    return 1;
}

static void leave(mn_speaker *h) {
    (void)h;
}

static void free_server(server *s) {
    if (s->bell >= 0) close(s->bell);
    mn_buf_free(&s->message);
    mn_free(s->url);
    mn_free(s);
}

static void free_its(mn_speaker *h) {
    free_server(of(h));
}

static const mn_skill_way way = {.name = "server",
                                 .up = up,
                                 .down = down,
                                 .gone = gone,
                                 .pump = pump,
                                 .cancel = cancel,
                                 .leave = leave,
                                 .free = free_its};

int mn_skill_host_url(const char *url, mn_skill_host **out) {
    mn_url read;
    char label[128];
    *out = NULL;
    MN_TRY(mn_url_read(url, &read));
    snprintf(label, sizeof label, "%.110s:%s", read.host, read.port);
    server *const s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    s->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->url = mn_strdup(url);
    int rc = s->url ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    if (s->bell < 0) rc = MN_FAIL(MN_EIO, "cannot make an eventfd: %s", strerror(errno));
    if (rc >= 0) return mn_speaker_make(&way, s, label, s->bell, out);
    free_server(s);
    return rc;
}
