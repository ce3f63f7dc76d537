/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/storm.h - one of the processes of test/agent/test_storm.c: what it does to its
 * records, what it notes before and after, and what whoever takes its seat makes of what was under
 * way.
 *
 * A seat has records of its own, of one user or of the one all share; another seat's are only
 * looked at. The text of a record has a word that no other text ever has: its seat, slot and value.
 */
#ifndef MN_TEST_AGENT_STORM_H
#define MN_TEST_AGENT_STORM_H
#include "soak.h"
#include "test.h"

#include "omnesia.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SEATS_MOST = 8, SLOTS = 12000, IDS = 400000, SHARED = 2 /* of this many slots, one */ };
enum { NOTHING, ADD, UPDATE, FORGET };

typedef struct one_slot {
    _Atomic int64_t id; /* 0: none yet, or forgotten */
    _Atomic int value;  /* what its text says; updates count it up */
    _Atomic int gone;
} one_slot;

typedef struct one_seat {
    _Atomic int doing, at; /* what is under way, with which slot */
    _Atomic int slots;     /* that were ever added */
    _Atomic long done;     /* operations that were acknowledged */
    one_slot slot[SLOTS];
} one_seat;

typedef struct journal {
    _Atomic int bad;
    _Atomic int enough; /* have died: who has done his operations may go */
    char why[400];
    _Atomic long adds, updates, forgets, searches, settled;
    _Atomic unsigned char owner_of[IDS]; /* seat + 1 of each id that was given */
    one_seat seat[SEATS_MOST];
} journal;
static journal *J;

__attribute__((format(printf, 1, 2))) static inline void blame(const char *format, ...) {
    va_list list;
    if (atomic_exchange(&J->bad, 1)) return;
    va_start(list, format);
    vsnprintf(J->why, sizeof J->why, format, list);
    va_end(list);
}

typedef struct worker {
    int seat;
    unsigned long state;
    mn_mem *mem;
    char text[30000];
    char word[64];
} worker;

static inline mn_scope scope_of(int seat, int slot) {
    static char name[SEATS_MOST][16];
    snprintf(name[seat], sizeof name[seat], slot % SHARED ? "user-%d" : "all", seat);
    return (mn_scope){.user = name[seat]};
}

static inline const char *word_of(char out[64], int seat, int slot, int value) {
    snprintf(out, 64, "w%dx%dx%dw", seat, slot, value);
    return out;
}

/* A function of its numbers, so that whoever comes later knows it. */
static inline mn_record record_of(worker *w, int slot, int value) {
    unsigned long state = soak_seed(w->seat * 1000003L + slot * 1009L + value);
    const size_t words = soak_random(&state) % 30 ? soak_random(&state) % 40 : 4000;
    word_of(w->word, w->seat, slot, value);
    size_t n = (size_t)snprintf(w->text, sizeof w->text, "alpha %s", w->word);
    for (size_t i = 0; i < words; i++)
        n += (size_t)snprintf(w->text + n, sizeof w->text - n, " w%u", soak_random(&state) % 500);
    return (mn_record){.text = w->text,
                       .n = n,
                       .session = slot % 3 ? "session" : "",
                       .speaker = slot % 5 ? "Ann" : ""};
}

/* ---- looking ------------------------------------------------------------------------------ */
typedef struct seen {
    int n;
    int64_t id;
    const char *text;
    size_t length;
    int same;
} seen;
static inline int see(void *user, const mn_record *r) {
    seen *const s = user;
    s->n++;
    s->id = r->id;
    s->same = !s->text || (r->n == s->length && memcmp(r->text, s->text, r->n) == 0);
    return 0;
}

/* Does a word find a record, the best? Negative: an error, which is blamed. Neighbours in a session
 * come behind it. */
static inline int search(worker *w, const mn_scope *who, const char *word, seen *s) {
    const mn_find what = {.query = word, .k = 1};
    const int n = mn_mem_find(w->mem, who, &what, see, s);
    atomic_fetch_add(&J->searches, 1);
    if (n < 0) blame("search %s: %s", word, mn_error_detail());
    return n;
}

/* One's own: it is there as it was said, under its id, and found by its word. */
static inline void check_own(worker *w, int slot) {
    one_seat *const own = &J->seat[w->seat];
    const mn_scope who = scope_of(w->seat, slot);
    const int64_t id = own->slot[slot].id;
    const mn_record r = record_of(w, slot, own->slot[slot].value);
    seen s = {.text = r.text, .length = r.n};
    const int n = search(w, &who, w->word, &s);
    if (n < 0) return;
    if (own->slot[slot].gone ? n != 0 : n != 1 || s.id != id || !s.same)
        blame("%s: %d found, record %lld, as it was said %d; it is %lld%s", w->word, n,
              (long long)s.id, s.same, (long long)id, own->slot[slot].gone ? ", forgotten" : "");
}

