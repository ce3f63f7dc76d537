/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chat_mem.h - the memory of `omnesia chat`: what was said before comes to mind before an
 * answer, and what is said is kept after it.
 */
#ifndef MN_CLI_CHAT_MEM_H
#define MN_CLI_CHAT_MEM_H
#include "omnesia.h"

typedef struct mn_cli_chat_mem {
    const char *user, *agent, *run, *store, *organise; /* options; user NULL: no memory */
    int32_t budget;                                    /* tokens that are recalled at most */
    int off;                                           /* /memory off */
    mn_mem *mem;
    char session[40]; /* this conversation, by when it began */
} mn_cli_chat_mem;

int mn_cli_chat_mem_open(mn_cli_chat_mem *c, mn_region *region, int quiet);
void mn_cli_chat_mem_close(mn_cli_chat_mem *c);
/* What comes to mind of a question, for mn_request.recalled (freed with mn_free_text; NULL:
 * nothing), shown on standard error. */
int mn_cli_chat_recall(mn_cli_chat_mem *c, const char *question, char **text);
/* Keep both, as they were said. */
int mn_cli_chat_remember(mn_cli_chat_mem *c, const char *question, const char *answer);

#endif
