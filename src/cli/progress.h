/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/progress.h - the progress bar: one line of standard error, and only on a terminal.
 */
#ifndef MN_CLI_PROGRESS_H
#define MN_CLI_PROGRESS_H
#include "omnesia.h"

/* One piece of work; zero-initialise. Must stay where it is while the mn_progress is in use. */
typedef struct mn_cli_bar {
    int in_bytes;        /* done and total are bytes, else steps */
    int shown;           /* something stands on the line */
    const char *what;    /* what the rate was measured for */
    double began, drawn; /* seconds; when `first` was seen, when the line was last drawn */
    uint64_t first;      /* done at `began`: a resumed pull does not begin at 0 */
} mn_cli_bar;

/* What to hand to omnesia.h. Reports nothing when standard error is no terminal. */
mn_progress mn_cli_progress(mn_cli_bar *bar);
/* Take the line away, before other text is printed or when the work is over. */
void mn_cli_progress_clear(mn_cli_bar *bar);

/* mn_model_open as every command does it: with a bar and notices on standard error. */
int mn_cli_model_open(const char *name, mn_model_options how, mn_model **out);

/* For mn_store_pull: a notice line on standard error, the bar stepping aside. user is the bar. */
void mn_cli_notice(void *bar, const char *line);
/* The same for mn_mem_options.tell. */
int mn_cli_tell(void *bar, const char *line);

#endif
