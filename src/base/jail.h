/* SPDX-License-Identifier: Apache-2.0
 *
 * base/jail.h - a folder that whoever names files cannot leave.
 *
 * Names are relative, of plain parts, UTF-8 without control characters; no part begins with
 * ".omnesia", none is "." or "..". A name is followed part by part from the open folder, and no
 * part may be a symbolic link: what openat2 does with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, on
 * every kernel. What is no regular file is neither read nor replaced. A file is written beside its
 * place, then renamed: it is whole, old or new, whatever dies. One process at a time has the
 * folder.
 *
 * What a name or a size is refused for is MN_EINVAL, MN_ENOENT or MN_ETOOLONG, one sentence that
 * may be shown to who gave it; all else is trouble of the machine.
 */
#ifndef MN_BASE_JAIL_H
#define MN_BASE_JAIL_H
#include "base/buf.h"

#include <stdint.h>

enum {
    MN_JAIL_PATH = 200,       /* bytes of a name */
    MN_JAIL_DEPTH = 8,        /* parts of it */
    MN_JAIL_FILE = 256 << 10, /* bytes of a file */
    MN_JAIL_FILES = 256,      /* files */
    MN_JAIL_BYTES = 16 << 20  /* bytes of them together */
};

typedef struct mn_jail mn_jail;

/* The folder is made when it is absent. MN_EBUSY: another process has it. */
int mn_jail_open(const char *folder, mn_jail **out);
void mn_jail_close(mn_jail **jail);
const char *mn_jail_where(const mn_jail *jail); /* its path from "/"; borrowed */

int mn_jail_read(const mn_jail *jail, const char *path, mn_buf *out);
int mn_jail_write(const mn_jail *jail, const char *path, const char *text, size_t n);
/* All files, by name. Non-zero stops, and is returned. */
int mn_jail_list(const mn_jail *jail, int (*each)(void *user, const char *path, uint64_t bytes),
                 void *user);

/* A copy of all files in a new folder for scratch work, and over them those of the folder `over`
 * (NULL: none): its path in *out, for mn_jail_drop. It is the same each time, and so is what
 * programs say of it. When `owner` is not -1 all of it is given to this user. */
int mn_jail_copy(const mn_jail *jail, const char *over, int64_t owner, char **out);
void mn_jail_drop(char **copy); /* NULL-safe */

#endif
