/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_host.c - the process in which skills of a shared object run.
 *
 * The functions run as those of skill_call.c do, without their limits: who asks keeps those, and
 * kills this process. Both eras of MCP are answered, a message a line; one call at a time. A call
 * that is cancelled is answered with the code "cancelled" once its function is back, so that who
 * asked knows that it is.
 */
#include "fleet/skill_host.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/skill_talk.h"
#include "omnesia_skill.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, LEAVE_MS = 80, BUSY = -32000, NO_METHOD = -32601, BAD_VERSION = -32022 };
static const char now_version[] = "2026-07-28";
static const char meta_version[] = "io.modelcontextprotocol/protocolVersion";

typedef struct server {
    void *library;
    mn_skill_host *host;
    json_t *tools; /* as they are listed */
    int in, out;
    mn_buf line;
    json_t *id, *token; /* of the call that runs; NULL: none */
    int now;            /* it was asked in the newer era */
    double progress;    /* told last */
    int ended;          /* `in` has */
} server;

/* ---- a call, as the shared object sees it -------------------------------------------------- */
typedef struct call {
    omnesia_skill_call face; /* first */
    mn_skill_call *its;
    const json_t *args;
    char *json;
    json_t **result;
    int failed;
} call;

static call *of(const omnesia_skill_call *face) {
    return (call *)(uintptr_t)face;
}

static const char *get_text(const omnesia_skill_call *c, const char *name, const char *otherwise) {
    const char *const text = json_string_value(json_object_get(of(c)->args, name));
    return text ? text : otherwise;
}

static double get_number(const omnesia_skill_call *c, const char *name, double otherwise) {
    const json_t *const n = json_object_get(of(c)->args, name);
    return json_is_number(n) ? json_number_value(n) : otherwise;
}

static const char *get_json(const omnesia_skill_call *c) {
    return of(c)->json;
}

static int stopped(const omnesia_skill_call *c) {
    return mn_skill_call_stopped(of(c)->its);
}

static int nap(const omnesia_skill_call *c, double seconds) {
    return mn_skill_call_sleep(of(c)->its, seconds);
}

static void progress(const omnesia_skill_call *c, double part) {
    mn_skill_call_progress(of(c)->its, part);
}

static void result(const omnesia_skill_call *c, const char *json) {
    json_t *const read = json ? json_loads(json, 0, NULL) : NULL;
    json_decref(*of(c)->result);
    *of(c)->result = read ? read : json_null(); /* what is no object is told as garbage */
}

static int fail(const omnesia_skill_call *c, const char *code, const char *text) {
    of(c)->failed = 1;
    return mn_skill_call_fail(of(c)->its, code && *code ? code : "failed", "%s", text ? text : "");
}

static int run(void *user, mn_skill_call *its, const json_t *args, json_t **out) {
    const omnesia_skill *const skill = user;
    call c = {.face = {get_text, get_number, get_json, stopped, nap, progress, result, fail},
              .its = its,
              .args = args,
              .json = mn_json_text(args, JSON_COMPACT),
              .result = out};
    if (!c.json) return MN_FAIL(MN_ENOMEM, "no memory for the arguments of %s", skill->name);
    const int rc = skill->run(&c.face);
    mn_free(c.json);
    if (rc && !c.failed) return MN_FAIL(MN_EINVAL, "%s returned %d", skill->name, rc);
    return rc ? MN_EINVAL : 0;
}

/* ---- the shared object --------------------------------------------------------------------- */
static int add(server *s, const omnesia_skill *skill) {
    if (skill->format != OMNESIA_SKILL_FORMAT)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "a skill is of format %d; this is format %d: compile it anew", skill->format,
                       OMNESIA_SKILL_FORMAT);
    if (!skill->name || !skill->manifest || !skill->run)
        return MN_FAIL(MN_EINVAL, "a skill has no name, no manifest or no function");
    json_error_t where;
    json_t *const given = json_loads(skill->manifest, 0, &where);
    if (!json_is_object(given)) {
        json_decref(given);
        return MN_FAIL(MN_EINVAL, "the manifest of %s is no JSON: %s", skill->name, where.text);
    }
    json_object_set_new(given, "name", json_string(skill->name));
    json_array_append(s->tools, given);
    json_t *const ours = json_deep_copy(given);
    json_decref(given);
    mn_skills check = {.n = 0};
    int rc = mn_skills_add(&check, ours); /* as it stands; the limit below may hide what is wrong */
    mn_skills_free(&check);
    json_t *const about = json_object_get(json_object_get(ours, "_meta"), "omnesia/skill");
    if (about) json_object_set_new(about, "limit", json_integer(86400));
    if (rc >= 0) rc = mn_skill_host_add(s->host, ours, run, (void *)(uintptr_t)skill);
    json_decref(ours);
    return rc;
}

