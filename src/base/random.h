/* SPDX-License-Identifier: Apache-2.0
 *
 * base/random.h - seeded random numbers that are the same on every machine.
 *
 * xoshiro256++ 1.0 (David Blackman and Sebastiano Vigna, "Scrambled linear pseudorandom number
 * generators", 2019), its state filled by SplitMix64 (Steele, Lea, Flood 2014) as its authors
 * advise, so that near seeds give unrelated streams. Not for secrets.
 */
#ifndef MN_BASE_RANDOM_H
#define MN_BASE_RANDOM_H
#include <stdint.h>

typedef struct mn_random {
    uint64_t s[4];
} mn_random;

static inline uint64_t mn_random_mix(uint64_t *state) { /* SplitMix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void mn_random_seed(mn_random *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) r->s[i] = mn_random_mix(&seed);
}

static inline uint64_t mn_random_u64(mn_random *r) {
    uint64_t *s = r->s;
    const uint64_t sum = s[0] + s[3];
    const uint64_t result = ((sum << 23) | (sum >> 41)) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

static inline double mn_random_unit(mn_random *r) { /* [0, 1), steps of 2^-53 */
    return (double)(mn_random_u64(r) >> 11) * 0x1p-53;
}

#endif
