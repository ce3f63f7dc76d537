/* SPDX-License-Identifier: Apache-2.0
 *
 * test/soak.h - the full form of a test, a slice at a time (`make soak`, tools/soak.py).
 *
 * OMNESIA_SOAK=FIRST:COUNT asks for cases FIRST .. FIRST + COUNT - 1 of a test's full list instead
 * of its quick form. A case is a pure function of its number, so a failure replays from it. The
 * last line says where the list goes on, how long it is (0: endless), and what was counted:
 *
 *     soak: 40 of 1440768, 40 counted
 *
 * OMNESIA_PLANT=1 puts a bug into the test's own steps, which the test must then find.
 */
#ifndef MN_TEST_SOAK_H
#define MN_TEST_SOAK_H
#include <stdio.h>
#include <stdlib.h>

typedef struct soak {
    long first, end, total;
} soak;

static inline int soak_asked(void) {
    return getenv("OMNESIA_SOAK") != NULL;
}
static inline int soak_planted(void) {
    return getenv("OMNESIA_PLANT") != NULL;
}

/* The cases asked for; of an endless list when total is 0. */
static inline soak soak_begin(long total) {
    const char *text = getenv("OMNESIA_SOAK");
    soak s = {.total = total};
    long count = 1;
    if (text && sscanf(text, "%ld:%ld", &s.first, &count) < 1) s.first = 0;
    s.end = s.first + count;
    if (total && s.end > total) s.end = total;
    return s;
}
static inline void soak_end(const soak *s, long counted) {
    printf("soak: %ld of %ld, %ld counted\n", s->end, s->total, counted);
}

/* The numbers of case i: the same on every machine. */
static inline unsigned soak_random(unsigned long *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}
static inline unsigned long soak_seed(long i) {
    unsigned long state = (unsigned long)i * 0x9E3779B97F4A7C15u + 1;
    soak_random(&state);
    return state;
}

#endif
