/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_commit_steps.c - a process is stepped through a commit of several keys
 * (object_steps.h) and dies at every instruction; so does whoever buries it (row 1d).
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT scenes; the recovery of every state dies at every
 *                                instruction of its own, not of every 16th state only
 *     OMNESIA_PLANT=1            the call does more than it should
 */
#include "object_steps.h"

enum { FEW = 16 };
static const char *const others[] = {"a", "b", "goes on"};

/* ---- scenes ------------------------------------------------------------------------------- */
static mn_edit edit(const char *key, int kind, size_t n) {
    static const char bytes[64];
    return (mn_edit){.key = key, .kind = (unsigned)kind, .value = bytes, .n = n};
}
static void commit(mn_region *r, mn_edit *e, int n) {
    if (mn_region_commit(r, e, n) < 0) _exit(3);
}

static void nothing(mn_region *r) {
    (void)r;
}
static void two_new(mn_region *r) {
    mn_edit e[2] = {edit("a", MN_EDIT_PUT, 1), edit("b", MN_EDIT_PUT, 2)};
    commit(r, e, 2);
}
static void some(mn_region *r) {
    for (size_t i = 0; i < 3; i++) put(r, twin[i], 10 + i);
    put(r, "a", 1);
    put(r, "b", 2);
}
static void two_over(mn_region *r) {
    mn_edit e[2] = {edit("a", MN_EDIT_PUT, 11), edit("b", MN_EDIT_PUT, 12)};
    commit(r, e, 2);
}
static void of_all_kinds(mn_region *r) { /* three of them in one bucket */
    mn_object_head h;
    if (mn_region_get(r, twin[1], NULL, 0, &h) < 0) _exit(3);
    mn_edit e[5] = {edit(twin[0], MN_EDIT_PUT, 30), edit(twin[1], MN_EDIT_CHECK, 0),
                    edit(twin[2], MN_EDIT_DEL, 0), edit("a", MN_EDIT_DEL, 0),
                    edit("b", MN_EDIT_PUT, 31)};
    e[1].version = h.version;
    commit(r, e, 5);
}
static void refused(mn_region *r) {
    mn_edit e[3] = {edit("a", MN_EDIT_PUT, 11), edit("b", MN_EDIT_DEL, 0),
                    edit(twin[0], MN_EDIT_CHECK, 0)};
    if (mn_region_commit(r, e, 3) != MN_ECONFLICT) _exit(3);
}

/* Process slot 2 has a commit under way, and is stopped: it holds its lock. */
static void stopped(mn_region *r, int phase) {
    char lock[120];
    const mn_edit e[2] = {edit("a", MN_EDIT_PUT, 21), edit("b", MN_EDIT_DEL, 0)};
    some(r);
    snprintf(lock, sizeof lock, "%s.lock", mn_region_path(r));
    if ((third = mn_byte_locks_open(lock)) < 0 || !mn_byte_lock_try(third, 2)) _exit(4);
    mn_word_store(&mn_proc(r, 2)->state, 1);
    mn_word_store(&mn_proc(r, 2)->puts, 1);
    mn_word_store(&mn_tops(r)->procs, 3);
    commit_left(r, 2, phase, e, 2);
}
static void undecided(mn_region *r) {
    stopped(r, MN_COMMIT_OPEN);
}
static void decided(mn_region *r) {
    stopped(r, MN_COMMIT_DONE);
}
static void put_a(mn_region *r) {
    put(r, "a", 41);
}
static void copy_its_part(mn_region *r) { /* a put that has to copy it: it is in the way */
    put(r, twin[0], 42);
}
static void in_a_bucket(mn_region *r) {
    stopped(r, MN_COMMIT_OPEN);
    const mn_edit e = edit(twin[1], MN_EDIT_PUT, 22);
    commit_left(r, 2, MN_COMMIT_OPEN, &e, 1);
}
static const scene scenes[] = {
    {"commit of two, the first of all", nothing, two_new},
    {"commit of two over what is there", some, two_over},
    {"commit of all kinds", some, of_all_kinds},
    {"commit that is refused", some, refused},
    {"commit that stops another's", undecided, two_over},
    {"commit over another's", decided, two_over},
    {"put that stops a commit", undecided, put_a},
    {"put over a part", decided, put_a},
    {"put beside a part", in_a_bucket, copy_its_part},
};
enum { SCENES = sizeof scenes / sizeof *scenes };

