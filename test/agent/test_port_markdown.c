/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_port_markdown.c - a folder that was written comes back, byte by byte; notes of
 * others are cut into records; nothing outside of the folder is read or written.
 */
#include "port_store.h"

#include "base/walk.h"

#include <sys/stat.h>
#include <unistd.h>

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
                                           "\342\200\256evil",
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_comes_back_byte_by_byte),
        cmocka_unit_test(names_of_files_are_safe),
        cmocka_unit_test(who_edits_a_text_changes_that_record_alone),
        cmocka_unit_test(notes_of_others_are_cut_at_headings),
        cmocka_unit_test(nothing_outside_of_the_folder_is_read),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
