/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/object_storm.h - what a worker does with objects in a shared region, and what it was
 * told. The journal is no part of the region.
 *
 * Keys of a seat are changed by who sits there only: what it put last and was told (`done`), or was
 * putting when it died (`doing`), must be there. Keys of all are put, counted up and deleted by
 * everybody, and must be whole. Tokens move between keys of all by commits, and none is lost or
 * made; a pair of keys of a seat is only ever changed together.
 */
#ifndef MN_TEST_OBJECT_STORM_H
#define MN_TEST_OBJECT_STORM_H
#include "region/objects.h"
#include "soak.h"

#include <stdatomic.h>

enum { SEATS = 6, OWN = 8, SHARED = 12, TOKENS = 5, EACH = 20, LIMIT = 96 << 20, MOST = 40000 };

typedef struct journal {
    atomic_ulong doing[SEATS][OWN], done[SEATS][OWN]; /* marks; 0: deleted */
    atomic_ulong pair_doing[SEATS], pair_done[SEATS], moved, summed;
    atomic_ulong appended[SEATS], counted, puts, gets, told, burials;
    atomic_int bad;
    char why[256];
} journal;
static journal *J;

typedef struct worker {
    mn_region *r;
    int seat;
    unsigned long state;
    mn_watcher *w;
    uint64_t version[SHARED]; /* seen last */
    value *v;                 /* [MOST] */
} worker;

static inline void blame(const char *what, const char *key) {
    if (atomic_fetch_add(&J->bad, 1)) return;
    snprintf(J->why, sizeof J->why, "%s: %s (%s)", key, what, mn_error_detail());
}

static inline uint64_t length(unsigned long *state) {
    const unsigned what = soak_random(state) % 16;
    const uint64_t n = soak_random(state) % (what ? what < 14 ? 300 : 5000 : MOST - 16);
    return VALUE_LEAST + n / 8 * 8;
}

static inline void own_key(int seat, int k, char out[32]) {
    snprintf(out, 32, "seat/%d/%d", seat, k);
}

/* Is the own key what the journal says? */
static inline void check_own(worker *x, int k) {
    char key[32];
    mn_object_head h;
    own_key(x->seat, k, key);
    const int rc = mn_object_look(x->r, key, strlen(key), x->v, MOST, &h);
    const uint64_t done = atomic_load(&J->done[x->seat][k]);
    const uint64_t doing = atomic_load(&J->doing[x->seat][k]);
    if (rc < 0) blame("cannot be read", key);
    if (rc > 0 && !value_whole(x->v, h.size)) blame("what nobody wrote", key);
    const uint64_t mark = rc > 0 ? x->v->mark : 0;
    if (mark != done && mark != doing) blame("is lost, though it was acknowledged", key);
    atomic_store(&J->done[x->seat][k], mark); /* what was in flight is decided now */
    atomic_store(&J->doing[x->seat][k], mark);
}

static inline void change_own(worker *x) {
    char key[32];
    const int k = (int)(soak_random(&x->state) % OWN);
    own_key(x->seat, k, key);
    if (soak_random(&x->state) % 8 == 0) {
        atomic_store(&J->doing[x->seat][k], 0);
        const int rc = mn_region_del(x->r, key, &(mn_put){.hidden = 1});
        if (rc < 0 && rc != MN_EFULL) blame("cannot be deleted", key);
        if (rc >= 0) atomic_store(&J->done[x->seat][k], 0);
        return;
    }
    const uint64_t mark = (uint64_t)soak_random(&x->state) << 20 | 1;
    const uint64_t n = length(&x->state);
    value_make(x->v, n, mark);
    atomic_store(&J->doing[x->seat][k], mark);
    const int rc = mn_region_put(x->r, key, x->v, n, NULL, NULL);
    if (rc < 0 && rc != MN_EFULL) blame("cannot be put", key);
    if (rc >= 0) atomic_store(&J->done[x->seat][k], mark);
    atomic_fetch_add(&J->puts, 1);
}

static inline void change_shared(worker *x) {
    char key[32];
    snprintf(key, sizeof key, "all/%d", (int)(soak_random(&x->state) % SHARED));
    if (soak_random(&x->state) % 8 == 0) {
        mn_region_del(x->r, key, &(mn_put){.hidden = 1});
        return;
    }
    const uint64_t n = length(&x->state);
    value_make(x->v, n, (uint64_t)soak_random(&x->state) << 20 | 2);
    if (soak_planted() && n > VALUE_LEAST && soak_random(&x->state) % 8 == 0) x->v->word[0]++;
    const mn_put how = {.ttl_ms = soak_random(&x->state) % 4 ? 0 : 1 + soak_random(&x->state) % 20};
    const int rc = mn_region_put(x->r, key, x->v, n, &how, NULL);
    if (rc < 0 && rc != MN_EFULL) blame("cannot be put", key);
    atomic_fetch_add(&J->puts, 1);
}

