/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/port_store.h - stores in the folder of a test, files for them to read, and records
 * whose texts are awkward.
 */
#ifndef MN_TEST_PORT_STORE_H
#define MN_TEST_PORT_STORE_H
#include "agent/kinds.h"

#include "agent/port.h"
#include "base/file.h"

/* ---- a store, files, and what an import says ------------------------------------------------ */
typedef struct heard {
    mn_buf wrong; /* its lines */
    mn_port_sum sum;
} heard;

static const mn_who ann = {.user = "ann"};

static inline mn_notes *new_store(void) {
    char where[PLACE];
    mn_notes *n;
    assert_int_equal(new_place(where), 0);
    assert_ok(mn_notes_open(where, 0, &n));
    return n;
}

static inline const char *path_of(const char *name) {
    static char path[4][256];
    static int at;
    char *const out = path[at++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static inline const char *put_bytes(const char *name, const char *bytes, size_t n) {
    const char *const path = path_of(name);
    mn_filew *f;
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, bytes, n));
    assert_ok(mn_file_settle(&f));
    return path;
}

static inline const char *put(const char *name, const char *text) {
    return put_bytes(name, text, strlen(text));
}

static inline void hear(void *user, const char *line) {
    heard *const h = user;
    assert_ok(mn_buf_printf(&h->wrong, "%s\n", line));
}

static inline int import_as(mn_notes *n, const mn_who *who, const char *path, const char *format,
                            heard *h) {
    const mn_port_told told = {.wrong = hear, .wrong_user = h};
    mn_buf_clear(&h->wrong);
    assert_ok(mn_buf_puts(&h->wrong, ""));
    return mn_port_import(n, who, path, format, &told, &h->sum);
}

/* Import it; this many rows were added, there, wrong. */
static inline void comes(mn_notes *n, const char *path, const char *format, int added, int there,
                         int wrong) {
    heard h = {.wrong = {0}};
    assert_ok(import_as(n, &ann, path, format, &h));
    if (h.sum.added != added || h.sum.there != there || h.sum.wrong != wrong)
        fail_msg("%s: %d added, %d there, %d wrong: %s", path, (int)h.sum.added, (int)h.sum.there,
                 (int)h.sum.wrong, h.wrong.data);
    mn_buf_free(&h.wrong);
}

static inline mn_buf written(mn_notes *n, const char *name) {
    const mn_port_told told = {.report = NULL};
    mn_buf out = {0};
    const char *const path = path_of(name);
    assert_true(mn_port_export(n, &ann, path, "jsonl", &told) >= 0);
    assert_ok(mn_buf_puts(&out, ""));
    assert_ok(mn_file_read(path, 1 << 30, &out));
    return out;
}

static inline int count_row(void *user, const mn_row *row, double score) {
    (void)user;
    (void)row;
    (void)score;
    return 0;
}

static inline int rows_in(mn_notes *n, int versions) {
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.versions = versions}};
    return mn_notes_find(n, &ann, &seek, count_row, NULL);
}

typedef struct copy {
    mn_arena arena;
    mn_row row;
    int wanted;
} copy;

static inline int keep_row(void *user, const mn_row *row, double score) {
    copy *const c = user;
    (void)score;
    if (c->wanted--) return 0;
    assert_ok(mn_row_keep(&c->arena, row, &c->row));
    return 1;
}

/* Row `at` of the store, counted from 0. */
static inline copy row_at(mn_notes *n, int at) {
    copy c = {.wanted = at};
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.versions = 1}};
    assert_int_equal(mn_notes_find(n, &ann, &seek, keep_row, &c), 1);
    return c;
}

/* ---- records of every kind ------------------------------------------------------------------ */
static const char *const awkward[] = {
    "plain words",
    "line\nline\r\n\n\nline  ",
    "\n\n  # no heading\n\n---\ndate: 2020-01-01\n---\n",
    "\"quoted\" 'too' \\ back\\slash \\n \\u0041",
    "<!-- omnesia {\"n\":3} -->\n\nabc",
    "--> <!-- a comment --> -- ---",
    "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\x88 \xe2\x80\xa8 \xc2\xa0 \xef\xbb\xbf",
    "\x01\x02\x1f\x7f tab\there",
    "{\"text\":\"x\"}",
    "- a: b\n  c: [d, e]\n# x\n| y | z |",
    "```\nfence without an end",
    "* * *\n> quote\n\n1. one",
    " ",
    "\n",
    "[[../../etc/passwd]] ![[x]]",
    "ann: b, c & d <script>alert(1)</script>",
};
enum { AWKWARD = sizeof awkward / sizeof *awkward };
static const char *const metas[] = {
    "",
    "{\"a\":1}",
    "{ \"a\" : 0.1, \"b\": [1e5, -0, 12345678901234567890] }",
    "{\"a\":\"-->\",\"meta\":{\"meta\":\"}\"}}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":\n1}",
    "no JSON: \"}\"",
    "{}",
    "{\"\\u006deta\":\"\\u003e\\\"\"}",
};
enum { METAS = sizeof metas / sizeof *metas };

static uint32_t seed = 1;
static inline uint32_t any(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static inline const char *any_text(void) {
    return awkward[any(AWKWARD)];
}

static inline mn_row any_row(void) {
    static const char *const times[] = {"",
                                        "2023-05-08",
                                        "1:56 pm on 8 May, 2023",
                                        "yesterday",
                                        "1970-01-01T00:00:00Z",
                                        "0001-01-01",
                                        "9999-12-31T23:59:59.999999Z"};
    mn_row r = a_row(any_text());
    r.time = times[any(7)];
    r.session = any(3) ? any_text() : "";
    r.speaker = any(2) ? any_text() : "";
    r.ref = any(2) ? any_text() : "";
    r.source = any(2) ? any_text() : "";
    r.kind = any(4) ? "" : any_text();
    r.agent = any(4) ? "" : any_text();
    r.run = any(4) ? "" : any_text();
    r.meta = metas[any(METAS)];
    r.from = any(3) ? 0 : (int64_t)any(1u << 24) * 1000003 - 7;
    r.until = any(3) ? 0 : (int64_t)any(1u << 24) * 100000003 + 1;
    return r;
}

/* Records of every kind, some changed, and some forgotten so that ids have gaps. */
static inline void fill(mn_notes *n, int rows, int gaps) {
    for (int i = 0; i < rows; i++) {
        mn_row r = any_row();
        int64_t id;
        assert_ok(mn_notes_add(n, &ann, &r, 1, &id));
        for (int j = (int)any(4) - 1; j > 0; j--) {
            const mn_row now = any_row();
            assert_ok(mn_notes_update(n, &ann, id, &now));
        }
        if (gaps && !any(10)) {
            const mn_rows which = {.id = id};
            assert_int_equal(mn_notes_forget(n, &ann, &which, NULL, NULL), 1);
        }
    }
}

static inline void same_bytes(const mn_buf *a, const mn_buf *b) {
    size_t at = 0;
    while (at < a->len && at < b->len && a->data[at] == b->data[at]) at++;
    if (a->len != b->len || at < a->len) {
        while (at && a->data[at - 1] != '\n') at--;
        fail_msg("these differ:\n%.500s\n%.500s", a->data + at, b->data + at);
    }
}

static inline int begin_all(void **unused) {
    (void)unused;
    return folder_begin("port", 1);
}

static inline int end_all(void **unused) {
    (void)unused;
    const int rc = places_end();
    return folder_end() || rc;
}

#endif
