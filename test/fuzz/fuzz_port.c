/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_port.c - any bytes as a file of each format, which the first byte names. Whatever
 * came in: the same file again adds nothing, and what is written of it comes back as it was.
 */
#include "agent/port.h"
#include "base/file.h"
#include "base/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUTS = 500 }; /* of one store */

static char folder[64], file[96], note[96], lines[2][96];
static mn_notes *store;
static int inputs;

static void check(int good) {
    if (good) return;
    fprintf(stderr, "%s\n", mn_error_detail());
    __builtin_trap();
}

static void leave(void) {
    mn_notes_close(&store);
    mn_walk_remove(folder);
}

static void begin(void) {
    char path[96];
    if (!*folder) {
        snprintf(folder, sizeof folder, "/dev/shm/mn-fuzz-port-XXXXXX");
        check(mkdtemp(folder) != NULL);
        snprintf(file, sizeof file, "%s/file", folder);
        snprintf(note, sizeof note, "%s/notes/a/2023-05-08.md", folder);
        snprintf(lines[0], sizeof lines[0], "%s/1.jsonl", folder);
        snprintf(lines[1], sizeof lines[1], "%s/2.jsonl", folder);
        atexit(leave);
    }
    if (store && inputs++ % INPUTS) return;
    mn_notes_close(&store);
    snprintf(path, sizeof path, "%s/%d.db", folder, inputs);
    check(mn_notes_open(path, 0, &store) >= 0);
}

static void put(const char *path, const uint8_t *data, size_t n) {
    mn_filew *f;
    check(mn_file_begin(path, &f) >= 0 && mn_file_write(f, data, n) >= 0 &&
          mn_file_settle(&f) >= 0);
}

/* Ids are of the store; the rest must be the same. */
static void without_ids(mn_buf *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->len;) {
        const int id = b->len - i > 5 &&
                       (!memcmp(b->data + i, "\"id\":", 5) || !memcmp(b->data + i, "\"of\":", 5));
        if (!id) b->data[n++] = b->data[i++];
        if (!id) continue;
        for (i += 5; i < b->len && strchr("0123456789", b->data[i]) && b->data[i];) i++;
    }
    b->len = n;
}

static void there_and_back(const mn_who *who, const mn_port_told *told) {
    const mn_who other = {.tenant = "other", .user = who->user};
    mn_port_sum sum;
    mn_buf a = {0}, b = {0};
    const int64_t records = mn_port_export(store, who, lines[0], "jsonl", told);
    check(records >= 0);
    check(mn_port_import(store, &other, lines[0], "jsonl", told, &sum) >= 0);
    check(sum.wrong == 0 && sum.there == 0 && sum.added >= records);
    check(mn_port_export(store, &other, lines[1], "jsonl", told) == records);
    check(mn_file_read(lines[0], 1 << 30, &a) >= 0 && mn_file_read(lines[1], 1 << 30, &b) >= 0);
    without_ids(&a);
    without_ids(&b);
    check(a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0));
    mn_buf_free(&a);
    mn_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const formats[] = {"jsonl", "markdown", "mcp", "mem0", "chatgpt", NULL};
    const mn_port_told told = {.report = NULL};
    mn_port_sum first, again;
    char user[16], notes[96];
    if (!n) return 0;
    begin();
    const char *const format = formats[*data % 6];
    const int is_note = *data % 6 == 1;
    snprintf(user, sizeof user, "%d", inputs);
    snprintf(notes, sizeof notes, "%s/notes", folder);
    const mn_who who = {.user = user};
    put(is_note ? note : file, data + 1, n - 1);
    const char *const path = is_note ? notes : file;
    if (mn_port_import(store, &who, path, format, &told, &first) < 0) return 0;
    check(first.there == 0);
    check(mn_port_import(store, &who, path, format, &told, &again) >= 0);
    check(again.added == 0 && again.there == first.added && again.wrong == first.wrong);
    if (first.added) there_and_back(&who, &told);
    return 0;
}
