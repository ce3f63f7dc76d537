/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/log.c - a line for each request: who, what, how it ended. Never what it said.
 *
 * The path is that of the route; of an unknown one its beginning, without the query, where people
 * put secrets. Keys appear by their names.
 */
#include "serve/route.h"
#include "serve/server.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void stamp(char out[32]) {
    struct timespec now;
    struct tm t;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    const size_t n = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, 32 - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static void log_text(const mn_serve *s, const mn_exchange *x, const char *time, const char *path,
                     double ms) {
    char line[512], tokens[96] = "";
    if (x->prompt_tokens || x->tokens)
        snprintf(tokens, sizeof tokens, ", %d tokens read, %d of them cached, %d written",
                 x->prompt_tokens, x->cached_tokens, x->tokens);
    snprintf(line, sizeof line, "%s %s %s %d in %.1f ms%s%s", time, x->head.method, path, x->status,
             ms, tokens, mn_exchange_wanted(x) ? "" : ", the client left");
    s->options.log(s->options.user, line);
}

void mn_serve_log(mn_exchange *x) {
    const mn_serve *s = x->server;
    char time[32], path[129];
    if (!s->options.log) return;
    stamp(time);
    snprintf(path, sizeof path, "%s", x->route ? x->route->path : x->head.path);
    const double ms = (mn_clock_seconds() - x->began) * 1e3;
    if (s->options.log_text) return log_text(s, x, time, path, ms);
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:f}", "time", time, "method", x->head.method,
                          "path", path, "status", x->status, "ms", ms);
    if (o && x->key) json_object_set_new(o, "key", json_string(x->key));
    if (o && x->use) json_object_set_new(o, "model", json_string(x->use->name));
    if (o && (x->prompt_tokens || x->tokens)) {
        json_object_set_new(o, "prompt_tokens", json_integer(x->prompt_tokens));
        json_object_set_new(o, "cached_tokens", json_integer(x->cached_tokens));
        json_object_set_new(o, "tokens", json_integer(x->tokens));
        if (x->first > 0)
            json_object_set_new(o, "first_ms", json_real((x->first - x->began) * 1e3));
    }
    if (o && !mn_exchange_wanted(x)) json_object_set_new(o, "left", json_true());
    char *line = mn_json_text(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (line) s->options.log(s->options.user, line);
    mn_free(line);
    json_decref(o);
}
