/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port.h - records come in from files of many formats, and go out to some.
 *
 * A format reads a file or a folder and hands over rows; what all of them share is here: batches
 * of some hundred rows, each in the store or not at all, rows that are there (agent/there.h), and
 * what is wrong, which is named and counted while the rest comes in. Files are taken to be hostile:
 * texts, lines, items and the depth of JSON are bounded, and files of lines or items of any size
 * are read in pieces.
 *
 * How to add one: a file port_NAME.c with a const mn_port, its name in MN_PORT_LIST, a sample and a
 * row in test/agent/test_port.c. Of several that claim a file the surest, then the first has it.
 */
#ifndef MN_AGENT_PORT_H
#define MN_AGENT_PORT_H
#include "agent/notes.h"

#include <jansson.h>

typedef struct mn_port_told { /* each may be NULL */
    int (*report)(void *user, const char *what, uint64_t done, uint64_t total); /* 1: stop */
    void *report_user;
    void (*wrong)(void *user, const char *line);
    void *wrong_user;
} mn_port_told;

typedef struct mn_port_sum {
    int64_t added, there, wrong,
        skipped; /* skipped: no words of anybody, such as a tool's output */
} mn_port_sum;

/* format NULL: by name and content. MN_ENOENT; MN_EUNSUPPORTED: it is none that is known. After a
 * failure the sum says what came in before it. */
int mn_port_import(mn_notes *n, const mn_who *who, const char *path, const char *format,
                   const mn_port_told *told, mn_port_sum *sum);
/* All records of `who`, with their former versions, to a file or folder that is made: how many.
 * format NULL: by the name; jsonl, if it tells nothing. */
int64_t mn_port_export(mn_notes *n, const mn_who *who, const char *path, const char *format,
                       const mn_port_told *told);

/* ---- formats ------------------------------------------------------------------------------ */
typedef struct mn_port_in mn_port_in;
typedef struct mn_port_out {
    mn_notes *notes;
    const mn_who *who;
    const char *path;
    const mn_port_told *told;
    int64_t rows, records;
} mn_port_out;

typedef struct mn_port_look { /* what there is to tell a format by */
    const char *path, *name;  /* name: the last part of the path, */
    int folder;
    const char *head; /* and the file's first bytes, a NUL behind them */
    size_t n;
    json_t *line; /* the object in its first line; NULL: there is none */
} mn_port_look;
enum { MN_PORT_NO, MN_PORT_NAME, MN_PORT_CONTENT }; /* how sure a claim is */

typedef struct mn_port {
    const char *name;
    int (*claims)(const mn_port_look *look);
    int (*import)(mn_port_in *in);
    int (*export)(mn_port_out *out); /* NULL: it is only read */
} mn_port;

/* clang-format off */
#define MN_PORT_LIST(X) X(markdown) X(mcp) X(chatgpt) X(mem0) X(jsonl)
/* clang-format on */
#define X(name) extern const mn_port mn_port_##name;
MN_PORT_LIST(X)
#undef X

/* ---- what formats are given ---------------------------------------------------------------- */
enum {
    MN_PORT_BYTES = 64 << 20, /* of a line, an item, a Markdown file */
    MN_PORT_VALUES = 2000000, /* of JSON in one of them */
};

const char *mn_port_path(const mn_port_in *in);
mn_row mn_port_blank(void); /* a row that says nothing, and of which no moment is known */
/* One row, copied. `where` ("line 17") names it when it is wrong. Negative: the import is over. */
int mn_port_row(mn_port_in *in, const char *where, const mn_row *row);
/* Something at `where` could not be read: it is told and counted. Returns 0. */
int mn_port_wrong(mn_port_in *in, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void mn_port_skip(mn_port_in *in, int64_t n);
/* So many bytes of all are read. MN_ECANCELLED: no more is wanted. */
int mn_port_report(mn_port_in *in, uint64_t done, uint64_t total);
int mn_port_reported(mn_port_out *out, const mn_row *row); /* one more row is written */

/* Each line of the file that is not blank, without its end; too long ones are named. */
typedef int mn_port_line(mn_port_in *in, const char *where, const char *line, size_t n);
int mn_port_lines(mn_port_in *in, mn_port_line *each);
/* Each element of the list that the file is, or that it has under one of `keys` (NULL-terminated)
 * at its top; what is no JSON is named. `what` ("conversation") stands in `where`. */
typedef int mn_port_item(mn_port_in *in, const char *where, json_t *item);
int mn_port_items(mn_port_in *in, const char *what, const char *const *keys, mn_port_item *each);

/* JSON of a stranger, which is an object; else *out is NULL and *why says so (static or in `e`). */
json_t *mn_port_json(const char *text, size_t n, json_error_t *e, const char **why);
/* The string without zero bytes that the value is; NULL: it is none. */
const char *mn_port_string(const json_t *value);
/* A field as text, in `buf` if it is a number; "" when absent or null, NULL when it is no text. */
enum { MN_PORT_NUMBER = 32 };
const char *mn_port_text(const json_t *object, const char *key, char buf[MN_PORT_NUMBER]);
int mn_port_dump(const json_t *value, mn_buf *out);

/* ---- a row as a JSON object ---------------------------------------------------------------- */
/* {"text":..,"time":..}, with every field that says something. */
int mn_port_write_row(const mn_row *row, mn_buf *out);
/* The same to stand in a comment of HTML: without text, whose length is "n", and session. */
int mn_port_write_note(const mn_row *row, mn_buf *out);
/* The row in the object, which was in json[0..n): its texts are borrowed from both and from numbers
 * in `buf`. NULL: it is read, without text if there is none, or buf->rc says that memory ended;
 * else what is wrong. */
typedef struct mn_port_numbers {
    char digits[8][MN_PORT_NUMBER], why[200];
    mn_buf meta;
    int rc;
} mn_port_numbers;
const char *mn_port_read_row(const json_t *object, const char *json, size_t n, mn_port_numbers *buf,
                             mn_row *out);

#endif
