/* SPDX-License-Identifier: Apache-2.0
 *
 * region/place.c - where this user's region lies when nobody says otherwise.
 *
 * The first of these that may be written to and has room for what the region may hold:
 * $OMNESIA_DATA (which moves all that is ours), /dev/shm/omnesia-UID, $XDG_RUNTIME_DIR/omnesia, the
 * cache folder. The first but one are memory; in the last the page cache is. Containers often have
 * 64 MB of /dev/shm. The folder is ours alone: 0700, no link.
 */
#include "base/alloc.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "region/inside.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder is there, ours, and nobody else's. */
static int own_folder(const char *path) {
    struct stat st;
    if (mn_file_mkdirs(path) < 0 || lstat(path, &st) < 0) return 0;
    return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077);
}

/* Try one folder; 1: it will do, its region's path in `out`. */
static int will_do(const char *folder, uint64_t limit, mn_buf *out) {
    uint64_t room;
    mn_buf_clear(out);
    if (!folder || !own_folder(folder)) return 0;
    MN_TRY(mn_buf_printf(out, "%s/region-%d", folder, MN_REGION_VERSION));
    if (access(out->data, R_OK | W_OK) == 0) return 1; /* there already, as large as it was made */
    return access(folder, W_OK) == 0 && mn_file_room(folder, &room) >= 0 && room > limit;
}

int mn_region_place(uint64_t limit, mn_buf *out) {
    const char *data = getenv("OMNESIA_DATA"), *runtime = getenv("XDG_RUNTIME_DIR");
    char *cache = NULL;
    mn_buf folder = {0};
    if (!limit) limit = mn_budget_machine() / 8;
    int rc = data && *data ? will_do(data, limit, out) : 0;
    if (!rc && (rc = mn_buf_printf(&folder, "/dev/shm/omnesia-%u", geteuid())) >= 0)
        rc = will_do(folder.data, limit, out);
    mn_buf_clear(&folder);
    if (!rc && runtime && *runtime && (rc = mn_buf_printf(&folder, "%s/omnesia", runtime)) >= 0)
        rc = will_do(folder.data, limit, out);
    if (!rc && (rc = mn_file_cache_path(NULL, &cache)) >= 0) rc = will_do(cache, limit, out);
    mn_free(cache);
    mn_buf_free(&folder);
    if (rc > 0) return 0;
    mn_buf_clear(out);
    return rc < 0 ? rc
                  : MN_FAIL(MN_EFULL,
                            "no folder has room for a region of %llu bytes; name a place with "
                            "--region PATH, or go without by --region none",
                            (unsigned long long)limit);
}
