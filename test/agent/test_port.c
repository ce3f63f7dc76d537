/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_port.c - what was written comes back, byte by byte; what comes in again adds
 * nothing; what is malformed is named and costs nothing else.
 */
#include "test.h"

#include "agent/port.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/walk.h"
#include "folder.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- a store, files, and what an import says ------------------------------------------------ */
typedef struct heard {
    mn_buf wrong; /* its lines */
    mn_port_sum sum;
} heard;

static const mn_who ann = {.user = "ann"};
static int stores;

static mn_notes *new_store(void) {
    char path[128];
    mn_notes *n;
    snprintf(path, sizeof path, "%s/store-%d.db", folder, stores++);
    assert_ok(mn_notes_open(path, 0, &n));
    return n;
}

static const char *path_of(const char *name) {
    static char path[4][256];
    static int at;
    char *const out = path[at++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static const char *put_bytes(const char *name, const char *bytes, size_t n) {
    const char *const path = path_of(name);
    mn_filew *f;
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, bytes, n));
    assert_ok(mn_file_settle(&f));
    return path;
}

static const char *put(const char *name, const char *text) {
    return put_bytes(name, text, strlen(text));
}

static void hear(void *user, const char *line) {
    heard *const h = user;
    assert_ok(mn_buf_printf(&h->wrong, "%s\n", line));
}

static int import_as(mn_notes *n, const mn_who *who, const char *path, const char *format,
                     heard *h) {
    const mn_port_told told = {.wrong = hear, .wrong_user = h};
    mn_buf_clear(&h->wrong);
    assert_ok(mn_buf_puts(&h->wrong, ""));
    return mn_port_import(n, who, path, format, &told, &h->sum);
}

/* Import it; this many rows were added, there, wrong. */
static void comes(mn_notes *n, const char *path, const char *format, int added, int there,
                  int wrong) {
    heard h = {.wrong = {0}};
    assert_ok(import_as(n, &ann, path, format, &h));
    if (h.sum.added != added || h.sum.there != there || h.sum.wrong != wrong)
        fail_msg("%s: %d added, %d there, %d wrong: %s", path, (int)h.sum.added, (int)h.sum.there,
                 (int)h.sum.wrong, h.wrong.data);
    mn_buf_free(&h.wrong);
}

static mn_buf written(mn_notes *n, const char *name) {
    const mn_port_told told = {.report = NULL};
    mn_buf out = {0};
    const char *const path = path_of(name);
    assert_true(mn_port_export(n, &ann, path, "jsonl", &told) >= 0);
    assert_ok(mn_buf_puts(&out, ""));
    assert_ok(mn_file_read(path, 1 << 30, &out));
    return out;
}

static int count_row(void *user, const mn_row *row, double score) {
    (void)user;
    (void)row;
    (void)score;
    return 0;
}

static int rows_in(mn_notes *n, int versions) {
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.versions = versions}};
    return mn_notes_find(n, &ann, &seek, count_row, NULL);
}

typedef struct copy {
    mn_arena arena;
    mn_row row;
    int wanted;
} copy;

static int keep_row(void *user, const mn_row *row, double score) {
    copy *const c = user;
    (void)score;
    if (c->wanted--) return 0;
    assert_ok(mn_row_keep(&c->arena, row, &c->row));
    return 1;
}

/* Row `at` of the store, counted from 0. */
static copy row_at(mn_notes *n, int at) {
    copy c = {.wanted = at};
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.versions = 1}};
    assert_int_equal(mn_notes_find(n, &ann, &seek, keep_row, &c), 1);
    return c;
}