static int load(server *s, const char *path) {
    char *whole = NULL;
    if (!strchr(path, '/')) { /* here, not where libraries are */
        whole = mn_malloc(strlen(path) + 3);
        if (!whole) return MN_FAIL(MN_ENOMEM, "no memory to load %s", path);
        memcpy(whole, "./", 2);
        strcpy(whole + 2, path);
    }
    s->library = dlopen(whole ? whole : path, RTLD_NOW | RTLD_LOCAL);
    mn_free(whole);
    if (!s->library) return MN_FAIL(MN_EINVAL, "cannot load %s: %s", path, dlerror());
    const omnesia_skill *const all = dlsym(s->library, "omnesia_skills");
    if (!all) return MN_FAIL(MN_EINVAL, "%s has no omnesia_skills: see omnesia_skill.h", path);
    for (int i = 0; i < MOST && all[i].format; i++) MN_TRY(add(s, &all[i]));
    return 0;
}

/* ---- messages ------------------------------------------------------------------------------ */
/* Consumes the message. */
static int say(server *s, json_t *message) {
    mn_buf text = {.limit = 2 * MN_TALK_LINE};
    int rc = message ? mn_json_write(message, JSON_COMPACT, &text) : MN_ENOMEM;
    json_decref(message);
    if (rc >= 0) rc = mn_buf_puts(&text, "\n");
    for (size_t at = 0; rc >= 0 && at < text.len;) {
        const ssize_t k = write(s->out, text.data + at, text.len - at);
        if (k < 0 && errno != EINTR) rc = MN_FAIL(MN_EIO, "cannot answer: %s", strerror(errno));
        if (k > 0) at += (size_t)k;
    }
    mn_buf_free(&text);
    return rc;
}

/* Consumes the result. */
static int answer(server *s, json_t *id, int now, json_t *all) {
    if (now && all) json_object_set_new(all, "resultType", json_string("complete"));
    return say(s, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", all));
}

static int refuse(server *s, json_t *id, int code, const char *why) {
    return say(s, json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error", "code",
                            code, "message", why));
}

static int greet(server *s, json_t *id, const json_t *params) {
    static const char *const known[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
    const char *const asked = json_string_value(json_object_get(params, "protocolVersion"));
    const char *agreed = known[0];
    for (size_t i = 0; asked && i < sizeof known / sizeof *known; i++)
        if (!strcmp(asked, known[i])) agreed = known[i];
    return answer(s, id, 0,
                  json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion", agreed,
                            "capabilities", "tools", "serverInfo", "name", "omnesia-skill",
                            "version", "1"));
}

static int discover(server *s, json_t *id) {
    return answer(s, id, 1,
                  json_pack("{s:[s, s, s, s, s], s:{s:{}}, s:{s:s, s:s}, s:i, s:s}",
                            "supportedVersions", now_version, "2025-11-25", "2025-06-18",
                            "2025-03-26", "2024-11-05", "capabilities", "tools", "serverInfo",
                            "name", "omnesia-skill", "version", "1", "ttlMs", 0, "cacheScope",
                            "private"));
}

static int list_tools(server *s, json_t *id, int now) {
    return answer(
        s, id, now,
        now ? json_pack("{s:O, s:i, s:s}", "tools", s->tools, "ttlMs", 0, "cacheScope", "private")
            : json_pack("{s:O}", "tools", s->tools));
}

static int begin(server *s, json_t *id, const json_t *params, int now) {
    const char *const name = json_string_value(json_object_get(params, "name"));
    json_t *const token = json_object_get(json_object_get(params, "_meta"), "progressToken");
    if (s->id) return refuse(s, id, BUSY, "one skill at a time; another one runs");
    if (s->host->ops->start(s->host, name ? name : "", json_object_get(params, "arguments"),
                            mn_clock_ns()) < 0)
        return refuse(s, id, BUSY, mn_error_detail());
    s->id = json_incref(id);
    s->token = json_incref(token);
    s->now = now;
    s->progress = -1;
    return 0;
}

static int take(server *s, json_t *m) {
    const char *const method = json_string_value(json_object_get(m, "method"));
    json_t *const id = json_object_get(m, "id"), *const params = json_object_get(m, "params");
    const char *const version =
        json_string_value(json_object_get(json_object_get(params, "_meta"), meta_version));
    const int now = version && !strcmp(version, now_version);
    if (!method) return 0; /* we ask nothing, so this answers nothing */
    if (!strcmp(method, "notifications/cancelled") && s->id &&
        json_equal(json_object_get(params, "requestId"), s->id))
        s->host->ops->cancel(s->host);
    if (!id) return 0;
    if (version && !now)
        return say(s, json_pack("{s:s, s:O, s:{s:i, s:s, s:{s:[s], s:s}}}", "jsonrpc", "2.0", "id",
                                id, "error", "code", BAD_VERSION, "message",
                                "this version of MCP is unknown here", "data", "supported",
                                now_version, "requested", version));
    if (!strcmp(method, "initialize")) return greet(s, id, params);
    if (!strcmp(method, "server/discover")) return discover(s, id);
    if (!strcmp(method, "ping")) return answer(s, id, now, json_object());
    if (!strcmp(method, "tools/list")) return list_tools(s, id, now);
    if (!strcmp(method, "tools/call")) return begin(s, id, params, now);
    return refuse(s, id, NO_METHOD, "a host of skills has tools alone");
}

