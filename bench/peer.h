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

/* Whose Python: that of tools/peers/memory.sh, or of tools/peers/agents.sh, which is made when it
 * is not there. */
typedef enum mn_peer_home { MN_PEER_MEMORY, MN_PEER_AGENTS } mn_peer_home;

/* Run a script, given as text, with these words, ended by NULL. *said: the object of JSON it
 * printed last, for json_decref. MN_ENOENT: there is no such Python, and why; MN_EIO with what it
 * said when it failed. */
int mn_peer_python(const char *name, mn_peer_home home, const unsigned char *script,
                   const char *const *words, json_t **said);

#endif
