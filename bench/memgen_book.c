/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_book.c - reading the patterns of bench/memgen/ (memgen_book.h).
 *
 * A file is blocks, each a line in brackets and lines that belong to it: of a list, items with `;`
 * between them; of a pool, sentences; of anything else, a letter, a blank and a pattern. `#` begins
 * a line for readers.
 */
#include "bench/memgen_book.h"

#include "base/error.h"

#include <string.h>

extern const unsigned char mn_memgen_text[];
extern const size_t mn_memgen_text_size;

int mn_draw(mn_random *r, int n) {
    return (int)(mn_random_u64(r) % (uint64_t)n);
}
int mn_chance(mn_random *r, double p) {
    return mn_random_unit(r) < p;
}

static int common(int a, int b) { /* their greatest divisor */
    return b ? common(b, a % b) : a;
}

const char *mn_choice_next(mn_choice *c, mn_random *r) {
    if (!c->n) return NULL;
    if (!c->left) {
        c->left = c->n;
        c->at = mn_draw(r, c->n);
        do c->step = 1 + mn_draw(r, c->n);
        while (common(c->n, c->step) != 1);
    }
    c->left--;
    c->at = (c->at + c->step) % c->n;
    return c->line[c->at];
}

void mn_book_rewind(mn_book *b) {
    for (int i = 0; i < b->n; i++)
        for (int t = 0; t < MN_BOOK_TAGS; t++) b->block[i].tag[t].left = 0;
}

mn_block *mn_book_find(const mn_book *b, const char *kind, const char *name) {
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->block[i].kind, kind) == 0 && strcmp(b->block[i].name, name) == 0)
            return &b->block[i];
    return NULL;
}

static int add_line(mn_book *b, mn_choice *c, const char *line) {
    const size_t now = (size_t)c->n * sizeof *c->line;
    MN_TRY(mn_arena_grow(&b->arena, c->line, now, now + sizeof *c->line, &c->line));
    c->line[c->n++] = line;
    return 0;
}

static int add_items(mn_book *b, mn_choice *c, char *line) {
    for (char *rest = NULL, *item = strtok_r(line, ";", &rest); item;
         item = strtok_r(NULL, ";", &rest)) {
        while (*item == ' ') item++;
        if (*item) MN_TRY(add_line(b, c, item));
    }
    return 0;
}

/* "[relation home city]" */
static int begin_block(mn_book *b, char *line, int number) {
    mn_block *block = &b->block[b->n];
    char *rest = NULL, *end = strchr(line, ']');
    if (!end || end[1]) return MN_FAIL(MN_ECORRUPT, "line %d of memgen's text: no ']'", number);
    *end = '\0';
    block->kind = strtok_r(line + 1, " ", &rest);
    block->name = strtok_r(NULL, " ", &rest);
    block->of = strtok_r(NULL, " ", &rest);
    if (!block->kind || !block->name)
        return MN_FAIL(MN_ECORRUPT, "line %d of memgen's text: a block needs a name", number);
    b->n++;
    return 0;
}

static int add(mn_book *b, char *line, int number) {
    static const char *const heads[] = {"[list ",  "[pool ", "[relation ", "[event ",
                                        "[topic ", "[sum ",  "[advice ",   "[hop "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(line, heads[i], strlen(heads[i])) == 0) return begin_block(b, line, number);
    if (!*line || *line == '#') return 0;
    if (!b->n) return MN_FAIL(MN_ECORRUPT, "line %d of memgen's text: of no block", number);
    mn_block *block = &b->block[b->n - 1];
    if (strcmp(block->kind, "list") == 0) return add_items(b, &block->tag[MN_BOOK_PLAIN], line);
    if (strcmp(block->kind, "pool") == 0) return add_line(b, &block->tag[MN_BOOK_PLAIN], line);
    if (*line < 'a' || *line > 'z' || line[1] != ' ')
        return MN_FAIL(MN_ECORRUPT, "line %d of memgen's text has no tag: %.40s", number, line);
    return add_line(b, mn_lines_of(block, *line), line + 2);
}

int mn_book_parse(mn_book *b, const char *text, size_t n) {
    char *copy, *rest = NULL;
    size_t most = 0;
    int number = 0;
    for (size_t i = 0; i < n; i++) most += text[i] == '[' && (i == 0 || text[i - 1] == '\n');
    MN_TRY(mn_arena_take(&b->arena, n + 1, &copy));
    MN_TRY(mn_arena_take(&b->arena, (most + 1) * sizeof *b->block, &b->block));
    memcpy(copy, text, n);
    for (char *line = copy; line; line = rest) {
        if ((rest = strchr(line, '\n'))) *rest++ = '\0';
        MN_TRY(add(b, line, ++number));
    }
    return 0;
}

int mn_book_open(mn_book *b) {
    return mn_book_parse(b, (const char *)mn_memgen_text, mn_memgen_text_size);
}

void mn_book_free(mn_book *b) {
    mn_arena_free(&b->arena);
    *b = (mn_book){0};
}
