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

int mn_peer_python(const char *name, const unsigned char *script, const char *const *words,
                   json_t **said) {
    char python[PATH_MAX + 32], folder[PATH_MAX];
    const char *argv[MOST_WORDS + 4] = {python, "-c", (const char *)script};
    mn_child *child = NULL;
    int status = 0;
    *said = NULL;
    mn_peer_folder(folder);
    snprintf(python, sizeof python, "%s/memory-1/bin/python3", folder);
    if (access(python, X_OK))
        return MN_FAIL(MN_ENOENT, "%s is not there; tools/peers/memory.sh makes it", python);
    for (int i = 0; i < MOST_WORDS && words[i]; i++) argv[3 + i] = words[i];
    MN_TRY(mn_child_start(argv, NULL, &child));
    const int ended = mn_child_wait(child, WAIT_MS, &status);
    if (ended && !status) *said = object_of(mn_child_said(child));
    int rc = 0;
    if (!*said) {
        const char *const text = mn_child_said(child);
        const size_t n = strlen(text);
        rc = MN_FAIL(MN_EIO, "%s %s %d: %s", name, ended ? "ended with" : "took more than ms",
                     ended ? status : WAIT_MS, n > 300 ? text + n - 300 : text);
    }
    mn_child_end(&child);
    return rc;
}
