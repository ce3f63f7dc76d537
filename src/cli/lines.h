/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/lines.h - gather the lines an API call hands out, then write them at once.
 */
#ifndef MN_CLI_LINES_H
#define MN_CLI_LINES_H
#include "cli/cli.h"

typedef struct mn_cli_lines {
    mn_buf out;
    int rc; /* of the first line that could not be kept */
} mn_cli_lines;

static inline void mn_cli_lines_add(void *user, const char *text) {
    mn_cli_lines *l = user;
    if (l->rc >= 0) l->rc = mn_buf_printf(&l->out, "%s\n", text);
}

/* Write what was gathered unless something failed, and free it; the first failure is returned. */
static inline int mn_cli_lines_end(mn_cli_lines *l, int rc) {
    if (rc >= 0) rc = l->rc;
    if (rc >= 0 && l->out.len) rc = mn_cli_write(l->out.data, l->out.len);
    mn_buf_free(&l->out);
    return rc;
}

#endif
