/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/lines.h - the two files of a batch, in the form OpenAI gave them: JSONL in, JSONL out.
 *
 *   in    {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {..}}
 *   out   {"id": "batch_req_..", "custom_id": "a", "response": {"status_code": 200, "request_id":
 *         "..", "body": {..}}, "error": null}
 *
 * Answers come in any order. Each is appended to OUT.part at once, as one whole line; when all are
 * there OUT is written in the order of IN, complete or not at all, and OUT.part goes. So whoever is
 * killed goes on where it was: an answer counts that OUT or OUT.part has, under the same custom_id
 * and the same id, which is a hash of the line and of what else decides the answer. Refusals are in
 * OUT, or in a file of their own, and tried again the next time. Nothing but custom_id, method, url
 * and body is looked at.
 */
#ifndef MN_SERVE_LINES_H
#define MN_SERVE_LINES_H
#include "base/buf.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mn_line {
    size_t at, n; /* of IN */
    char *name;   /* its custom_id; NULL: it has none that counts */
    uint64_t id;
    enum { MN_LINE_OPEN, MN_LINE_OLD, MN_LINE_PART, MN_LINE_SAID } where; /* its reply is */
    size_t from, size;                                                    /* of OUT, or OUT.part */
    char *said; /* a refusal: a line of OUT, without its end */
} mn_line;

typedef struct mn_lines_files {
    const char *in, *out; /* "-": standard input */
    const char *errors;   /* refusals go there; NULL: into OUT, each in its place */
    const char *salt;     /* what beside a line decides its answer */
    int lines;            /* most of them; 0: 2^24 */
    size_t line;          /* most bytes of one; 0: any */
    uint64_t bytes;       /* most of all answers; 0: any */
} mn_lines_files;

typedef struct mn_lines {
    mn_lines_files files; /* but `out`, below */
    char *out, *part;
    mn_buf text, old; /* IN, and OUT as it was */
    mn_line *line;
    int n, open; /* all; those without a reply */
    int kept;    /* that had one before */
    int refused;
    int *named; /* [n_named] ordered by custom_id */
    int n_named;
    int fd; /* of OUT.part; -1 */
    uint64_t end;
    uint64_t booked; /* of the budget, for what is no buffer */
} mn_lines;

/* Read IN, and what OUT and OUT.part have of it. MN_EBUSY: another process writes OUT. Close it
 * also on failure; texts of `files` are borrowed until then. */
int mn_lines_open(const mn_lines_files *files, mn_lines *lines);
/* The request of line i: *url and *body, which is the caller's. 0; 1: it is none, and its refusal
 * is noted; MN_ENOMEM. *url is borrowed from *line, which the caller lets go. */
int mn_lines_request(mn_lines *lines, int i, json_t **line, const char **url, json_t **body);
/* Its reply: status 200 is kept at once, others are refusals. `body` is JSON. MN_ETOOLONG: all
 * answers together are beyond the bound. */
int mn_lines_reply(mn_lines *lines, int i, int status, const char *body, size_t n);
/* It cannot be asked: code "invalid_request", and a sentence. */
int mn_lines_refuse(mn_lines *lines, int i, const char *code, const char *message);
/* Write OUT: all have a reply. Or, with a file for refusals, those that have one; neither file is
 * written that would have no lines. */
int mn_lines_finish(mn_lines *lines);
void mn_lines_close(mn_lines *lines); /* what OUT.part has is there for the next time */

#endif