static inline void read_shared(worker *x) {
    char key[32];
    mn_object_head h;
    const int k = (int)(soak_random(&x->state) % SHARED);
    snprintf(key, sizeof key, "all/%d", k);
    const int rc = mn_object_look(x->r, key, strlen(key), x->v, MOST, &h);
    if (rc < 0) blame("cannot be read", key);
    if (rc <= 0) return;
    if (!value_whole(x->v, h.size)) blame("what nobody wrote", key);
    if (h.version < x->version[k]) blame("an older version came back", key);
    x->version[k] = h.version;
    atomic_fetch_add(&J->gets, 1);
}

static inline void count_up(worker *x) {
    uint64_t n = 0;
    mn_object_head h = {0};
    const int rc = mn_object_look(x->r, "count", 5, &n, sizeof n, &h);
    n++;
    if (rc < 0) blame("cannot be read", "count");
    if (mn_region_put(x->r, "count", &n, sizeof n, &(mn_put){.check = 1, .version = h.version},
                      NULL) >= 0)
        atomic_fetch_add(&J->counted, 1);
}

/* ---- commits ------------------------------------------------------------------------------ */
static inline void pair_key(int seat, int k, char out[32]) {
    snprintf(out, 32, "pair/%d/%d", seat, k);
}

/* The pair is what the journal says, both of it. */
static inline void check_pair(worker *x) {
    uint64_t mark[2] = {0};
    char key[32];
    for (int k = 0; k < 2; k++) {
        pair_key(x->seat, k, key);
        if (mn_object_look(x->r, key, strlen(key), mark + k, 8, NULL) < 0)
            blame("cannot be read", key);
    }
    const uint64_t done = atomic_load(&J->pair_done[x->seat]);
    const uint64_t doing = atomic_load(&J->pair_doing[x->seat]);
    if (mark[0] != mark[1]) blame("half of a commit", key);
    if (mark[0] != done && mark[0] != doing) blame("is lost, though it was acknowledged", key);
    atomic_store(&J->pair_done[x->seat], mark[0]);
    atomic_store(&J->pair_doing[x->seat], mark[0]);
}

static inline void change_pair(worker *x) {
    char key[2][32];
    mn_edit e[2];
    const uint64_t mark =
        soak_random(&x->state) % 4 ? (uint64_t)soak_random(&x->state) << 8 | 1 : 0;
    for (int k = 0; k < 2; k++) {
        pair_key(x->seat, k, key[k]);
        e[k] = (mn_edit){.key = key[k],
                         .kind = mark ? MN_EDIT_PUT : MN_EDIT_DEL,
                         .value = x->v,
                         .n = 8 + soak_random(&x->state) % 400};
    }
    *(uint64_t *)(void *)x->v = mark;
    atomic_store(&J->pair_doing[x->seat], mark);
    const int rc = mn_region_commit(x->r, e, 2);
    if (rc < 0 && rc != MN_EFULL) blame("cannot be committed", key[0]);
    if (rc >= 0) atomic_store(&J->pair_done[x->seat], mark);
}

static inline void token_key(int i, char out[32]) {
    snprintf(out, 32, "token/%d", i);
}
static inline int64_t tokens_of(mn_region *r, int i, char key[32], mn_edit *e) {
    mn_object_head h = {0};
    int64_t n = 0;
    token_key(i, key);
    if (mn_object_look(r, key, strlen(key), &n, sizeof n, &h) < 0) blame("cannot be read", key);
    *e = (mn_edit){.key = key, .kind = MN_EDIT_CHECK, .check = 1, .version = h.version};
    return n;
}
static inline void begin_objects(mn_region *r) {
    const int64_t n = EACH;
    for (int i = 0; i < TOKENS; i++) {
        char key[32];
        token_key(i, key);
        assert_ok(mn_region_put(r, key, &n, sizeof n, NULL, NULL));
    }
}

