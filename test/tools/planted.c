/* SPDX-License-Identifier: Apache-2.0
 *
 * test/tools/planted.c - bugs on purpose: what sanitizers, valgrind and analyzers must find before
 * their silence about our own files means anything (tools/soak.py --planted). No build holds it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;
static pthread_barrier_t together; /* so that the threads surely overlap */

static void *add(void *nothing) {
    pthread_barrier_wait(&together);
    for (int i = 0; i < 100000; i++) shared++; /* two threads do, without a lock */
    return nothing;
}

static int race(void) {
    pthread_t one, two;
    pthread_barrier_init(&together, NULL, 2);
    if (pthread_create(&one, NULL, add, NULL) || pthread_create(&two, NULL, add, NULL)) return 0;
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    return shared == 1;
}

static int heap(int n) {
    char *bytes = calloc(1, (size_t)n);
    const int past = bytes ? bytes[n] == 7 : 0; /* one past the end */
    free(bytes);
    return past;
}

static int null(const int *p) {
    if (!p) printf("nothing at %p\n", (const void *)p);
    return *p; /* also when it is NULL */
}

int main(int argc, char **argv) {
    const char *which = argc > 1 ? argv[1] : "";
    if (strcmp(which, "race") == 0) return race();
    if (strcmp(which, "heap") == 0) return heap(argc + 8);
    return null(argc > 5 ? &argc : NULL);
}
