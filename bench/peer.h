/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/peer.h - programs of others that a bench measures beside us: where they are, and those in
 * Python run.
 */
#ifndef MN_BENCH_PEER_H
#define MN_BENCH_PEER_H
#include <jansson.h>
#include <limits.h>

/* The folder that tools/peers/ fills: PEERS_DIR, else omnesia-peers in the cache folder. */
void mn_peer_folder(char out[PATH_MAX]);

/* Run a script, given as text, by the Python that tools/peers/memory.sh makes, with these words,
 * ended by NULL. *said: the object of JSON it printed last, for json_decref. MN_ENOENT: there is no
 * such Python; MN_EIO with what it said when it failed. */
int mn_peer_python(const char *name, const unsigned char *script, const char *const *words,
                   json_t **said);

#endif
