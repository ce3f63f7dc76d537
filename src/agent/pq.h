/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/pq.h - the few calls of libpq that a store in PostgreSQL makes.
 *
 * The library is looked for when the first such store is opened (dlopen): who keeps records in a
 * file needs none of it, neither to build nor to run. All values go and come in PostgreSQL's binary
 * form, so that no byte is ever quoted: numbers as 8 bytes, the highest first, texts and bytes as
 * they are.
 */
#ifndef MN_AGENT_PQ_H
#define MN_AGENT_PQ_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pg_conn pg_conn;
typedef struct pg_result pg_result;
typedef void pg_notice(void *user, const pg_result *r);
typedef struct pg_option { /* as libpq-fe.h has it */
    char *keyword, *envvar, *compiled, *val, *label, *dispchar;
    int dispsize;
} pg_option;

/* What these numbers mean is part of libpq's interface, and stays. */
enum { MN_PQ_CONNECTED = 0 };                /* of status */
enum { MN_PQ_IDLE = 0, MN_PQ_IN_ERROR = 3 }; /* of transactionStatus */
enum { MN_PQ_DONE = 1, MN_PQ_ROWS = 2 };     /* of resultStatus: no rows, rows */
enum { MN_PQ_STATE = 'C', MN_PQ_TEXT = 'M', MN_PQ_DETAIL = 'D' }; /* of resultErrorField */

/* X(what it returns, its name without PQ, what it takes) */
#define MN_PQ_LIST(X)                                                                            \
    X(pg_conn *, connectdbParams, (const char *const *keys, const char *const *values, int uri)) \
    X(pg_option *, conninfoParse, (const char *conninfo, char **why))                            \
    X(void, conninfoFree, (pg_option * options))                                                 \
    X(void, freemem, (void *p))                                                                  \
    X(void, finish, (pg_conn * c))                                                               \
    X(int, status, (const pg_conn *c))                                                           \
    X(int, transactionStatus, (const pg_conn *c))                                                \
    X(int, serverVersion, (const pg_conn *c))                                                    \
    X(const char *, parameterStatus, (const pg_conn *c, const char *name))                       \
    X(char *, errorMessage, (const pg_conn *c))                                                  \
    X(pg_notice *, setNoticeReceiver, (pg_conn * c, pg_notice * f, void *user))                  \
    X(pg_result *, exec, (pg_conn * c, const char *sql))                                         \
    X(pg_result *, prepare,                                                                      \
      (pg_conn * c, const char *name, const char *sql, int n, const unsigned *types))            \
    X(pg_result *, execPrepared,                                                                 \
      (pg_conn * c, const char *name, int n, const char *const *values, const int *lengths,      \
       const int *formats, int binary))                                                          \
    X(pg_result *, execParams,                                                                   \
      (pg_conn * c, const char *sql, int n, const unsigned *types, const char *const *values,    \
       const int *lengths, const int *formats, int binary))                                      \
    X(int, resultStatus, (const pg_result *r))                                                   \
    X(char *, resultErrorField, (const pg_result *r, int field))                                 \
    X(int, ntuples, (const pg_result *r))                                                        \
    X(char *, getvalue, (const pg_result *r, int row, int column))                               \
    X(int, getlength, (const pg_result *r, int row, int column))                                 \
    X(char *, cmdTuples, (pg_result * r))                                                        \
    X(void, clear, (pg_result * r))

typedef struct mn_pq {
#define X(type, name, takes) type(*name) takes;
    MN_PQ_LIST(X)
#undef X
} mn_pq;

/* The library. MN_EUNSUPPORTED: it is not here, and where to get it. */
int mn_pq_load(const mn_pq **out);

/* ---- values -------------------------------------------------------------------------------- */
enum { MN_PQ_ARGS = 24 };
typedef struct mn_pq_args { /* of a statement: $1, $2, ..; not to be copied */
    int n;
    const char *value[MN_PQ_ARGS];
    int length[MN_PQ_ARGS], binary[MN_PQ_ARGS];
    unsigned char number[MN_PQ_ARGS][8];
} mn_pq_args;

void mn_pq_number(mn_pq_args *a, int64_t v);
void mn_pq_bytes(mn_pq_args *a, const void *p, size_t n); /* borrowed; so is the text */
void mn_pq_text(mn_pq_args *a, const char *text);
/* Lists: bigint[] and text[], in a buffer that has to live as long as the arguments. */
int mn_pq_numbers(mn_pq_args *a, const int64_t *v, size_t n, mn_buf *in);
int mn_pq_texts(mn_pq_args *a, const char *const *text, const size_t *length, size_t n, mn_buf *in);

int64_t mn_pq_number_of(const mn_pq *pq, const pg_result *r, int row, int column);

#endif
