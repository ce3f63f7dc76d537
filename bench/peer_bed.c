/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/peer_bed.c - notes in a folder on a disk, and times.
 */
#include "bench/peer_bed.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "bench/mem.h"

#include <stdio.h>
#include <string.h>

int mn_peer_bed_begin(mn_peer_bed *b, int cap) {
    mn_random r;
    *b = (mn_peer_bed){.cap = cap};
    mn_random_seed(&r, 1);
    for (int i = 0; i < MN_PEER_DIM; i++)
        b->number[i] = b->number[i + MN_PEER_DIM] = (float)(mn_random_unit(&r) - .5);
    b->ms = mn_calloc((size_t)cap, sizeof *b->ms);
    if (!b->ms) return MN_FAIL(MN_ENOMEM, "no memory for %d times", cap);
    return mn_stage_begin(&b->stage);
}

void mn_peer_bed_end(mn_peer_bed *b) {
    mn_notes_close(&b->notes);
    mn_stage_end(&b->stage);
    mn_free(b->ms);
}

int mn_peer_bed_notes(mn_peer_bed *b, const char *name) {
    char path[160];
    mn_notes_close(&b->notes);
    snprintf(path, sizeof path, "%s/%s.db", b->stage.disk, name);
    MN_TRY(mn_notes_open(path, 0, &b->notes));
    return mn_notes_model(b->notes, "numbers", MN_PEER_DIM);
}

const float *mn_peer_bed_vector(const mn_peer_bed *b, const char *text) {
    return b->number + strlen(text) % MN_PEER_DIM;
}

static int make(void *user, const char *const *texts, const size_t *lengths, int count,
                float *out) {
    const mn_peer_bed *const b = user;
    for (int i = 0; i < count; i++, out += MN_PEER_DIM)
        memcpy(out, b->number + lengths[i] % MN_PEER_DIM, MN_PEER_DIM * sizeof *out);
    (void)texts;
    return 0;
}

int mn_peer_bed_embed(mn_peer_bed *b) {
    const mn_vector_maker by = {.make = make, .user = b, .dim = MN_PEER_DIM};
    int n;
    while ((n = mn_notes_embed(b->notes, &by, 64)) > 0) continue;
    return n;
}

void mn_peer_bed_took(mn_peer_bed *b, double start) {
    if (b->n < b->cap) b->ms[b->n++] = (mn_clock_seconds() - start) * 1e3;
}

double mn_peer_bed_median(mn_peer_bed *b) {
    mn_bench_times t = {b->ms, b->n};
    const double median = mn_bench_at(&t, .5);
    b->n = 0;
    return median;
}

int mn_peer_bed_give(mn_peer_bed *b, json_t *what) {
    char *const text = what ? json_dumps(what, JSON_COMPACT) : NULL;
    mn_filew *f = NULL;
    json_decref(what);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for what the peer is given");
    snprintf(b->path, sizeof b->path, "%s/given.json", b->stage.disk);
    int rc = mn_file_begin(b->path, &f);
    if (rc >= 0) {
        rc = mn_file_write(f, text, strlen(text));
        if (rc < 0)
            mn_file_abort(&f);
        else
            rc = mn_file_settle(&f);
    }
    free(text);
    return rc;
}
