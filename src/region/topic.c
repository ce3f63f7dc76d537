/* SPDX-License-Identifier: Apache-2.0
 *
 * region/topic.c - who waits for changes of a key or a folder sleeps here, and costs nothing.
 *
 * A topic is a line of eight words: changes << 1 | armed, and the buckets of the last 7 changes.
 * Who wants to sleep sets `armed` by a compare-and-swap of the count it has seen, and the kernel
 * compares once more before it lets go (futex): a change in between makes either fail. Who changes
 * something counts up and clears `armed` in one swap, so that a wake is asked for only if somebody
 * sleeps, and cannot be lost. Names share 1,024 lines by their hash; a stranger's change costs a
 * look.
 *
 * The bucket of a change is written behind its count: who does not find it there in time, or was
 * away for more than seven changes, looks at all buckets (region/watch.c).
 */
#include "region/object.h"

#include "base/hash.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RECENT = 7 };
#define COUNTED (((uint64_t)1 << 40) - 1) /* bits of the number of a change beside its bucket */

static uint32_t *futex_of(mn_topic *t) {
    return (uint32_t *)(void *)&t->count; /* its low half: numbers are little endian */
}

mn_topic *mn_topic_of(const mn_region *r, const char *name, size_t n) {
    return (mn_topic *)(void *)(r->file.data + r->plan.topics_at) +
           mn_hash64(name, n) % MN_REGION_TOPICS;
}

size_t mn_topic_folder(const char *prefix, size_t n) {
    size_t end = 0;
    for (size_t i = 0, level = 0; i < n && level < MN_OBJECT_LEVELS; i++)
        if (prefix[i] == '/') end = i + 1, level++;
    return end;
}

static void touch(mn_topic *t, uint32_t bucket) {
    uint64_t was, count;
    do {
        was = mn_word_load(&t->count);
        count = (was >> 1) + 1;
    } while (!mn_word_cas(&t->count, was, count << 1));
    mn_word_store(t->recent + count % RECENT, (count & COUNTED) << 24 | bucket);
    if (was & 1) syscall(SYS_futex, futex_of(t), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void mn_topics_touch(mn_region *r, const char *key, size_t n, uint32_t bucket) {
    const char *const mark = memchr(key, MN_OBJECT_MARK, n);
    if (mark) n = (size_t)(mark - key); /* a record: its log has changed */
    size_t end = mn_topic_folder(key, n);
    touch(mn_topic_of(r, key, end), bucket); /* where most of those who watch sleep */
    touch(mn_topic_of(r, key, n), bucket);
    while (end) {
        for (end--; end && key[end - 1] != '/'; end--) continue;
        touch(mn_topic_of(r, key, end), bucket);
    }
}

void mn_topics_bump(mn_region *r) {
    mn_topic *const all = (mn_topic *)(void *)(r->file.data + r->plan.topics_at);
    for (int i = 0; i < MN_REGION_TOPICS; i++) {
        uint64_t was;
        do was = mn_word_load(&all[i].count);
        while (!mn_word_cas(&all[i].count, was, ((was >> 1) + 1) << 1));
        if (was & 1) syscall(SYS_futex, futex_of(all + i), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    }
}

uint64_t mn_topic_count(const mn_topic *t) {
    return mn_word_load(&t->count) >> 1;
}

uint32_t mn_topic_change(const mn_topic *t, uint64_t n) {
    const uint64_t w = mn_word_load(t->recent + n % RECENT);
    return w >> 24 == (n & COUNTED) ? (uint32_t)(w & 0xffffff) : UINT32_MAX;
}

void mn_topic_sleep(mn_topic *t, uint64_t seen, uint64_t ns) {
    const uint64_t word = mn_word_load(&t->count);
    const struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    if (word >> 1 != seen) return;
    if (!(word & 1) && !mn_word_cas(&t->count, word, word | 1)) return;
    syscall(SYS_futex, futex_of(t), FUTEX_WAIT, (uint32_t)(word | 1), &time, NULL, 0);
}