/* Another seat's that did not change meanwhile is found by whoever asks as its user. */
static inline void check_others(worker *w) {
    const int other = (int)(soak_random(&w->state) % SEATS_MOST);
    one_seat *const o = &J->seat[other];
    if (other == w->seat || !o->slots) return;
    const int at = (int)(soak_random(&w->state) % (unsigned)o->slots), value = o->slot[at].value;
    const int64_t id = o->slot[at].id;
    char word[64];
    seen s = {.n = 0};
    if (!id || (o->doing && o->at == at)) return;
    const mn_scope who = scope_of(other, at);
    const int n = search(w, &who, word_of(word, other, at, value), &s);
    if (n < 0 || (o->doing && o->at == at) || o->slot[at].id != id || o->slot[at].value != value)
        return;
    if (n != 1 || s.id != id)
        blame("%s of another: %d found, record %lld, not %lld", word, n, (long long)s.id,
              (long long)id);
}

/* ---- what is acknowledged ------------------------------------------------------------------ */
/* `again`: it may be that who died had noted it already. */
static inline void claim(worker *w, int64_t id, int again) {
    const unsigned char own = (unsigned char)(w->seat + 1);
    const int known = id > 0 && id < IDS;
    const unsigned char was = known ? atomic_exchange(&J->owner_of[id], own) : 0;
    if (!known) blame("id %lld", (long long)id);
    if (was && !(again && was == own)) blame("id %lld was given twice", (long long)id);
}

static inline void acknowledge(worker *w, int doing, int at, int64_t id, int again) {
    one_seat *const own = &J->seat[w->seat];
    if (doing == ADD) {
        claim(w, id, again);
        own->slot[at].id = id;
        own->slots = at + 1;
        atomic_fetch_add(&J->adds, 1);
    } else if (doing == UPDATE) {
        own->slot[at].value++;
        atomic_fetch_add(&J->updates, 1);
    } else {
        own->slot[at].id = 0;
        own->slot[at].gone = 1;
        atomic_fetch_add(&J->forgets, 1);
    }
    own->doing = NOTHING;
    own->done++;
}

/* Somebody died on this seat: what he was at has been done or has not, nothing between. */
static inline void settle(worker *w) {
    one_seat *const own = &J->seat[w->seat];
    const int doing = own->doing, at = own->at;
    const mn_scope who = scope_of(w->seat, at);
    seen s = {.n = 0};
    if (doing == NOTHING) return;
    atomic_fetch_add(&J->settled, 1);
    /* He may have died between the two notes of what was done. */
    if (doing == ADD && own->slots > at) own->doing = NOTHING;
    if (doing == FORGET && own->slot[at].gone) own->doing = NOTHING;
    if (own->doing == NOTHING) return;
    const int value = own->slot[at].value + (doing == UPDATE);
    const mn_record r = record_of(w, at, value);
    s.text = r.text;
    s.length = r.n;
    const int n = search(w, &who, w->word, &s);
    if (n < 0) return;
    if (n && !s.same) blame("%s is found after a kill, not as it was said", w->word);
    if (doing == ADD ? n : doing == UPDATE ? n : !n) acknowledge(w, doing, at, s.id, 1);
    own->doing = NOTHING;
    if (at < own->slots) check_own(w, at);
}

/* ---- one operation ------------------------------------------------------------------------ */
static inline void begin_doing(one_seat *own, int doing, int at) {
    own->at = at;
    own->doing = doing;
}

static inline void add_one(worker *w) {
    one_seat *const own = &J->seat[w->seat];
    const int at = own->slots;
    const mn_scope who = scope_of(w->seat, at);
    const mn_record r = record_of(w, at, 0);
    int64_t id = 0;
    if (at == SLOTS) return;
    begin_doing(own, ADD, at);
    if (mn_mem_add(w->mem, &who, &r, 1, &id) < 0)
        blame("add: %s", mn_error_detail());
    else
        acknowledge(w, ADD, at, id, 0);
}

static inline void change_one(worker *w, int doing) {
    one_seat *const own = &J->seat[w->seat];
    if (!own->slots) return;
    const int at = (int)(soak_random(&w->state) % (unsigned)own->slots);
    const mn_scope who = scope_of(w->seat, at);
    const int64_t id = own->slot[at].id;
    if (!id) return;
    const mn_record r = record_of(w, at, own->slot[at].value + 1);
    const mn_find what = {.id = id};
    begin_doing(own, doing, at);
    if (soak_planted() && doing == UPDATE) {
        acknowledge(w, doing, at, 0, 0);
        return;
    }
    const int64_t rc = doing == UPDATE ? mn_mem_update(w->mem, &who, id, &r)
                                       : mn_mem_forget(w->mem, &who, &what, 0);
    if (rc < 0)
        blame("%s: %s", doing == UPDATE ? "update" : "forget", mn_error_detail());
    else
        acknowledge(w, doing, at, 0, 0);
}

static inline void act(worker *w) {
    const unsigned what = soak_random(&w->state) % 100;
    one_seat *const own = &J->seat[w->seat];
    if (what < 55)
        add_one(w);
    else if (what < 75)
        change_one(w, UPDATE);
    else if (what < (soak_asked() ? 76 : 78))
        change_one(w, FORGET);
    else if (what < 90 && own->slots) {
        check_own(w, (int)(soak_random(&w->state) % (unsigned)own->slots));
        own->done++;
    } else {
        check_others(w);
        own->done++;
    }
}

#endif
