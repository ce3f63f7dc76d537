/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chat_mem.c - only what the user typed and the model answered is kept; what was recalled is
 * neither, and is never kept again.
 */
#include "cli/chat_mem.h"
#include "cli/progress.h"

#include "base/buf.h"
#include "base/when.h"

#include <stdio.h>
#include <string.h>

enum { RECALLED = 6, LINE = 100 };

static mn_scope scope_of(const mn_cli_chat_mem *c) {
    return (mn_scope){.user = c->user, .agent = c->agent, .run = c->run};
}

int mn_cli_chat_mem_open(mn_cli_chat_mem *c, mn_region *region, int quiet) {
    char when[MN_WHEN_TEXT];
    if (!c->user) return 0;
    const mn_mem_options how = {.region = region,
                                .organise = c->organise,
                                .background = 1,
                                .private_ = quiet,
                                .tell = mn_cli_tell};
    snprintf(c->session, sizeof c->session, "chat %s", mn_when_text(mn_when_now(), when));
    return mn_mem_open(c->store, &how, &c->mem);
}

void mn_cli_chat_mem_close(mn_cli_chat_mem *c) {
    mn_mem_close(&c->mem);
}

/* One line of it, as much as has room. */
static int show(void *user, const mn_record *r) {
    (void)user;
    const char *const who = r->speaker && *r->speaker ? r->speaker : "somebody";
    char when[MN_WHEN_TEXT] = "some time";
    mn_buf line = {0};
    size_t n = r->n < LINE ? r->n : LINE;
    while (n && n < r->n && ((unsigned char)r->text[n] & 0xc0) == 0x80) n--;
    if (r->from != MN_UNKNOWN) mn_when_text(r->from, when);
    when[strlen(when) > 10 ? 10 : strlen(when)] = 0;
    int rc = mn_buf_printf(&line, "(remembered: #%lld, %s, ", (long long)r->id, when);
    if (rc >= 0) rc = mn_buf_show(&line, who, strlen(who), " ");
    if (rc >= 0) rc = mn_buf_puts(&line, ": ");
    if (rc >= 0) rc = mn_buf_show(&line, r->text, n, " ");
    if (rc >= 0) fprintf(stderr, "%s%s)\n", line.data, n < r->n ? ".." : "");
    mn_buf_free(&line);
    return rc;
}

int mn_cli_chat_recall(mn_cli_chat_mem *c, const char *question, char **text) {
    const mn_scope scope = scope_of(c);
    /* What was said in this conversation stands in it. */
    const mn_find what = {
        .query = question, .k = RECALLED, .budget = c->budget, .apart = c->session};
    *text = NULL;
    if (!c->mem || c->off) return 0;
    return mn_mem_recall(c->mem, &scope, &what, text, show, NULL);
}

int mn_cli_chat_remember(mn_cli_chat_mem *c, const char *question, const char *answer) {
    const mn_scope scope = scope_of(c);
    const mn_record said[] = {{.text = question,
                               .n = strlen(question),
                               .speaker = c->user,
                               .session = c->session,
                               .source = "chat"},
                              {.text = answer,
                               .n = strlen(answer),
                               .speaker = "assistant",
                               .session = c->session,
                               .source = "chat"}};
    if (!c->mem || c->off) return 0;
    return mn_mem_add(c->mem, &scope, said, *answer ? 2 : 1, NULL);
}