static int take_line(server *s, const char *text, size_t n) {
    json_t *const m = json_loadb(text, n, 0, NULL);
    int rc = 0;
    if (m)
        rc = take(s, m);
    else if (n > strspn(text, " \t\r\n"))
        rc = say(s, json_pack("{s:s, s:n, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", "error", "code",
                              -32700, "message", "that is no JSON"));
    json_decref(m);
    return rc;
}

static int hear(server *s) {
    MN_TRY(mn_buf_reserve(&s->line, 65536));
    const ssize_t k = read(s->in, s->line.data + s->line.len, 65535);
    if (k < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (k <= 0) {
        s->ended = 1;
        return 0;
    }
    s->line.len += (size_t)k;
    s->line.data[s->line.len] = 0;
    size_t at = 0;
    for (const char *end; (end = memchr(s->line.data + at, '\n', s->line.len - at)) != NULL;) {
        MN_TRY(take_line(s, s->line.data + at, (size_t)(end - s->line.data) - at));
        at = (size_t)(end - s->line.data) + 1;
    }
    memmove(s->line.data, s->line.data + at, s->line.len - at);
    s->line.len -= at;
    return s->line.len > MN_TALK_LINE
               ? MN_FAIL(MN_ETOOLONG, "a line of more than %d bytes", MN_TALK_LINE)
               : 0;
}

/* ---- how a call goes on -------------------------------------------------------------------- */
static int tell_progress(server *s, double p) {
    if (!s->token || p < 0 || p == s->progress) return 0;
    s->progress = p;
    return say(s, json_pack("{s:s, s:s, s:{s:O, s:f, s:i}}", "jsonrpc", "2.0", "method",
                            "notifications/progress", "params", "progressToken", s->token,
                            "progress", p, "total", 1));
}

static int tell_end(server *s, mn_skill_end *e) {
    const char *const text = e->text.data ? e->text.data : "";
    json_t *const all = e->result ? json_incref(e->result) : json_object();
    json_object_set_new(all, "ok", json_boolean(e->ok));
    json_object_set_new(all, "code", e->ok ? json_null() : json_string(e->code));
    json_object_set_new(all, "text", json_string(text));
    const int rc = answer(s, s->id, s->now,
                          json_pack("{s:[{s:s, s:s}], s:b, s:o}", "content", "type", "text", "text",
                                    text, "isError", !e->ok, "structuredContent", all));
    json_decref(s->id);
    json_decref(s->token);
    s->id = s->token = NULL;
    return rc;
}

static int look(server *s, uint64_t *again) {
    mn_skill_end end = {.ok = 0};
    double p;
    const int done = s->host->ops->look(s->host, mn_clock_ns(), again, &p, &end);
    int rc = done;
    if (done >= 0) rc = tell_progress(s, p);
    if (rc >= 0 && done == 1) rc = tell_end(s, &end);
    if (rc >= 0 && done == 1 && mn_skill_host_stuck(s->host))
        rc = MN_FAIL(MN_ECANCELLED, "a skill went on after it was told to stop");
    mn_skill_end_free(&end);
    return rc;
}

static int serve(server *s) {
    uint64_t leave = 0; /* when the end of `in` was seen */
    for (;;) {
        uint64_t again = UINT64_MAX;
        if (s->id) MN_TRY(look(s, &again));
        if (s->ended && !s->id) return 0;
        if (s->ended && !leave) {
            leave = mn_clock_ns() + (uint64_t)LEAVE_MS * 1000000;
            s->host->ops->cancel(s->host);
            continue;
        }
        const uint64_t now = mn_clock_ns();
        if (leave && now >= leave) return 0;
        if (leave && leave < again) again = leave;
        struct pollfd p[2] = {{.fd = s->host->ops->fd(s->host), .events = POLLIN},
                              {.fd = s->ended ? -1 : s->in, .events = POLLIN}};
        const uint64_t wait = again <= now ? 0 : (again - now) / 1000000 + 1;
        if (poll(p, 2, again == UINT64_MAX ? -1 : (int)(wait > 60000 ? 60000 : wait)) < 0) continue;
        if (p[1].revents) MN_TRY(hear(s));
    }
}

int mn_skill_serve(const char *path, int in, int out) {
    server s = {.in = in, .line.limit = 4 * MN_TALK_LINE};
    s.out = fcntl(out, F_DUPFD_CLOEXEC, 3);
    if (s.out < 0 || dup2(2, 1) < 0)
        return MN_FAIL(MN_EIO, "cannot keep the line to who asks: %s", strerror(errno));
    s.tools = json_array();
    int rc = s.tools ? mn_skill_host_calls(&s.host) : MN_FAIL(MN_ENOMEM, "no memory for skills");
    if (rc >= 0) rc = load(&s, path);
    if (rc >= 0) rc = serve(&s);
    close(s.out);
    mn_buf_free(&s.line);
    json_decref(s.id);
    json_decref(s.token);
    if (s.host && mn_skill_host_stuck(s.host)) return rc; /* its thread needs the rest */
    json_decref(s.tools);
    if (s.host) s.host->ops->close(&s.host);
    if (s.library) dlclose(s.library);
    return rc;
}
