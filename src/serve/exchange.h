/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/exchange.h - one request and its answer: what all parts of serve/ hand around.
 *
 * It belongs to the HTTP thread, except while it is at work (serve/work.h), and lives as long as
 * anybody holds it: its connection, a worker, each of its jobs. A reply is first noted here (also
 * by a worker) and sent by the HTTP thread; a stream is written by the HTTP thread as it comes.
 */
#ifndef MN_SERVE_EXCHANGE_H
#define MN_SERVE_EXCHANGE_H
#include "base/file.h"
#include "serve/field.h"
#include "serve/http.h"
#include "serve/mail.h"
#include "serve/serve.h"

#include <jansson.h>

typedef struct mn_conn mn_conn;
typedef struct mn_route mn_route;
typedef struct mn_exchange mn_exchange;
typedef struct mn_use mn_use; /* of a model: serve/models.h */

struct mn_exchange {
    mn_serve *server;
    mn_conn *conn; /* NULL: the client has gone */
    int refs;
    char *text; /* of the head */
    mn_http_head head;
    mn_buf body;
    const mn_route *route; /* NULL: unknown */
    const char *rest;      /* of the path, behind a route that ends with a star */
    const char *key;       /* name of the API key; NULL: none */
    const char *origin;    /* an origin that may read the reply; NULL */
    uint8_t tenant[32];
    int has_tenant, loopback, local; /* a Unix socket: no browser comes by it */
    uint64_t booked;                 /* of the budget, for its JSON */
    /* Seconds: the head was complete; the first token came; the stream last said something. */
    double began, first, spoke;

    json_t *json; /* the body */
    mn_fields fields;
    mn_use *use;

    int status; /* of the reply; 0: not noted yet */
    const char *type, *allow, *cache;
    char allowed[48]; /* what `allow` points at */
    int retry_after;
    mn_buf reply;
    mn_map map;                 /* a file that is the reply, instead */
    int sent, streaming, ended; /* the head is out; as a stream; complete */

    mn_letter letter; /* back from work */
    int (*work)(mn_exchange *x);
    int at_work;                  /* this is a worker: it may wait */
    mn_exchange *next, *previous; /* all there are; next also in the queue of workers */
    mn_exchange *next_work;

    /* Asked by this program itself, on the HTTP thread: told when the reply is noted, instead of a
     * connection; it lets go of the exchange. NULL: a client asked. */
    void (*heard)(mn_exchange *x);
    void *hearer;

    void *state;                  /* of the route's own: the answers being made */
    void (*gone)(mn_exchange *x); /* the client has left: stop what is done for it */
    void (*free_state)(mn_exchange *x);
    int prompt_tokens, cached_tokens, tokens;
};

/* On the HTTP thread. NULL: no memory. */
mn_exchange *mn_exchange_new(mn_serve *server);
/* Does anybody still want the reply? */
static inline int mn_exchange_wanted(const mn_exchange *x) {
    return x->conn || x->heard;
}
mn_exchange *mn_exchange_hold(mn_exchange *x);
void mn_exchange_release(mn_exchange *x);

/* ---- notes of a reply; the last one counts. Any thread that has the exchange ----------------- */
/* Consumes `object`. NULL: there was no memory. Returns 0, for `return mn_reply_json(...)`. */
int mn_reply_json(mn_exchange *x, int status, json_t *object);
/* `type` is static. */
int mn_reply_bytes(mn_exchange *x, int status, const char *type, const void *bytes, size_t n);
/* In the form of the route's clients. param: the field, or NULL; code: "model_not_found", NULL. */
int mn_reply_error(mn_exchange *x, int status, const char *param, const char *code,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The failure `rc` of a call of omnesia.h, whose sentence is `detail`. */
int mn_reply_failure(mn_exchange *x, int rc, const char *param, const char *detail);
/* What mn_reply_error says, as an object: for streams that have begun. */
json_t *mn_error_object(const mn_exchange *x, int status, const char *param, const char *code,
                        const char *message);
int mn_status_of(int rc, const char **code);

/* ---- on the HTTP thread ---------------------------------------------------------------------- */
void mn_exchange_send(mn_exchange *x); /* the noted reply */
/* Server-sent events. Nothing happens when the client has gone. `name` may be NULL; consumes. */
void mn_stream_event(mn_exchange *x, const char *name, json_t *object);
void mn_stream_text(mn_exchange *x, const char *text, size_t n); /* as it is: "data: [DONE]\n\n" */
void mn_stream_end(mn_exchange *x);

#endif
