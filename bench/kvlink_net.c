/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/kvlink_net.c - `ip`, `tc` and redis-server, told what to do.
 *
 * A token bucket at each end (tc tbf) is the link: it delays what is sent too fast, as a slower
 * card does.
 */
#include "bench/kvlink.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 10000, RUN_MS = 1800000 };

/* Words with single spaces between them, to their end; ended by a program that fails: MN_EIO. */
static int command(const char *line) {
    enum { MOST = 32 };
    char copy[300], *save = NULL;
    const char *argv[MOST] = {NULL};
    mn_child *child;
    int n = 0, status = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok_r(copy, " ", &save); w && n < MOST - 1; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    MN_TRY(mn_child_start(argv, NULL, &child));
    const int ended = mn_child_wait(child, WAIT_MS, &status);
    const int rc = ended && !status
                       ? 0
                       : MN_FAIL(MN_EIO, "`%s`: %.200s", line, ended ? mn_child_said(child) : "?");
    mn_child_end(&child);
    return rc;
}

static void remove_all(void) {
    (void)command("ip netns del " MN_KVLINK_A);
    (void)command("ip netns del " MN_KVLINK_B);
}

static int join(int mbit) {
    static const char *const lines[] = {"ip netns add " MN_KVLINK_A,
                                        "ip netns add " MN_KVLINK_B,
                                        "ip link add cable netns " MN_KVLINK_A
                                        " type veth peer name cable netns " MN_KVLINK_B,
                                        "ip -n " MN_KVLINK_A " addr add 10.77.0.1/24 dev cable",
                                        "ip -n " MN_KVLINK_B " addr add 10.77.0.2/24 dev cable",
                                        "ip -n " MN_KVLINK_A " link set cable up",
                                        "ip -n " MN_KVLINK_B " link set cable up",
                                        "ip -n " MN_KVLINK_A " link set lo up",
                                        "ip -n " MN_KVLINK_B " link set lo up"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) MN_TRY(command(lines[i]));
    for (int i = 0; i < 2; i++) {
        char line[200];
        snprintf(line, sizeof line,
                 "tc -n %s qdisc add dev cable root tbf rate %dmbit burst 64kb latency 50ms",
                 i ? MN_KVLINK_B : MN_KVLINK_A, mbit);
        MN_TRY(command(line));
    }
    return 0;
}

int mn_kvlink_begin(const char *folder, int mbit, mn_child **redis) {
    const char *const argv[] = {"ip",     "netns",     "exec",   MN_KVLINK_A,    "redis-server",
                                "--bind", "10.77.0.1", "--port", "6379",         "--protected-mode",
                                "no",     "--save",    "",       "--appendonly", "no",
                                "--dir",  folder,      NULL};
    int status;
    *redis = NULL;
    remove_all();
    int rc = join(mbit);
    if (rc >= 0) rc = mn_child_start(argv, NULL, redis);
    if (rc >= 0 && mn_child_wait(*redis, 300, &status))
        rc = MN_FAIL(MN_EIO, "redis-server: %.200s", mn_child_said(*redis));
    if (rc >= 0) return 0;
    mn_kvlink_end(redis);
    return MN_EUNSUPPORTED;
}

void mn_kvlink_end(mn_child **redis) {
    char why[300];
    snprintf(why, sizeof why, "%s", mn_error_detail());
    mn_child_end(redis);
    remove_all();
    MN_FAIL(MN_EUNSUPPORTED, "%s", why); /* what had failed before */
}

int mn_kvlink_run(const char *machine, const char *const *words, const char *const *env, char *line,
                  int n) {
    enum { MOST = 40 };
    const char *argv[MOST] = {"ip", "netns", "exec", machine};
    mn_child *child;
    int k = 4, status = 1;
    for (int i = 0; words[i] && k < MOST - 1; i++) argv[k++] = words[i];
    MN_TRY(mn_child_start(argv, env, &child));
    const int ended = mn_child_wait(child, RUN_MS, &status);
    const char *const said = mn_child_said(child), *at = strrchr(said, '{');
    int rc = 0;
    if (!ended || status || !at)
        rc = MN_FAIL(MN_EIO, "a machine of the bench ended with %d: %.300s", status, said);
    else
        snprintf(line, (size_t)n, "%.*s", (int)strcspn(at, "\n"), at);
    mn_child_end(&child);
    return rc;
}