static mn_row a_row(const char *text) {
    return (mn_row){.text = text,
                    .n = strlen(text),
                    .time = "",
                    .session = "",
                    .speaker = "",
                    .ref = "",
                    .source = "",
                    .kind = "",
                    .agent = "",
                    .run = "",
                    .meta = ""};
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
static uint32_t any(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static const char *any_text(void) {
    return awkward[any(AWKWARD)];
}

static mn_row any_row(void) {
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
static void fill(mn_notes *n, int rows, int gaps) {
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
            assert_int_equal(mn_notes_forget(n, &ann, &which), 1);
        }
    }
}

static void same_bytes(const mn_buf *a, const mn_buf *b) {
    size_t at = 0;
    while (at < a->len && at < b->len && a->data[at] == b->data[at]) at++;
    if (a->len != b->len || at < a->len) {
        while (at && a->data[at - 1] != '\n') at--;
        fail_msg("these differ:\n%.500s\n%.500s", a->data + at, b->data + at);
    }
}

/* ---- jsonl ---------------------------------------------------------------------------------- */
static void lines_come_back_byte_by_byte(void **unused) {
    (void)unused;
    for (uint32_t round = 1; round <= 8; round++) {
        mn_notes *a = new_store(), *b = new_store();
        seed = round * 7919;
        fill(a, 300, 0);
        mn_buf before = written(a, "a.jsonl");
        const int rows = rows_in(a, 1);
        comes(b, path_of("a.jsonl"), NULL, rows, 0, 0);
        mn_buf after = written(b, "b.jsonl");
        same_bytes(&before, &after);
        comes(b, path_of("a.jsonl"), NULL, 0, rows, 0); /* again: nothing new */
        comes(a, path_of("a.jsonl"), NULL, 0, rows, 0); /* nor where it is from */
        mn_buf_free(&before);
        mn_buf_free(&after);
        mn_notes_close(&a);
        mn_notes_close(&b);
    }
}

static void ids_keep_their_order(void **unused) {
    (void)unused;
    mn_notes *a = new_store(), *b = new_store(), *c = new_store();
    seed = 5;
    fill(a, 200, 1);
    mn_buf first = written(a, "a.jsonl");
    comes(b, path_of("a.jsonl"), NULL, rows_in(a, 1), 0, 0);
    mn_buf second = written(b, "b.jsonl");
    comes(c, path_of("b.jsonl"), NULL, rows_in(a, 1), 0, 0);
    mn_buf third = written(c, "c.jsonl");
    same_bytes(&second, &third); /* no gaps any more */
    const char *x = first.data, *y = second.data;
    for (long long last = 0; *x;) { /* the same lines, but for ids */
        const char *const ex = strstr(x, "\"id\":"), *const ey = strstr(y, "\"id\":");
        assert_memory_equal(x, y, (size_t)(ex - x));
        assert_true(atoll(ey + 5) > last);
        last = atoll(ey + 5);
        x = strchr(ex, '\n') + 1;
        y = strchr(ey, '\n') + 1;
    }
    mn_buf_free(&first);
    mn_buf_free(&second);
    mn_buf_free(&third);
    mn_notes_close(&a);
    mn_notes_close(&b);
    mn_notes_close(&c);
}

static void a_line_needs_only_a_text(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    comes(n,
          put("few.jsonl", "\xef\xbb\xbf{\"text\": \"tea\"}\r\n\n"
                           "{\"text\":\"two\",\"time\":1683554160,\"session\":3}\n"
                           "{\"text\":\"soon\",\"time\":\"soon\",\"meta\":null,\"id\":\"x\"}"),
          NULL, 3, 0, 0);
    copy c = row_at(n, 0);
    assert_string_equal(c.row.text, "tea");
    assert_string_equal(c.row.time, "");
    assert_true(c.row.from == MN_NEVER && c.row.until == MN_NEVER && c.row.created > 0);
    mn_arena_free(&c.arena);
    c = row_at(n, 1);
    assert_string_equal(c.row.time, "1683554160");
    assert_string_equal(c.row.session, "3");
    assert_true(c.row.from == 1683554160000000);
    mn_arena_free(&c.arena);
    c = row_at(n, 2);
    assert_string_equal(c.row.time, "soon");
    assert_true(c.row.from == MN_NEVER);
    mn_arena_free(&c.arena);
    comes(n, path_of("few.jsonl"), NULL, 0, 3, 0);
    mn_notes_close(&n);
}

static void what_was_said_twice_stays_said_twice(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    comes(n, put("twice.jsonl", "{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n{\"text\":\"no\"}\n"), NULL,
          3, 0, 0);
    comes(n, path_of("twice.jsonl"), NULL, 0, 3, 0);
    comes(n, put("thrice.jsonl", "{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n"), NULL,
          1, 2, 0);
    mn_notes_close(&n);
}

static void what_is_wrong_in_a_line_is_named(void **unused) {
    (void)unused;
    static const struct {
        const char *line, *why;
    } row[] = {
        {"{\"text\":\"a\"", "line 2: "},
        {"[1]", "line 2: it is no JSON object"},
        {"{\"text\":\"a\\u0000b\"}", "line 2: the text is not text: byte 2 is zero"},
        {"{\"text\":\"a\",\"session\":\"\\u0000\"}", "line 2: \"session\" is no text"},
        {"{\"text\":\"\xff\"}", "line 2: unable to decode byte 0xff"},
        {"{\"text\":7}", "line 2: \"text\" is no text"},
        {"{\"time\":\"2020\"}", "line 2: the text of a record is empty"},
        {"{\"text\":\"a\",\"speaker\":[]}", "line 2: \"speaker\" is no text"},
        {"{\"text\":\"a\",\"from\":\"soon\"}", "line 2: \"from\" is no moment"},
        {"{\"text\":\"a\",\"until\":{}}", "line 2: \"until\" is no moment"},
        {"{\"text\":\"a\",\"created\":\"31 June 2020\"}", "line 2: \"created\" is no moment"},
        {"{\"text\":\"a\",\"meta\":[1]}", "line 2: \"meta\" is no object"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "line 2: duplicate object key"},
        {"{\"text\":\"a\",\"expired\":\"2020-01-01\"}", "line 2: it has \"expired\", but not"},
        {"{\"text\":\"a\",\"of\":1}", "line 2: it has \"of\", but not when"},
        {"{\"text\":\"a\",\"of\":9,\"expired\":\"2020-01-01\"}",
         "line 2: it is a former version of record 9, which is in no line before"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_notes *n = new_store();
        heard h = {.wrong = {0}};
        char text[512];
        snprintf(text, sizeof text, "{\"text\":\"first\"}\n%s\n{\"text\":\"last\"}\n", row[i].line);
        assert_ok(import_as(n, &ann, put("wrong.jsonl", text), NULL, &h));
        assert_true(h.sum.added == 2 && h.sum.wrong == 1);
        if (strncmp(h.wrong.data, row[i].why, strlen(row[i].why)) != 0)
            fail_msg("%s: %s", row[i].line, h.wrong.data);
        assert_int_equal(rows_in(n, 1), 2);
        mn_buf_free(&h.wrong);
        mn_notes_close(&n);
    }
}

static void what_is_too_long_or_too_deep_is_named(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    mn_buf text = {0};
    static char large[70 << 20], deep[4096];
    memset(large, 'x', sizeof large);
    memset(deep, '[', sizeof deep);
    assert_ok(mn_buf_printf(&text, "{\"text\":\"%.*s\"}\n", MN_TEXT_MAX, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"%.*s\"}\n", MN_TEXT_MAX + 1, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"a\",\"speaker\":\"%.*s\"}\n", 2000, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"a\",\"meta\":{\"a\":%.*s", 4096, deep));
    assert_ok(mn_buf_printf(&text, "\n{\"text\":\"a\",\"meta\":{\"a\":\"%.*s\"}}\n", 70000, large));
    assert_ok(mn_buf_append(&text, large, sizeof large));
    assert_ok(mn_buf_puts(&text, "\n{\"text\":\"last\"}\n"));
    assert_ok(mn_buf_append(&text, large, sizeof large));
    assert_ok(import_as(n, &ann, put_bytes("large.jsonl", text.data, text.len), NULL, &h));
    assert_int_equal(h.sum.added, 2);
    assert_int_equal(h.sum.wrong, 6);
    assert_non_null(strstr(h.wrong.data, "line 2: the text has 1048577 bytes"));
    assert_non_null(strstr(h.wrong.data, "line 3: speaker has 2000 bytes"));
    assert_non_null(strstr(h.wrong.data, "line 4: maximum parsing depth reached"));
    assert_non_null(strstr(h.wrong.data, "line 5: meta has "));
    assert_non_null(strstr(h.wrong.data, "line 6: it has more than 64 MiB"));
    assert_non_null(strstr(h.wrong.data, "line 8: it has more than 64 MiB"));
    mn_buf_free(&text);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

/* ---- markdown ------------------------------------------------------------------------------- */
static int add_to(void *user, const mn_walk_entry *e) {
    mn_buf *const names = user;
    if (e->kind == MN_WALK_FILE) assert_ok(mn_buf_printf(names, "%s\n", e->rest));
    return 0;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and bytes of all files of a folder. */
static mn_buf folder_bytes(const char *path) {
    mn_buf names = {0}, out = {0};
    char *line[2000], *save;
    int n = 0;
    mn_walk(path, 8, 10000, add_to, &names);
    for (char *s = strtok_r(names.data, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
        line[n++] = s;
    qsort(line, (size_t)n, sizeof *line, by_text);
    for (int i = 0; i < n; i++) {
        char file[600];
        snprintf(file, sizeof file, "%s/%s", path, line[i]);
        assert_ok(mn_buf_printf(&out, "%s\n", line[i]));
        assert_ok(mn_file_read(file, 1 << 30, &out));
    }
    mn_buf_free(&names);
    return out;
}

/* Numbers of records are those of the store; the rest must be the same. */
static void without_ids(mn_buf *b) {
    static const char *const before[] = {"\"id\":", "\"of\":", "record "};
    size_t n = 0;
    for (size_t i = 0; i < b->len;) {
        int found = 0;
        for (int k = 0; k < 3 && !found; k++) {
            const size_t size = strlen(before[k]);
            if (b->len - i <= size || memcmp(b->data + i, before[k], size) != 0) continue;
            memmove(b->data + n, b->data + i, size);
            n += size, i += size, found = 1;
            while (i < b->len && strchr("0123456789", b->data[i])) i++;
        }
        if (!found) b->data[n++] = b->data[i++];
    }
    b->len = n;
    b->data[n] = 0;
}

static void export_folder(mn_notes *n, const char *path) {
    const mn_port_told told = {.report = NULL};
    assert_ok((int)mn_port_export(n, &ann, path, "markdown", &told));
}

static void a_folder_comes_back_byte_by_byte(void **unused) {
    (void)unused;
    for (uint32_t round = 1; round <= 6; round++) {
        mn_notes *a = new_store(), *b = new_store();
        char first[128], second[128];
        seed = round * 104729;
        fill(a, 200, 1);
        snprintf(first, sizeof first, "%s/first-%u", folder, round);
        snprintf(second, sizeof second, "%s/second-%u/", folder, round);
        export_folder(a, first);
        const int rows = rows_in(a, 1);
        comes(b, first, NULL, rows, 0, 0);
        export_folder(b, second);
        mn_buf x = folder_bytes(first), y = folder_bytes(second);
        without_ids(&x);
        without_ids(&y);
        same_bytes(&x, &y);
        comes(b, first, NULL, 0, rows, 0);
        comes(a, second, NULL, 0, rows, 0);
        mn_buf_free(&x);
        mn_buf_free(&y);
        mn_notes_close(&a);
        mn_notes_close(&b);
    }
}

static void names_of_files_are_safe(void **unused) {
    (void)unused;
    static const char *const sessions[] = {"../../etc/passwd",
                                           "/etc",
                                           "..",
                                           ".hidden",
                                           "a/b",
                                           "a\\b",
                                           "CON",
                                           "nul",
                                           "com1",
                                           "x\ny",
                                           "A",
                                           "a",
                                           "a ",
                                           "a\t",
                                           "",
                                           "*?<>",
                                           "a.md",
                                           "records",
                                           "\xe2\x80\xae"
                                           "evil",
                                           "\xe6\x97\xa5\xe6\x9c\xac"};
    mn_notes *n = new_store(), *m = new_store();
    const size_t count = sizeof sessions / sizeof *sessions;
    for (size_t i = 0; i < count; i++) {
        mn_row r = a_row("text");
        r.session = sessions[i];
        assert_ok(mn_notes_add(n, &ann, &r, 1, NULL));
    }
    const char *const path = path_of("safe");
    mn_buf names = {0};
    export_folder(n, path);
    mn_walk(path, 8, 1000, add_to, &names);
    int files = 0;
    for (const char *s = names.data; *s; s++) {
        files += *s == '\n';
        if (strchr("/\\:*?\"<>| ", *s) || (s > names.data && *s == '.' && s[-1] == '\n'))
            fail_msg("a name with %c: %s", *s, names.data);
    }
    assert_int_equal(files, count);
    assert_non_null(strstr(names.data, "\xe6\x97\xa5\xe6\x9c\xac.md"));
    comes(m, path, NULL, (int)count, 0, 0);
    const mn_port_told told = {.report = NULL};
    assert_fails((int)mn_port_export(n, &ann, path, "markdown", &told), MN_ECONFLICT, "not empty");
    mn_buf_free(&names);
    mn_notes_close(&n);
    mn_notes_close(&m);
}

static void who_edits_a_text_changes_that_record_alone(void **unused) {
    (void)unused;
    mn_notes *n = new_store(), *m = new_store(), *w = new_store();
    for (int i = 0; i < 3; i++) {
        mn_row r = a_row(i == 1 ? "the sea\n\nand the sand" : "tea");
        r.session = "s";
        assert_ok(mn_notes_add(n, &ann, &r, 1, NULL));
    }
    export_folder(n, path_of("edited"));
    mn_buf text = {0}, other = {0};
    assert_ok(mn_file_read(path_of("edited/s.md"), 1 << 20, &text));
    for (size_t i = 0; i < text.len; i++) /* line ends of Windows */
        assert_ok(mn_buf_printf(&other, text.data[i] == '\n' ? "\r\n" : "%c", text.data[i]));
    put_bytes("windows/s.md", other.data, other.len);
    comes(m, path_of("windows"), NULL, 3, 0, 0);
    copy c = row_at(m, 1);
    assert_string_equal(c.row.text, "the sea\n\nand the sand");
    mn_arena_free(&c.arena);
    mn_buf_clear(&other);
    const char *const sea = strstr(text.data, "the sea");
    assert_ok(mn_buf_printf(&other, "%.*sall of %s", (int)(sea - text.data), text.data, sea));
    put_bytes("edited/s.md", other.data, other.len);
    comes(n, path_of("edited"), NULL, 1, 2, 0);
    c = row_at(n, 3);
    assert_string_equal(c.row.text, "all of the sea\n\nand the sand");
    assert_string_equal(c.row.session, "s");
    mn_arena_free(&c.arena);
    mn_buf_clear(&other);
    char *const bad = strstr(text.data, "{\"n\":3,");
    bad[1] = '!';
    put_bytes("edited/s.md", text.data, text.len);
    heard h = {.wrong = {0}};
    assert_ok(import_as(w, &ann, path_of("edited"), NULL, &h));
    assert_true(h.sum.added == 2 && h.sum.wrong == 1);
    assert_non_null(strstr(h.wrong.data, "s.md:6: "));
    mn_buf_free(&h.wrong);
    mn_buf_free(&text);
    mn_buf_free(&other);
    mn_notes_close(&n);
    mn_notes_close(&m);
    mn_notes_close(&w);
}

static void notes_of_others_are_cut_at_headings(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    mn_buf text = {0};
    put("vault/.obsidian/x.md", "hidden");
    put("vault/picture.png", "no text");
    put("vault/daily/2023-05-08.md", "Met [[Ann]] at noon.\n");
    put("vault/2024_13_45 no date.md", "---\n---\n\n");
    put("vault/a.md", "---\ndate: 2021-03-04 # a day\ntags: [x, y]\n---\n"
                      "# Trip\n\n## Day 1 ##\nWe saw the sea.\n\nIt was cold.\n\n"
                      "## Day 2\n\n```\n# no heading\n\ncode\n```\n");
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 40; k++) assert_ok(mn_buf_printf(&text, "word%d ", k));
        assert_ok(mn_buf_puts(&text, "\n\n"));
    }
    for (int k = 0; k < 1000; k++) assert_ok(mn_buf_puts(&text, "\xe6\x97\xa5"));
    put_bytes("vault/long.md", text.data, text.len);
    comes(n, path_of("vault"), NULL, 2 + 4 + 2 + 1, 0, 0);
    comes(n, path_of("vault"), NULL, 0, 2 + 4 + 2 + 1, 0);
    copy c = row_at(n, 0);
    assert_string_equal(c.row.text, "# Trip\n\n## Day 1 ##\nWe saw the sea.\n\nIt was cold.");
    assert_string_equal(c.row.time, "2021-03-04");
    assert_true(c.row.from == 1614816000000000);
    assert_string_equal(c.row.source, "a.md");
    assert_string_equal(c.row.session, "a.md");
    assert_string_equal(c.row.ref, "a.md#Day 1");
    assert_string_equal(c.row.meta,
                        "{\"front_matter\":\"date: 2021-03-04 # a day\\ntags: [x, y]\\n\"}");
    mn_arena_free(&c.arena);
    c = row_at(n, 1);
    assert_string_equal(c.row.text, "## Day 2\n\n```\n# no heading\n\ncode\n```");
    assert_string_equal(c.row.ref, "a.md#Day 2");
    assert_string_equal(c.row.meta, "");
    mn_arena_free(&c.arena);
    c = row_at(n, 2);
    assert_string_equal(c.row.text, "Met [[Ann]] at noon.");
    assert_string_equal(c.row.time, "2023-05-08");
    assert_string_equal(c.row.source, "daily/2023-05-08.md");
    mn_arena_free(&c.arena);
    mn_buf_free(&text);
    mn_notes_close(&n);
}

static void nothing_outside_of_the_folder_is_read(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    put("secret.md", "the password");
    put("outside/b.md", "also");
    put("links/a.md", "mine");
    assert_int_equal(symlink(path_of("secret.md"), path_of("links/b.md")), 0);
    assert_int_equal(symlink(path_of("outside"), path_of("links/sub")), 0);
    assert_int_equal(symlink("../links", path_of("links/loop.md")), 0);
    assert_int_equal(mkfifo(path_of("links/pipe.md"), 0600), 0);
    put("links/bad.md", "fine\n\nb\xff"
                        "d\n\n# good\n");
    assert_ok(import_as(n, &ann, path_of("links"), NULL, &h));
    assert_int_equal(rows_in(n, 1), 2);
    assert_int_equal(h.sum.wrong, 3);
    assert_non_null(strstr(h.wrong.data, "b.md: it is a symbolic link"));
    assert_non_null(strstr(h.wrong.data, "loop.md: it is a symbolic link"));
    assert_non_null(strstr(h.wrong.data, "bad.md:1: the text"));
    assert_fails(import_as(n, &ann, path_of("outside/.."), "mcp", &h), MN_EIO, "cannot");
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

/* ---- formats of others ----------------------------------------------------------------------- */
static void check_row(mn_notes *n, int at, const char *text, const char *kind, const char *meta) {
    copy c = row_at(n, at);
    assert_string_equal(c.row.text, text);
    assert_string_equal(c.row.kind, kind);
    assert_string_equal(c.row.meta, meta);
    mn_arena_free(&c.arena);
}

static void the_memory_server_of_mcp(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    const char *const path =
        put("memory.json",
            "{\"type\":\"entity\",\"name\":\"Ann Lee\",\"entityType\":\"person\","
            "\"observations\":[\"Speaks Spanish\",7,\"Likes tea\"]}\n"
            "{\"type\":\"entity\",\"name\":\"Acme\",\"entityType\":\"firm\",\"observations\":[]}\n"
            "{\"type\":\"relation\",\"from\":\"Ann Lee\",\"to\":\"Acme\",\"relationType\":\"works "
            "at\"}\n"
            "{\"type\":\"relation\",\"from\":\"Ann Lee\"}\n"
            "{\"type\":\"entity\",\"observations\":[]}\n"
            "{\"type\":\"entity\",\"name\":\"x\",\"observations\":{}}\n"
            "{\"type\":\"other\"}\n{\"type\"\n");
    assert_ok(import_as(n, &ann, path, NULL, &h));
    assert_int_equal(h.sum.added, 4);
    assert_string_equal(h.wrong.data,
                        "line 1, observation 2: it is no text\n"
                        "line 4: a relation has \"from\", \"to\" and \"relationType\"\n"
                        "line 5: the entity has no \"name\"\n"
                        "line 6: \"observations\" is no list\n"
                        "line 7: it is no entity and no relation\n"
                        "line 8: ':' expected near end of file\n");
    check_row(n, 0, "Ann Lee: Speaks Spanish", "observation",
              "{\"entity\":\"Ann Lee\",\"entityType\":\"person\",\"observation\":\"Speaks "
              "Spanish\"}");
    check_row(n, 2, "Acme: firm", "entity", "{\"entity\":\"Acme\",\"entityType\":\"firm\"}");
    check_row(n, 3, "Ann Lee works at Acme", "relation",
              "{\"from\":\"Ann Lee\",\"relationType\":\"works at\",\"to\":\"Acme\"}");
    comes(n, path, NULL, 0, 4, 6);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void what_mem0_gives_out(void **unused) {
    (void)unused;
    static const char items[] =
        "{\"id\":\"m1\",\"memory\":\"Likes [tea], \\\"green\\\"\",\"hash\":\"h\",\"metadata\":{"
        "\"a\":[1,{\"b\":\"]\"}]},\"created_at\":\"2024-07-01T12:00:00.5-07:00\",\"updated_at\":"
        "null,"
        "\"user_id\":\"eve\",\"agent_id\":\"bot\",\"run_id\":\"r\"},\n  "
        "{\"id\":\"m2\",\"memory\":\"Lives in Rome\",\"created_at\":\"2024-01-01\","
        "\"updated_at\":\"2024-02-01\"},"
        "{\"id\":\"m3\",\"memory\":null},7,{\"id\":},\"x]\"";
    static const char *const around[][2] = {
        {"[", "]"},
        {"{\"results\": [", "], \"relations\": [{\"memory\":\"no\"}]}"},
        {"{\"count\": 1, \"x\": {\"results\":[1]}, \"next\":\"results\", \"results\" : [", "]}"},
        {"\xef\xbb\xbf {\"memories\":[", "]}\n"}};
    for (size_t i = 0; i < 4; i++) {
        mn_notes *n = new_store();
        heard h = {.wrong = {0}};
        char text[2000];
        snprintf(text, sizeof text, "%s%s%s", around[i][0], items, around[i][1]);
        assert_ok(import_as(n, &ann, put("mem0.json", text), NULL, &h));
        assert_string_equal(h.wrong.data, "memory 3: \"memory\" is no text\n"
                                          "memory 4: it is no JSON object\n"
                                          "memory 5: unexpected token near '}'\n"
                                          "memory 6: it is no JSON object\n");
        assert_int_equal(h.sum.added, 2);
        check_row(n, 0, "Likes [tea], \"green\"", "",
                  "{\"hash\":\"h\",\"metadata\":{\"a\":[1,{\"b\":\"]\"}]},\"created_at\":\"2024-07-"
                  "01T12:00:00.5-07:00\",\"updated_at\":null,\"user_id\":\"eve\"}");
        copy c = row_at(n, 0);
        assert_string_equal(c.row.ref, "m1");
        assert_string_equal(c.row.agent, "bot");
        assert_string_equal(c.row.run, "r");
        assert_true(c.row.from == 1719860400500000);
        mn_arena_free(&c.arena);
        c = row_at(n, 1);
        assert_string_equal(c.row.time, "2024-02-01");
        mn_arena_free(&c.arena);
        comes(n, path_of("mem0.json"), NULL, 0, 2, 4);
        mn_buf_free(&h.wrong);
        mn_notes_close(&n);
    }
}

#define NODE(id, parent, role, more, text)                                              \
    "\"" id "\":{\"id\":\"" id "\",\"parent\":\"" parent "\",\"message\":{\"id\":\"" id \
    "\",\"author\":{\"role\":\"" role "\"},\"create_time\":1683554160.25," more         \
    "\"content\":{\"content_type\":\"text\",\"parts\":[" text "]}}}"

static void what_chatgpt_gives_out(void **unused) {
    (void)unused;
    static const char talk[] =
        "[{\"title\":\"Tea\",\"conversation_id\":\"c1\",\"current_node\":\"f\",\"mapping\":{"
        "\"root\":{\"id\":\"root\",\"message\":null,\"parent\":null}," NODE(
            "a", "root", "system",
            "", "\"be kind\"") "," NODE("b", "a", "user", "",
                                        "\"Which tea?\",{\"content_type\":\"image_asset_pointer\"},"
                                        "{\"text\":\"spoken\"}") "," NODE("x", "b", "assistant", "",
                                                                          "\"a branch that was "
                                                                          "left\"") "," NODE("c",
                                                                                             "b",
                                                                                             "assis"
                                                                                             "tant",
                                                                                             "\"rec"
                                                                                             "ipien"
                                                                                             "t\":"
                                                                                             "\"bro"
                                                                                             "wser"
                                                                                             "\",",
                                                                                             "\"sea"
                                                                                             "rch"
                                                                                             "\"") "," NODE("d",
                                                                                                            "c",
                                                                                                            "tool",
                                                                                                            "",
                                                                                                            "\"found\"") "," NODE("e", "d", "user", "\"metadata\":{\"is_visually_hidden_from_conversation\":true},", "\"hidden\"") "," NODE("f", "e", "assistant", "\"recipient\":\"all\",", "\"Green.\"") "}},"
                                                                                                                                                                                                                                                                                                           "{\"title\":\"Ring\",\"id\":\"c2\",\"current_node\":\"a\",\"mapping\":{" NODE("a",
                                                                                                                                                                                                                                                                                                                                                                                         "b",
                                                                                                                                                                                                                                                                                                                                                                                         "user",
                                                                                                                                                                                                                                                                                                                                                                                         "",
                                                                                                                                                                                                                                                                                                                                                                                         "\"x\"") "," NODE("b",
                                                                                                                                                                                                                                                                                                                                                                                                           "a",
                                                                                                                                                                                                                                                                                                                                                                                                           "user",
                                                                                                                                                                                                                                                                                                                                                                                                           "", "\"y\"") "}},"
                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"title\":\"Lost\",\"id\":\"c3\",\"current_node\":\"q\",\"mapping\":{}},"
                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"title\":\"None\"},"
                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"title\":\"Zero\",\"id\":\"c5\",\"current_node\":\"b\",\"mapping\":{" NODE("a",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "user",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "", "\"z\\u0000\"") "," NODE("b", "a", "user", "",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "\"fine\"") "}}]";
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    assert_ok(import_as(n, &ann, put("conversations.json", talk), NULL, &h));
    assert_string_equal(h.wrong.data,
                        "conversation 2: its messages follow each other in a ring\n"
                        "conversation 3: \"current_node\" is none of its messages\n"
                        "conversation 4: it has no \"mapping\"\n"
                        "conversation 5, message 1: the text is not text: byte 2 is zero\n");
    assert_true(h.sum.added == 3 && h.sum.skipped == 4);
    check_row(n, 0, "Which tea?\n\nspoken", "", "{\"title\":\"Tea\"}");
    copy c = row_at(n, 1);
    assert_string_equal(c.row.text, "Green.");
    assert_string_equal(c.row.session, "c1");
    assert_string_equal(c.row.speaker, "assistant");
    assert_string_equal(c.row.time, "2023-05-08T13:56:00.25Z");
    assert_string_equal(c.row.ref, "f");
    mn_arena_free(&c.arena);
    comes(n, path_of("conversations.json"), NULL, 0, 3, 4);
    char half[600];
    snprintf(half, sizeof half, "%.*s", 500, talk);
    assert_ok(import_as(n, &ann, put("conversations.json", half), NULL, &h));
    assert_true(h.sum.added == 0 && h.sum.wrong == 1);
    assert_non_null(strstr(h.wrong.data, "the list ends in the middle; 0 were whole"));
    assert_fails(import_as(n, &ann, put("conversations.json", "{\"a\":[1]}"), NULL, &h),
                 MN_ECORRUPT, "holds no list of conversations");
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

/* ---- scopes, and files that are nothing ----------------------------------------------------- */
static void the_scope_is_the_callers(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    const mn_who bot = {.user = "ann", .agent = "bot"}, bob = {.user = "bob"}, nobody = {0};
    const char *const path =
        put("scope.jsonl", "{\"text\":\"a\",\"agent\":\"x\",\"run\":\"7\",\"user\":\"eve\"}\n");
    comes(n, path, NULL, 1, 0, 0);
    copy c = row_at(n, 0);
    assert_string_equal(c.row.agent, "x");
    assert_string_equal(c.row.run, "7");
    mn_arena_free(&c.arena);
    assert_ok(import_as(n, &bot, path, NULL, &h)); /* of another agent: it is another record */
    assert_int_equal(h.sum.added, 1);
    c = row_at(n, 1);
    assert_string_equal(c.row.agent, "bot");
    assert_string_equal(c.row.run, "7");
    mn_arena_free(&c.arena);
    assert_ok(import_as(n, &bob, path, NULL, &h));
    assert_int_equal(h.sum.added, 1);
    assert_int_equal(rows_in(n, 1), 2);
    assert_fails(import_as(n, &nobody, path, NULL, &h), MN_EINVAL, "no user is given");
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void a_file_that_is_nothing_is_one_error(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    assert_fails(import_as(n, &ann,
                           put("x.bin", "\x7f"
                                        "ELF\x01\x02"),
                           NULL, &h),
                 MN_EUNSUPPORTED, "none of the formats that are known");
    assert_fails(import_as(n, &ann, put("empty", ""), NULL, &h), MN_EUNSUPPORTED, "none of the");
    assert_fails(import_as(n, &ann, path_of("absent.jsonl"), NULL, &h), MN_ENOENT, "absent.jsonl");
    assert_fails(import_as(n, &ann, path_of("absent"), "jsonl", &h), MN_ENOENT, "absent");
    assert_fails(import_as(n, &ann, path_of("x.bin"), "csv", &h), MN_EINVAL, "jsonl");
    comes(n, put("empty.jsonl", ""), NULL, 0, 0, 0);
    assert_int_equal(h.sum.wrong, 0);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void what_changed_meanwhile_is_not_there(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    const mn_row now = a_row("coffee");
    comes(n, put("tea.jsonl", "{\"text\":\"tea\"}\n"), NULL, 1, 0, 0);
    mn_buf before = written(n, "before.jsonl");
    assert_ok(mn_notes_update(n, &ann, 1, &now));
    comes(n, path_of("before.jsonl"), NULL, 0, 1, 0); /* a former version is there */
    const mn_rows which = {.id = 1};
    assert_int_equal(mn_notes_forget(n, &ann, &which), 1);
    comes(n, path_of("before.jsonl"), NULL, 1, 0, 0);
    mn_buf_free(&before);
    mn_notes_close(&n);
}

static int stop_at(void *user, const char *what, uint64_t done, uint64_t total) {
    (void)what;
    (void)total;
    return done >= *(uint64_t *)user;
}

static void an_import_can_be_stopped_and_goes_on(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    mn_buf text = {0};
    mn_port_sum sum;
    uint64_t most = 1 << 20;
    const mn_port_told told = {.report = stop_at, .report_user = &most};
    for (int i = 0; i < 40000; i++)
        assert_ok(mn_buf_printf(&text, "{\"text\":\"this is what was said as number %d\"}\n", i));
    const char *const path = put_bytes("many.jsonl", text.data, text.len);
    assert_fails(mn_port_import(n, &ann, path, NULL, &told, &sum), MN_ECANCELLED, "stopped");
    assert_true(sum.added > 1000 && sum.added < 40000 && sum.added == rows_in(n, 1));
    comes(n, path, NULL, 40000 - (int)sum.added, (int)sum.added, 0);
    most = 100;
    assert_fails((int)mn_port_export(n, &ann, path_of("no.jsonl"), NULL, &told), MN_ECANCELLED,
                 "stopped");
    assert_int_equal(access(path_of("no.jsonl"), F_OK), -1);
    mn_buf_free(&text);
    mn_notes_close(&n);
}

static int begin_all(void **unused) {
    (void)unused;
    return folder_begin("port", 1);
}

static int end_all(void **unused) {
    (void)unused;
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_byte_by_byte),
        cmocka_unit_test(ids_keep_their_order),
        cmocka_unit_test(a_line_needs_only_a_text),
        cmocka_unit_test(what_was_said_twice_stays_said_twice),
        cmocka_unit_test(what_is_wrong_in_a_line_is_named),
        cmocka_unit_test(what_is_too_long_or_too_deep_is_named),
        cmocka_unit_test(a_folder_comes_back_byte_by_byte),
        cmocka_unit_test(names_of_files_are_safe),
        cmocka_unit_test(who_edits_a_text_changes_that_record_alone),
        cmocka_unit_test(notes_of_others_are_cut_at_headings),
        cmocka_unit_test(nothing_outside_of_the_folder_is_read),
        cmocka_unit_test(the_memory_server_of_mcp),
        cmocka_unit_test(what_mem0_gives_out),
        cmocka_unit_test(what_chatgpt_gives_out),
        cmocka_unit_test(the_scope_is_the_callers),
        cmocka_unit_test(a_file_that_is_nothing_is_one_error),
        cmocka_unit_test(what_changed_meanwhile_is_not_there),
        cmocka_unit_test(an_import_can_be_stopped_and_goes_on),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
