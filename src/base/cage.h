/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cage.h - run a command that nobody vouches for.
 *
 * `sh -c COMMAND` runs in a folder, with an environment of its own and the limits below. Where the
 * system permits it has no network, sees no process but its own, and all of them end with it (new
 * namespaces); it can write nowhere but in the folder (Landlock); started by root it runs as a user
 * of its own. Its processes are the first to go when the machine runs out of memory. It is not a
 * virtual machine: it reads what its user may read.
 */
#ifndef MN_BASE_CAGE_H
#define MN_BASE_CAGE_H
#include "base/buf.h"

#include <stdint.h>

enum {
    MN_CAGE_PROCESSES = 64,   /* beside those its user has, where they cannot be told apart */
    MN_CAGE_MEMORY = 1 << 30, /* bytes of address space of each */
    MN_CAGE_FILE = 16 << 20,  /* bytes of a file it writes */
    MN_CAGE_SAID = 16384      /* the last bytes of what it says are kept */
};

typedef struct mn_cage {
    const char *folder;
    const char *const *env;  /* "NAME=VALUE", ended by NULL, beside PATH, LANG, HOME and TMPDIR */
    int seconds;             /* of time, and of each process's work */
    int (*stop)(void *user); /* asked now and then; non-zero ends it, as MN_ECANCELLED; NULL */
    void *user;
} mn_cage;

/* What this machine does not permit, as in "no network of its own"; "": nothing. Static. */
const char *mn_cage_lacks(void);
/* Who the files in the folder have to belong to; -1: it does not matter. */
int64_t mn_cage_owner(void);
/* Run it to its end: *status as in base/child.h, or -1: its time was over. */
int mn_cage_run(const mn_cage *cage, const char *command, mn_buf *said, int *status);

#endif
