/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region.h - what the verbs of `omnesia region` share: options, and the table they stand in.
 */
#ifndef MN_CLI_REGION_H
#define MN_CLI_REGION_H
#include "cli/generate.h"

typedef struct mn_cli_region_options {
    mn_cli_common common;
    mn_cli_generate generate;
    const char *since;
    int all, raw, json;
} mn_cli_region_options;

typedef struct mn_cli_verb {
    const char *name;
    int least, most; /* words that may follow; -1: any number */
    /* The result goes to `out`. As mn_cli_command's run; *region is open, and may be consumed. */
    int (*run)(mn_region **region, const mn_cli_region_options *o, int n, const char *const *words,
               mn_buf *out);
} mn_cli_verb;
extern const mn_cli_verb mn_cli_region_verbs[]; /* ends with {0} */

/* forget, pin, unpin; check, gc, destroy; export, import: as in mn_cli_verb. */
#define MN_CLI_VERB(name)                                                               \
    int mn_cli_region_##name(mn_region **region, const mn_cli_region_options *o, int n, \
                             const char *const *words, mn_buf *out)
MN_CLI_VERB(forget);
MN_CLI_VERB(pin);
MN_CLI_VERB(unpin);
MN_CLI_VERB(check);
MN_CLI_VERB(gc);
MN_CLI_VERB(destroy);
MN_CLI_VERB(export);
MN_CLI_VERB(import);

#endif
