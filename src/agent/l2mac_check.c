/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac_check.c - the evaluator: a copy of the files, the hidden tests over them, the
 * command.
 *
 * What the command says is cut to what a context has room for, its beginning and its end; the path
 * of the copy is taken out, and what is no UTF-8 becomes "?". The command finds OMNESIA_LAST=1 in
 * its environment when all files should be there.
 */
#include "agent/l2mac.h"

#include "base/cage.h"
#include "base/utf8.h"

#include <string.h>

static int stop(void *user) {
    const mn_extractor *const by = user;
    return by->tell && by->tell(by->user, NULL);
}

/* The text without the path of the copy, and no byte in it that is none of a text. */
static int clean(const mn_buf *raw, const char *path, mn_buf *out) {
    const size_t n = strlen(path);
    for (size_t i = 0; i < raw->len;) {
        const char *const at = raw->data + i;
        if (raw->len - i >= n && memcmp(at, path, n) == 0) {
            i += n + (at[n] == '/');
            continue;
        }
        const int k = mn_utf8_sequence((const unsigned char *)at, raw->len - i);
        const int plain = k == 1 && ((unsigned char)*at < 0x20 || *at == 0x7f);
        if (k > 0 && (!plain || *at == '\n' || *at == '\t'))
            MN_TRY(mn_buf_append(out, at, (size_t)k));
        else if (k <= 0)
            MN_TRY(mn_buf_puts(out, "?"));
        i += (size_t)(k > 0 ? k : k < 0 ? -k : 1);
    }
    return 0;
}

/* Where a text may be cut, at or before n. */
static size_t cut_at(const char *text, size_t n) {
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    return n;
}

static int shorten(const mn_buf *text, size_t most, mn_buf *out) {
    size_t n = text->len;
    while (n && text->data[n - 1] == '\n') n--;
    if (n <= most) return n ? mn_buf_append(out, text->data, n) : 0;
    const size_t head = cut_at(text->data, most * 2 / 3), tail = cut_at(text->data, n - most / 3);
    MN_TRY(mn_buf_append(out, text->data, head));
    MN_TRY(mn_buf_puts(out, "\n[...]\n"));
    return mn_buf_append(out, text->data + tail, n - tail);
}

static int run(mn_l2mac *w, const char *copy, int last, mn_buf *said) {
    const mn_task_args *const a = &w->c->args;
    const char *const env[] = {last ? "OMNESIA_LAST=1" : "OMNESIA_LAST=0", NULL};
    const mn_cage cage = {copy, env, (int)a->seconds, stop, (void *)(uintptr_t)w->c->by};
    mn_buf raw = {0}, text = {0};
    int status = 0, rc = mn_cage_run(&cage, a->check, &raw, &status);
    if (rc >= 0) rc = clean(&raw, copy, &text);
    if (rc >= 0 && status < 0)
        rc = mn_buf_printf(said, "It did not end within %lld seconds.\n", (long long)a->seconds);
    else if (rc >= 0 && status > 128)
        rc = mn_buf_printf(said, "It was ended by signal %d.\n", status - 128);
    else if (rc >= 0 && status && !text.len)
        rc = mn_buf_printf(said, "It ended with status %d and said nothing.", status);
    if (rc >= 0) rc = shorten(&text, (size_t)a->context / 2, said);
    mn_buf_free(&raw);
    mn_buf_free(&text);
    return rc < 0 ? rc : status == 0;
}

int mn_l2mac_check(mn_l2mac *w, int last, mn_buf *said) {
    char *copy;
    mn_buf_clear(said);
    if (!w->c->args.check) return 1;
    MN_TRY(mn_jail_copy(w->jail, w->c->args.tests, mn_cage_owner(), &copy));
    const int rc = run(w, copy, last, said);
    mn_jail_drop(&copy);
    return rc;
}
