/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/peer.c - the peers' folder, and their Python.
 */
#include "bench/peer.h"

#include "base/child.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 12, WAIT_MS = 900000 };

void mn_peer_folder(char out[PATH_MAX]) {
    const char *const said = getenv("PEERS_DIR"), *const cache = getenv("XDG_CACHE_HOME"),
                      *const home = getenv("HOME");
    if (said)
        snprintf(out, PATH_MAX, "%s", said);
    else
        snprintf(out, PATH_MAX, "%s%s/omnesia-peers",
                 cache  ? cache
                 : home ? home
                        : "",
                 cache ? "" : "/.cache");
}

/* The last line that is an object. */
static json_t *object_of(const char *text) {
    const char *at = NULL;
    for (const char *p = text; (p = strchr(p, '{')); p++)
        if (p == text || p[-1] == '\n') at = p;
    return at ? json_loads(at, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* ---- their Python --------------------------------------------------------------------------- */
extern const unsigned char mn_agents_sh[];
static const struct {
    const char *folder, *script;
    const unsigned char *makes; /* what the script says; NULL: who wants it runs it */
} homes[] = {[MN_PEER_MEMORY] = {"memory-1", "tools/peers/memory.sh", NULL},
             [MN_PEER_AGENTS] = {"agents-1", "tools/peers/agents.sh", mn_agents_sh}};

/* The end of what it said. */
static const char *tail(const mn_child *child) {
    enum { MOST = 300 };
    const char *const text = mn_child_said(child);
    const size_t n = strlen(text);
    return n > MOST ? text + n - MOST : text;
}

static int make(mn_peer_home home) {
    const char *const argv[] = {"sh", "-c", (const char *)homes[home].makes, NULL};
    mn_child *child = NULL;
    int status = 0;
    fprintf(stderr, "the peer is fetched from PyPI; that takes minutes, once\n");
    MN_TRY(mn_child_start(argv, NULL, &child));
    const int ended = mn_child_wait(child, WAIT_MS, &status);
    const int rc = ended && !status ? 0
                                    : MN_FAIL(MN_ENOENT, "%s could not make its Python: %s",
                                              homes[home].script, tail(child));
    mn_child_end(&child);
    return rc;
}

static int python_of(mn_peer_home home, char out[PATH_MAX + 32]) {
    char folder[PATH_MAX], done[PATH_MAX + 32];
    mn_peer_folder(folder);
    snprintf(out, PATH_MAX + 32, "%s/%s/bin/python3", folder, homes[home].folder);
    snprintf(done, sizeof done, "%s/%s/.complete", folder, homes[home].folder);
    if (homes[home].makes && access(done, R_OK)) MN_TRY(make(home));
    return access(out, X_OK)
               ? MN_FAIL(MN_ENOENT, "%s is not there; %s makes it", out, homes[home].script)
               : 0;
}

int mn_peer_python(const char *name, mn_peer_home home, const unsigned char *script,
                   const char *const *words, json_t **said) {
    char python[PATH_MAX + 32];
    const char *argv[MOST_WORDS + 4] = {python, "-c", (const char *)script};
    mn_child *child = NULL;
    int status = 0, rc = 0;
    *said = NULL;
    MN_TRY(python_of(home, python));
    for (int i = 0; i < MOST_WORDS && words[i]; i++) argv[3 + i] = words[i];
    MN_TRY(mn_child_start(argv, NULL, &child));
    const int ended = mn_child_wait(child, WAIT_MS, &status);
    if (ended && !status) *said = object_of(mn_child_said(child));
    if (!*said)
        rc = MN_FAIL(MN_EIO, "%s %s %d: %s", name, ended ? "ended with" : "took more than ms",
                     ended ? status : WAIT_MS, tail(child));
    mn_child_end(&child);
    return rc;
}