static inline void move_token(worker *x) {
    char key[2][32];
    mn_edit e[2];
    int64_t n[2];
    const int from = (int)(soak_random(&x->state) % TOKENS);
    const int to = (from + 1 + (int)(soak_random(&x->state) % (TOKENS - 1))) % TOKENS;
    for (int k = 0; k < 2; k++) n[k] = tokens_of(x->r, k ? to : from, key[k], e + k);
    if (n[0]-- < 1) return;
    n[1]++;
    for (int k = 0; k < 2; k++) {
        e[k].kind = n[k] ? MN_EDIT_PUT : MN_EDIT_DEL; /* no tokens: no object */
        e[k].value = n + k;
        e[k].n = sizeof *n;
    }
    const int rc = mn_region_commit(x->r, e, 2);
    if (rc < 0 && rc != MN_EFULL && rc != MN_ECONFLICT) blame("cannot be committed", key[0]);
    if (rc >= 0) atomic_fetch_add(&J->moved, 1);
}

static inline void sum_tokens(worker *x) {
    char key[TOKENS][32];
    mn_edit e[TOKENS];
    int64_t sum = 0;
    for (int i = 0; i < TOKENS; i++) sum += tokens_of(x->r, i, key[i], e + i);
    const int rc = mn_region_commit(x->r, e, TOKENS);
    if (rc < 0 && rc != MN_EFULL && rc != MN_ECONFLICT) blame("cannot be checked", key[0]);
    if (rc < 0) return;
    if (sum != TOKENS * EACH) blame("a token was lost, or made", key[0]);
    atomic_fetch_add(&J->summed, 1);
}

static inline void append_one(worker *x) {
    char key[32];
    uint64_t number;
    snprintf(key, sizeof key, "log/%d", (int)(soak_random(&x->state) % 2));
    if (atomic_load(&J->appended[x->seat]) > 400) return;
    if (mn_region_append(x->r, key, &x->seat, sizeof x->seat, 0, 0, &number) >= 0)
        atomic_fetch_add(&J->appended[x->seat], 1);
}

static inline void watch_some(worker *x) {
    mn_change_head c;
    if (!x->w && mn_watcher_open(x->r, "all/", 0, 0, &x->w) < 0) blame("cannot be watched", "all/");
    for (int i = 0; x->w && i < 8 && mn_watcher_next(x->w, (int64_t)i % 2, &c) > 0; i++) {
        if (c.kind == MN_CHANGE_PUT && !value_whole(c.value, c.head.size))
            blame("what nobody wrote, told", c.key);
        atomic_fetch_add(&J->told, 1);
    }
}

static inline void act(worker *x) {
    const unsigned what = soak_random(&x->state) % 100;
    if (what < 20)
        change_own(x);
    else if (what < 30)
        change_pair(x);
    else if (what < 40)
        move_token(x);
    else if (what < 45)
        sum_tokens(x);
    else if (what < 48)
        check_pair(x);
    else if (what < 60)
        change_shared(x);
    else if (what < 75)
        read_shared(x);
    else if (what < 82)
        check_own(x, (int)(soak_random(&x->state) % OWN));
    else if (what < 88)
        count_up(x);
    else if (what < 92)
        append_one(x);
    else if (what < 97)
        watch_some(x);
    else if (what < 99)
        atomic_fetch_add(&J->burials, (unsigned long)mn_region_reap(x->r));
    else
        mn_object_expire(x->r);
}

/* In the quiet afterwards: all that was acknowledged is there, and no cell is lost. */
static inline void inspect_objects(mn_region *r, unsigned long kills) {
    worker x = {.r = r, .v = malloc(MOST)};
    uint64_t n = 0;
    for (x.seat = 0; x.seat < SEATS; x.seat++) {
        for (int k = 0; k < OWN; k++) check_own(&x, k);
        check_pair(&x);
    }
    const unsigned long sums = atomic_load(&J->summed);
    sum_tokens(&x);
    if (atomic_load(&J->summed) != sums + 1) blame("cannot be summed", "tokens");
    if (mn_object_look(r, "count", 5, &n, sizeof n, NULL) < 0) blame("cannot be read", "count");
    const unsigned long counted = atomic_load(&J->counted);
    if (n < counted || n > counted + kills) blame("is not what was counted", "count");
    unsigned long records = 0, appended = 0;
    for (int log = 0; log < 2; log++) {
        const char *const key = log ? "log/1" : "log/0";
        uint64_t number;
        mn_object_head h;
        int seat;
        for (uint64_t at = 0; mn_region_record(r, key, at, &seat, sizeof seat, &h, &number) > 0;
             at++, records++)
            if (number != at) blame("a record is lost", key);
    }
    for (int i = 0; i < SEATS; i++) appended += atomic_load(&J->appended[i]);
    if (records < appended || records > appended + kills) blame("is not what was appended", "log");
    mn_object_expire(r);
    const int used = cells_in_use(r);
    assert_true(used <= SEATS * (OWN + 2) + TOKENS + SHARED + 1 + 2 + (int)records);
    free(x.v);
}

#endif
