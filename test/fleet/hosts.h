/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/hosts.h - a skill called from beginning to end, as a robot does it: look when the host
 * is readable or the time has come.
 */
#ifndef MN_TEST_HOSTS_H
#define MN_TEST_HOSTS_H
#include "test.h"

#include "base/clock.h"
#include "fleet/skill.h"

#include <poll.h>

/* Until the end, 20 s at most; *progress (may be NULL) is the highest one seen. */
static inline void host_end(mn_skill_host *h, mn_skill_end *end, double *progress) {
    const uint64_t until = mn_clock_ns() + 20000000000u;
    for (;;) {
        uint64_t again;
        double p;
        const int rc = h->ops->look(h, mn_clock_ns(), &again, &p, end);
        if (rc < 0) fail_msg("look: %d %s", rc, mn_error_detail());
        if (progress && p > *progress) *progress = p;
        if (rc == 1) return;
        const uint64_t now = mn_clock_ns();
        if (now > until) fail_msg("no end after 20 s");
        const uint64_t next = again < until ? again : until;
        struct pollfd f = {.fd = h->ops->fd(h), .events = POLLIN};
        poll(&f, 1, next > now ? (int)((next - now) / 1000000 + 1) : 0);
    }
}

static inline json_t *host_json(const char *text) {
    json_error_t e;
    json_t *const j = json_loads(text, 0, &e);
    if (!j) fail_msg("%s: %s", text, e.text);
    return j;
}

/* Start it; args as JSON text. */
static inline void host_start(mn_skill_host *h, const char *skill, const char *args) {
    json_t *const json = host_json(args);
    assert_ok(h->ops->start(h, skill, json, mn_clock_ns()));
    json_decref(json);
}

static inline void host_do(mn_skill_host *h, const char *skill, const char *args,
                           mn_skill_end *end) {
    host_start(h, skill, args);
    host_end(h, end, NULL);
}

/* It ended with this code ("": well), and its text has these words. */
#define assert_end(end, code_, words)                                                          \
    do {                                                                                       \
        const char *const said_ = (end)->text.data ? (end)->text.data : "";                    \
        if (strcmp((end)->code, (code_)) || (end)->ok != !*(code_) || !strstr(said_, (words))) \
            fail_msg("it ended with \"%s\", ok %d: %s", (end)->code, (end)->ok, said_);        \
    } while (0)

#endif
