/* SPDX-License-Identifier: Apache-2.0
 *
 * net/post.h - one question over HTTP/1.1, and its answer: JSON to an endpoint of somebody else's.
 *
 * No redirect is followed, no cookie kept, no proxy asked: what is sent goes to the host of the URL
 * and to nobody else, and a key goes nowhere unencrypted but to this machine. What comes back is
 * hostile until it is read: its head has HEAD bytes at most, its body as many as are allowed.
 */
#ifndef MN_NET_POST_H
#define MN_NET_POST_H
#include "base/buf.h"

#include <stdint.h>

typedef struct mn_url {
    char host[256], port[8];
    int tls;
    const char *path; /* "/..", borrowed; "" */
} mn_url;
/* http://host[:port][/path], https://..; MN_EINVAL says what is wrong with it. */
int mn_url_read(const char *text, mn_url *out);

typedef struct mn_post {
    const mn_url *url;
    const char *path; /* behind that of the URL */
    const char *key;  /* "Authorization: Bearer KEY"; NULL: none */
    const char *body;
    size_t n;
    int seconds; /* for all of it */
    size_t most; /* bytes of an answer */
    /* Otherwise than one question in JSON: */
    const char *method;                     /* NULL: POST; without a body there is none */
    const char *accept;                     /* NULL: application/json */
    const char *head;                       /* more lines of it, each with its "\r\n"; NULL */
    void (*status)(void *user, int status); /* before the first piece */
    void (*header)(void *user, const char *name, const char *value); /* before that */
    int (*piece)(void *user, const char *bytes, size_t n); /* the body as it comes; *out has none */
    void *user;
    const int *stop; /* MN_ECANCELLED when this descriptor gets readable; NULL */
} mn_post;
/* The status (100 to 599), with its body appended to *out; or MN_E* with a sentence. */
int mn_post_json(const mn_post *p, mn_buf *out);

#endif