/* ---- recoveries that die ------------------------------------------------------------------ */
/* Of all that `changed` compares, what a recovery changes and what matters: not who is woken. */
static int changed_few(const mn_region *r, uint8_t *seen) {
    uint64_t words[FEW] = {0};
    const part procs = part_of(r, 1), cells = part_of(r, 4);
    int n = 0, differs = 0;
    for (int c = 0; c < 2; c++) words[n++] = mn_word_load(mn_tops(r)->cell_ready + c);
    for (size_t i = 0; i < 3; i++) {
        words[n++] = mn_word_load(mn_bucket(r, mn_hash64(twin[i], strlen(twin[i]))));
        words[n++] = mn_word_load(mn_bucket(r, mn_hash64(others[i], strlen(others[i]))));
    }
    const struct {
        const void *at;
        size_t n;
    } all[] = {{words, sizeof words},
               {r->file.data + procs.at, procs.n},
               {r->file.data + cells.at, cells.n}};
    for (int i = 0; i < 3; seen += all[i].n, i++) {
        if (!memcmp(seen, all[i].at, all[i].n)) continue;
        memcpy(seen, all[i].at, all[i].n);
        differs = 1;
    }
    return differs;
}

/* In slot 3, for the dead are in 1 and 2: it has opened the region before they are put there. */
static pid_t cast_heir(void) {
    char lock[120];
    int status;
    snprintf(lock, sizeof lock, "%s.lock", path[1]);
    int held = mn_byte_locks_open(lock);
    assert_true(mn_byte_lock_try(held, 1) && mn_byte_lock_try(held, 2));
    atomic_store(returned, 0);
    const pid_t pid = fork();
    if (!pid) {
        mn_region *r;
        if (mn_region_open(path[1], 0, -1, &r) < 0 || mn_cells_begin(r) < 0) _exit(1);
        mn_byte_locks_close(&held);
        if (r->me != 3 || ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(2);
        raise(SIGSTOP);
        mn_region_reap(r);
        atomic_store(returned, 1);
        for (;;) pause();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    mn_byte_locks_close(&held);
    return pid;
}

/* State `a` is recovered by a process that dies at every instruction of that. */
static long recovery_dies(mn_region *a, const char *before, const char *after) {
    static long turn;
    static uint8_t seen[1 << 16];
    const int was = atomic_load(returned);
    mn_region *r;
    long states = 0;
    if (turn++ % 16 && (!soak_asked() || soak_planted())) return 0;
    assert_ok(mn_region_open(path[1], LIMIT, -1, &r));
    assert_ok(mn_cells_begin(r));
    const pid_t pid = cast_heir();
    const mn_proc_slot heir = *mn_proc(r, 3);
    for (int i = 0; i < PART; i++)
        memcpy(r->file.data + part_of(a, i).at, a->file.data + part_of(a, i).at, part_of(a, i).n);
    memcpy((void *)mn_proc(r, 3), (const void *)&heir, sizeof heir);
    mn_word_store(&mn_tops(r)->procs, 4);
    while (!atomic_load(returned)) {
        int status;
        if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0) fail_msg("ptrace: %s", strerror(errno));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status)) fail_msg("the recovery ended with %#x", status);
        if (!changed_few(r, seen)) continue;
        states++;
        judge(r, path[2], before, after, 0, 0);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    mn_region_close(&r);
    unlink(path[1]);
    atomic_store(returned, was);
    return states;
}

int main(void) {
    further = recovery_dies;
    return steps_main(scenes, SCENES);
}
