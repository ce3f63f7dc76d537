/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/mem_bed.h - an agents' memory in a folder of its own, and short ways to ask it.
 */
#ifndef MN_TEST_API_MEM_BED_H
#define MN_TEST_API_MEM_BED_H
#include "folder.h"
#include "test.h"

#include "base/buf.h"
#include "omnesia.h"

static char place[160];
static mn_mem *mem;

static inline mn_mem *mem_opened(void) {
    const mn_mem_options how = {.model = "none"};
    mn_mem *m = NULL;
    assert_ok(mn_mem_open(place, &how, &m));
    return m;
}
static inline int mem_begin(void **s) {
    (void)s;
    if (folder_begin("mem", 1) < 0) return -1;
    snprintf(place, sizeof place, "%s/memory.db", folder);
    mem = mem_opened();
    return 0;
}
static inline int mem_end(void **s) {
    (void)s;
    mn_mem_close(&mem);
    return folder_end();
}

static const mn_scope ann = {.user = "ann"}, bob = {.user = "bob"};

static inline int64_t add_record(const mn_scope *who, mn_record r) {
    int64_t id = 0;
    if (!r.n) r.n = strlen(r.text);
    assert_ok(mn_mem_add(mem, who, &r, 1, &id));
    assert_true(id > 0);
    return id;
}
static inline int64_t add_text(const mn_scope *who, const char *text) {
    return add_record(who, (mn_record){.text = text});
}
static inline int update_text(const mn_scope *who, int64_t id, const char *text, const char *time) {
    const mn_record r = {.text = text, .n = strlen(text), .time = time};
    return mn_mem_update(mem, who, id, &r);
}

/* "1 one text | 2 another", in the order it came. */
typedef struct found {
    char text[8192];
    size_t n;
    int count, stop_at;
    mn_record last; /* its texts are gone */
} found;
static inline int keep_found(void *user, const mn_record *r) {
    found *const f = user;
    assert_int_equal(strlen(r->text), r->n);
    const size_t room = sizeof f->text - f->n;
    f->n += (size_t)snprintf(f->text + f->n, room, "%s%lld %.60s", f->n ? " | " : "",
                             (long long)r->id, r->text);
    assert_true(f->n < sizeof f->text);
    f->last = *r;
    return ++f->count == f->stop_at ? 42 : 0;
}
static inline const char *found_by(const mn_scope *who, mn_find what) {
    static found f;
    f = (found){.n = 0};
    const int n = mn_mem_find(mem, who, &what, keep_found, &f);
    assert_ok(n);
    assert_int_equal(n, f.count);
    return f.text;
}
#define FOUND(who, ...) found_by(who, (mn_find){__VA_ARGS__})

/* The call fails with this code; its sentence has `text`. */
static inline void refuses(const mn_scope *who, mn_find what, int code, const char *text) {
    found f = {.n = 0};
    assert_fails(mn_mem_find(mem, who, &what, keep_found, &f), code, text);
    assert_int_equal(f.count, 0);
}

#endif
