/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/objects.h - what the commands about objects share.
 */
#ifndef MN_CLI_OBJECTS_H
#define MN_CLI_OBJECTS_H
#include "cli/cli.h"
#include "omnesia.h"

#define MN_CLI_REGION_ROW(offset_)                                                 \
    {                                                                              \
        .kind = MN_OPT_TEXT, .name = "region", .value = "PATH", .offset = offset_, \
        .help = "another region than your own"                                     \
    }
#define MN_CLI_JSON_ROW(offset_)                                             \
    {                                                                        \
        .kind = MN_OPT_FLAG, .name = "json", .no_env = 1, .offset = offset_, \
        .help = "one JSON object a line"                                     \
    }

/* The region of --region (NULL or "": the user's own); "none" is refused. */
int mn_cli_region_open(const char *command, const char *path, mn_region **out);
/* "500ms", "30s", "5m", "2h", "1d" to milliseconds; `option` is named where it is none. */
int mn_cli_duration(const char *option, const char *text, uint64_t *ms);
/* One JSON line about an object; `what` ("put"; NULL: not said), and its value unless NULL: as text
 * when it is UTF-8, else in base64. */
int mn_cli_object_json(const char *what, const mn_object *o, const void *value, mn_buf *out);
/* "3.2 s", "5 min": for people. */
const char *mn_cli_span(uint64_t ms, char out[24]);

#endif
