/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chat_line.h - lines of a conversation: edited on a terminal, with history; read as they
 * are from a pipe.
 */
#ifndef MN_CLI_CHAT_LINE_H
#define MN_CLI_CHAT_LINE_H
#include "base/buf.h"

typedef struct mn_cli_line mn_cli_line;

/* History is kept in the data folder, one line an entry; only a terminal has any. */
int mn_cli_line_open(mn_cli_line **out);
void mn_cli_line_close(mn_cli_line **l); /* keeps the history */
int mn_cli_line_on_terminal(const mn_cli_line *l);

/* The next line without its end into `text`: 1, or 0 at the end of the input. A line that ends with
 * a backslash goes on in the next. MN_ECANCELLED: a signal came, what was typed is dropped. */
int mn_cli_line_read(mn_cli_line *l, mn_buf *text);

#endif
