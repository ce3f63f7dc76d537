/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/demo.h - what `omnesia demo` saw, for those who draw it.
 */
#ifndef MN_CLI_DEMO_H
#define MN_CLI_DEMO_H
#include "base/buf.h"

#include <sys/types.h>

/* One process of the demo. All numbers were measured in this run. */
typedef struct mn_demo_run {
    const char *question, *role; /* "reads the document", .. */
    pid_t pid;
    int out, err; /* ends of its streams; -1: closed */
    int killed, ended, status;
    double began, first_ms; /* first byte of its answer, from before it was started; 0: none yet */
    mn_buf text, facts;
    int prompt, cached; /* tokens */
    long long by;       /* process that computed them; 0: none */
} mn_demo_run;

/* The picture of `n` runs as SVG, appended to `out`. */
int mn_demo_svg(const mn_demo_run *run, int n, const char *model, mn_buf *out);

/* Text cut into lines of `width` columns: line `i` of it, or its number of lines when line is NULL.
 * `line` has room for width + 1 bytes. */
int mn_demo_wrap(const char *text, int width, int i, char *line);

#endif
