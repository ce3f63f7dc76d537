/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/serve.h - the HTTP server, as cli/ sees it: open, then close.
 *
 * One thread has all sockets (libevent); nothing that takes long happens on it, so /health answers
 * whatever else goes on. Requests to a model go to an mn_loop, whose callbacks leave what they have
 * in a letter box (serve/mail.h); loading models, reading long bodies, embeddings and tables of
 * the region are the work of a few other threads (serve/work.h).
 *
 *   socket -> conn.c (head, limits, deadlines) -> route.c (one table: key, Host, Origin, method)
 *     -> ask.c (JSON by the table of field.c) -> answer.c (mn_loop_ask, one job per choice)
 *     -> chat.c, messages.c, responses.c (what clients of each kind expect) -> conn.c (SSE)
 *
 * Batches of clients (serve/shelf.h) have threads of their own (batches_run.c); their requests
 * go the same way from ask.c on.
 */
#ifndef MN_SERVE_SERVE_H
#define MN_SERVE_SERVE_H
#include "base/buf.h"
#include "omnesia.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_serve_list {
    const char *const *item;
    int n;
} mn_serve_list;

typedef struct mn_serve_options {
    mn_serve_list listen; /* "127.0.0.1:8080", "[::1]:8080", "unix:PATH"; none: the default two */
    int port;             /* of the default address */
    int nowhere;          /* 1: it listens nowhere, and is there for mn_batch_run alone */
    const char *key_file; /* lines "name:key"; NULL: any key is accepted, on loopback */
    const char *tls_cert, *tls_key; /* PEM files; both or none */
    int insecure;          /* other addresses than loopback without a key, or without TLS */
    mn_serve_list origins; /* of web pages that may ask: "https://example.org" */
    mn_serve_list models;  /* the first is loaded at once, the others when asked for */
    const char *embedder;  /* model of /v1/embeddings when none of `models` makes vectors */
    int metrics;           /* 0: on loopback, 1: everywhere, 2: nowhere */
    mn_serve_list shared;  /* system messages whose keys and values all tenants share */
    uint64_t body;         /* most bytes of a request */
    const char *files;     /* folder of clients' files and batches; NULL: none are kept */
    mn_model_options model;
    mn_loop_options loop;
    mn_request request; /* what a request leaves out */
    mn_mem *mem;        /* what agents of /mcp remember; NULL: there are no tools for it */
    int remember;       /* 1: conversations of named users are recalled and kept (remember.h) */
    const char *login;  /* whose that is, where neither a key nor a head says it */
    /* One line for each request, JSON or text, without its line end; any thread, must not wait. */
    void (*log)(void *user, const char *line);
    void *user;
    int log_text; /* 1: lines for people instead of JSON */
} mn_serve_options;

typedef struct mn_serve mn_serve;
/* Load the first model, listen, and answer from then on, in a thread of its own. */
int mn_serve_open(const mn_serve_options *options, mn_serve **out);
/* Accept nothing more, let running answers go on for grace_ms, end the others, release all. */
void mn_serve_close(mn_serve **server, int grace_ms);
/* Where it listens, line by line: "http://127.0.0.1:8080". */
int mn_serve_where(mn_serve *server, void (*each)(void *user, const char *url), void *user);

/* A batch: each line of a file is a request, as if a client had sent it, and its reply a line of
 * another (serve/lines.h). All of them are asked at once, as many as `window` says, so that the
 * order "batch" can plan; a server that is full for them is asked again. */
typedef struct mn_batch_options {
    const char *in, *out;  /* "-": standard input */
    const char *errors;    /* refusals go there; NULL: into OUT */
    const char *salt;      /* what beside a line decides its answer: model, defaults */
    const char *endpoint;  /* all lines must be requests to it, else nothing is asked; NULL: each
                              line that is no request costs itself alone */
    int lines;             /* most of them; 0: 2^24 */
    uint64_t line, bytes;  /* most of one line; of all answers; 0: any */
    int window;            /* requests at once; 0: 1,024 */
    const uint8_t *tenant; /* 32 bytes; NULL */
    const char *key;       /* whose it is, for fairness and the log; NULL */
    /* "checking", "answering", "writing"; non-zero ends it: MN_ECANCELLED, what is there stays. */
    mn_progress progress;
    /* With an endpoint: a line (from 1) that is no request, the first hundred of them. NULL */
    void (*bad)(void *user, int line, const char *code, const char *message);
    /* It ended early with `rc`. 1: files are written of what there is; lines without a reply are
     * refused with this code and sentence, or with NULL left out. 0: it may go on later. NULL: 0 */
    int (*rest)(void *user, int rc, const char **code, const char **message);
    void *user; /* of these two */
} mn_batch_options;
typedef struct mn_batch_result {    /* true whenever progress is told */
    int lines, kept;                /* all; answered before this run */
    int answered, refused;          /* kept ones included; that have an error */
    uint64_t read, cached, written; /* tokens, of this run */
} mn_batch_result;
/* Until all lines have a reply. Any thread but the server's own; before mn_serve_close. */
int mn_batch_run(mn_serve *server, const mn_batch_options *options, mn_batch_result *out);
int mn_batch_takes(const char *url); /* 1: a path that lines may ask */

/* The tables as documents: docs/SERVE.md's part of fields and routes; OpenAPI 3.1, of a server that
 * asks for keys or of one that takes any. */
int mn_serve_markdown(mn_buf *out);
int mn_serve_openapi(int keys, mn_buf *out);

/* "STATE" to the service manager that $NOTIFY_SOCKET names, if any; best effort. */
void mn_serve_notify(const char *state);

#endif
