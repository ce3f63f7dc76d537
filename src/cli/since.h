/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/since.h - a moment as people write it.
 */
#ifndef MN_CLI_SINCE_H
#define MN_CLI_SINCE_H
#include <stdint.h>

/* "today", "90s", "30m", "2h", "3d", "2026-07-31", "2026-07-31T18:00", or RFC 3339 with a zone;
 * local time without one. Seconds since 1970; MN_EINVAL says what is allowed. */
int mn_cli_since(const char *text, uint64_t now, uint64_t *out);

#endif
