/* SPDX-License-Identifier: Apache-2.0
 *
 * base/atomic.h - the one header of atomics on memory that processes share.
 *
 * Every shared word is a mn_word: 64 bits, changed only through these calls, so that a test build
 * can step between them (design decision 9). Orders are C11's, written for a weak memory model:
 * a load sees what was written before the store it reads; mn_word_announce and mn_word_fence are
 * for two parties that each write a word and then read the other's (Dekker): at least one of them
 * sees the other.
 */
#ifndef MN_BASE_ATOMIC_H
#define MN_BASE_ATOMIC_H
#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t mn_word;
_Static_assert(sizeof(mn_word) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "shared between processes");

static inline uint64_t mn_word_load(const mn_word *w) {
    return atomic_load_explicit(w, memory_order_acquire);
}
/* For words whose value alone matters, not what was written around them. */
static inline uint64_t mn_word_peek(const mn_word *w) {
    return atomic_load_explicit(w, memory_order_relaxed);
}
static inline void mn_word_store(mn_word *w, uint64_t v) {
    atomic_store_explicit(w, v, memory_order_release);
}
/* Nothing that stands behind it is read before what stands in front of it is written. */
static inline void mn_word_fence(void) {
#ifdef __SANITIZE_THREAD__ /* which does not know fences: a locked instruction is one, here */
    mn_word here = 0;
    atomic_fetch_add(&here, 1);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}
static inline void mn_word_announce(mn_word *w, uint64_t v) {
    atomic_store_explicit(w, v, memory_order_seq_cst);
    mn_word_fence();
}
/* 1 when *w was `old` and is now `fresh`. Also a full fence. */
static inline int mn_word_cas(mn_word *w, uint64_t old, uint64_t fresh) {
    const int won = atomic_compare_exchange_strong_explicit(w, &old, fresh, memory_order_seq_cst,
                                                            memory_order_seq_cst);
    mn_word_fence();
    return won;
}
static inline uint64_t mn_word_add(mn_word *w, uint64_t n) {
    return atomic_fetch_add_explicit(w, n, memory_order_relaxed);
}
/* Bits set, or cleared: what the word was before. */
static inline uint64_t mn_word_set(mn_word *w, uint64_t bits) {
    return atomic_fetch_or_explicit(w, bits, memory_order_seq_cst);
}
static inline uint64_t mn_word_clear(mn_word *w, uint64_t bits) {
    return atomic_fetch_and_explicit(w, ~bits, memory_order_seq_cst);
}

#endif
