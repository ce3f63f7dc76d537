/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/steps.h - a process stepped through one call, instruction by instruction, and what a
 * SIGKILL would leave of the region after each.
 *
 * The pages of the region are shared, so what the tracer reads of them between two instructions is
 * what a death there leaves; the kernel's own work in a system call counts as one instruction. A
 * state is: the tables, the data pages in use, which pages there are at all, and the journal of
 * what the caller had been told by then. Where it is not the state of one instruction before, it is
 * a crash of its own.
 *
 * Looking must be cheap and miss nothing: a few pages are compared after every instruction, and all
 * others are write-protected in the process that is stepped, so a store to them is a violation. A
 * process that maps the region while it is stepped cannot be protected so: there all tables are
 * compared. Pages come and go by fallocate only, which is followed by its arguments, and on tmpfs
 * the sum is compared with what the file holds.
 *
 *     bed     a region file, the tracer's view of it, and locks that stand for living processes
 *     image   one state, kept outside
 *     scene   what is stepped
 */
#ifndef MN_TEST_STEPS_H
#define MN_TEST_STEPS_H
#include "test.h"

#include "region/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    PROCS = 4, /* process slots that a stepped process may write to */
    RANGES = 12,
    LARGE = 11, /* ranges in use: the first of class 0, and one of class 5 */
    LARGE_CLASS = 5,
    FIT = 16,
    BYTES = FIT * PAGE, /* pages of a range that are ever asked for */
    WRITTEN = 2,        /* of those, pages that a stepped process may write to */
    KEPT = 12,
    KEYS = 20,
};

/* What the callers have been told, and may rely on from then on. */
typedef struct journal {
    uint64_t returned;      /* the stepped call is over */
    int32_t n, keys, spare; /* spare: so many of the keys may be missing */
    struct {
        mn_ref ref; /* 0: taken back */
        uint64_t length;
    } kept[KEPT];
    struct {
        uint64_t key;
        mn_ref ref;
    } key[KEYS];
} journal;

typedef struct image {
    uint8_t *tables;
    uint8_t data[RANGES][BYTES];
    uint32_t backed[RANGES]; /* a bit for each page that is there */
    journal told;
} image;

typedef struct bed {
    char path[96];
    mn_sparse file;
    int locks, tmpfs;
    uint32_t backed[RANGES];
} bed;

typedef struct scene {
    const char *name;
    mn_region *(*prepare)(const char *path); /* NULL: the call itself maps the region */
    void (*call)(void);
    int range, phase, charged; /* what the call makes of the extent there; range -1: of none */
    int heir;                  /* prepared while process slots 1 and 2 look alive */
    int maps;                  /* prepare returns NULL */
} scene;

static mn_region_plan plan;
static journal *told; /* shared with the processes */
static uint64_t tables;

/* Where we are, for who reads of a violation. */
static struct {
    const scene *scene;
    long step[2], state[2]; /* of the call; of the recovery that is stepped */
    pid_t pid[2];
    int depth;
    const char *way;
} at;

static inline void violation(const char *format, ...) {
    char what[400], deeper[80] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (at.depth)
        snprintf(deeper, sizeof deeper, ", then %ld (state %ld) of its recovery", at.step[1],
                 at.state[1]);
    fail_msg("%s: dead after instruction %ld (state %ld)%s%s: %s", at.scene ? at.scene->name : "",
             at.step[0], at.state[0], deeper, at.way, what);
}
#define HOLDS(what, ...) ((what) ? (void)0 : violation(__VA_ARGS__))

static inline uint32_t range_slot(int k) {
    return k == LARGE ? plan.first[LARGE_CLASS] : plan.first[0] + (uint32_t)k;
}
static inline uint64_t range_at(int k) {
    return plan.class_at[k == LARGE ? LARGE_CLASS : 0] +
           (k == LARGE ? 0 : (uint64_t)k * mn_class_bytes(0));
}
static inline mn_extent_slot *image_slot(const image *im, uint32_t i) {
    return (mn_extent_slot *)(void *)(im->tables + plan.extents_at) + i;
}

/* ---- beds --------------------------------------------------------------------------------- */
static inline void hold(const bed *b, int byte) {
    HOLDS(mn_byte_lock_try(b->locks, byte), "byte %d of %s is locked by somebody", byte, b->path);
}
static inline void let(const bed *b, int byte) {
    mn_byte_lock_free(b->locks, byte);
}

static inline void bed_open(bed *b) {
    char lock[104];
    struct statfs fs;
    snprintf(lock, sizeof lock, "%s.lock", b->path);
    assert_ok(mn_sparse_open(b->path, MN_REGION_LEAST, &b->file));
    assert_ok(b->locks = mn_byte_locks_open(lock));
    assert_ok(mn_sparse_back(&b->file, 0, tables));
    assert_int_equal(fstatfs(b->file.fd, &fs), 0);
    b->tmpfs = fs.f_type == 0x01021994;
}

/* Is every page the file holds one we know of? Elsewhere than on tmpfs a file holds more. */
static inline void bed_balance(const bed *b) {
    uint64_t n = tables;
    for (int k = 0; k < RANGES; k++) n += (uint64_t)__builtin_popcount(b->backed[k]) * PAGE;
    const uint64_t held = mn_sparse_held(&b->file);
    HOLDS(!b->tmpfs || held == n, "the file holds %llu bytes, not %llu", (unsigned long long)held,
          (unsigned long long)n);
}

/* The bed becomes what the image shows. */
static inline void restore(bed *b, const image *im) {
    assert_ok(mn_sparse_punch(&b->file, plan.data_at, plan.size - plan.data_at));
    memcpy(b->file.data, im->tables, tables);
    for (int k = 0; k < RANGES; k++) {
        b->backed[k] = im->backed[k];
        for (int p = 0; p < FIT; p++)
            if (im->backed[k] >> p & 1)
                memcpy(b->file.data + range_at(k) + p * PAGE, im->data[k] + p * PAGE, PAGE);
    }
}

/* ---- images ------------------------------------------------------------------------------- */
/* The tables that are compared, piece by piece; 0 behind the last. */
static inline uint64_t piece(int i, int all, uint64_t *from) {
    const uint64_t part[][2] = {{0, plan.procs_at + (uint64_t)PROCS * sizeof(mn_proc_slot)},
                                {plan.extents_at, plan.index_at - plan.extents_at},
                                {plan.index_at, PAGE}};
    *from = all ? 0 : i < 3 ? part[i][0] : 0;
    return all ? (i ? 0 : tables) : i < 3 ? part[i][1] : 0;
}

static inline int same(const bed *b, const image *im, int all) {
    uint64_t from, n;
    if (memcmp(told, &im->told, sizeof *told) || memcmp(b->backed, im->backed, sizeof b->backed))
        return 0;
    for (int i = 0; (n = piece(i, all, &from)); i++)
        if (memcmp(b->file.data + from, im->tables + from, n)) return 0;
    for (int k = 0; k < RANGES; k++)
        for (int p = 0; p < WRITTEN; p++)
            if (b->backed[k] >> p & 1 &&
                memcmp(b->file.data + range_at(k) + p * PAGE, im->data[k] + p * PAGE, PAGE))
                return 0;
    return 1;
}

static inline void capture(const bed *b, image *im, int all) {
    uint64_t from, n;
    for (int i = 0; (n = piece(i, all, &from)); i++)
        memcpy(im->tables + from, b->file.data + from, n);
    for (int k = 0; k < RANGES; k++) { /* what is not there must not be touched: it would be */
        const int pages = all || b->backed[k] != im->backed[k] ? FIT : WRITTEN;
        for (int p = 0; p < pages; p++)
            if (b->backed[k] >> p & 1)
                memcpy(im->data[k] + p * PAGE, b->file.data + range_at(k) + p * PAGE, PAGE);
        im->backed[k] = b->backed[k];
    }
    im->told = *told;
}

/* In the process to be stepped: whatever `same` does not look at cannot be written. */
static inline void protect(const mn_region *r) {
    uint64_t from, n;
    int rc = mprotect(r->file.data, plan.size, PROT_READ);
    for (int i = 0; (n = piece(i, 0, &from)); i++)
        rc |= mprotect(r->file.data + from, n, PROT_READ | PROT_WRITE);
    for (int k = 0; k < RANGES; k++)
        rc |= mprotect(r->file.data + range_at(k), WRITTEN * PAGE, PROT_READ | PROT_WRITE);
    if (rc) _exit(7);
}

/* ---- steps -------------------------------------------------------------------------------- */
#ifdef __x86_64__
/* Is the next instruction a system call? Then its number and arguments are in regs. */
static inline int at_syscall(pid_t pid, struct user_regs_struct *regs) {
    const uint64_t ip =
        (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
    uint8_t code[16] = {0};
    for (uint64_t i = 0; i < (ip % 8 == 7 ? 2 : 1); i++) { /* aligned words end with their page */
        const long word = ptrace(PTRACE_PEEKTEXT, pid, ip / 8 * 8 + i * 8, 0);
        memcpy(code + i * 8, &word, 8);
    }
    return code[ip % 8] == 0x0f && code[ip % 8 + 1] == 0x05 &&
           ptrace(PTRACE_GETREGS, pid, 0, regs) == 0;
}

/* A system call is over: pages may have come or gone. */
static inline void follow(pid_t pid, bed *b, const struct user_regs_struct *call) {
    if (call->rax != SYS_fallocate) return;
    struct user_regs_struct now;
    HOLDS(ptrace(PTRACE_GETREGS, pid, 0, &now) == 0, "ptrace: %s", strerror(errno));
    HOLDS(now.rax == 0, "fallocate fails: %s", strerror(-(int)now.rax));
    const uint64_t from = call->rdx, to = from + call->r10;
    for (int k = 0; k < RANGES; k++)
        for (int p = 0; p < FIT; p++) {
            const uint64_t page = range_at(k) + (uint64_t)p * PAGE;
            if (page + PAGE <= from || page >= to) continue;
            if (call->rsi & FALLOC_FL_PUNCH_HOLE)
                b->backed[k] &= ~(1u << p);
            else
                b->backed[k] |= 1u << p;
        }
    bed_balance(b);
}

/* One instruction. */
static inline void step(pid_t pid, bed *b) {
    struct user_regs_struct call;
    int status = 0;
    const int kernel = at_syscall(pid, &call);
    do { /* whoever stops all of us for a while, or lets us go on, stops no instruction */
        HOLDS(ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == 0, "ptrace: %s", strerror(errno));
        HOLDS(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
    } while (WIFSTOPPED(status) && (WSTOPSIG(status) == SIGSTOP || WSTOPSIG(status) == SIGTSTP ||
                                    WSTOPSIG(status) == SIGCONT));
    at.step[at.depth]++;
    HOLDS(WIFSTOPPED(status), "the process ended by itself (%#x)", status);
    HOLDS(WSTOPSIG(status) == SIGTRAP, "signal %d (%s), perhaps a store to a page of no concern",
          WSTOPSIG(status), strsignal(WSTOPSIG(status)));
    if (kernel) follow(pid, b, &call);
}
#else
static inline void step(pid_t pid, bed *b) {
    (void)pid, (void)b;
}
#endif

/* Neither who is evicted nor what counts as a change hangs on the second we are in. */
static inline void still(const mn_region *r) {
    MN_EACH_SLOT(r, c, i) mn_word_store(&mn_slot(r, i)->used, 1);
    mn_word_store(&mn_proc(r, r->me)->born, 1);
}

/* The process that will be stepped, prepared and stopped. */
static inline pid_t cast(const scene *s, const bed *b) {
    int status = 0;
    const pid_t pid = fork();
    if (!pid) {
        mn_region *const r = s->prepare(b->path);
        if (r) still(r), protect(r);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(8);
        raise(SIGSTOP);
        s->call();
        told->returned = 1;
        for (;;) pause();
    }
    at.pid[at.depth] = pid;
    HOLDS(pid > 0 && waitpid(pid, &status, 0) == pid, "fork: %s", strerror(errno));
    HOLDS(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "the scene fails (%#x)", status);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    return pid;
}

static inline void strike(int depth) {
    if (at.pid[depth] <= 0) return;
    kill(at.pid[depth], SIGKILL);
    waitpid(at.pid[depth], NULL, 0);
    at.pid[depth] = 0;
}

/* Step scene `s` on bed `b`, which begins as `start`; each crash is seen in `now`. */
static inline void walk(const scene *s, bed *b, const image *start, image *now,
                        void (*crash)(const image *)) {
    const int d = at.depth;
    at.step[d] = at.state[d] = 0;
    restore(b, start);
    *told = start->told;
    told->returned = 0;
    for (int i = 1; i < 3 && s->heir; i++) hold(b, i);
    const pid_t pid = cast(s, b);
    for (int i = 1; i < 3 && s->heir; i++) let(b, i);
    for (int k = 0; k < RANGES; k++) /* what preparing asked for, it has filled */
        for (int p = 0; p < FIT; p++) {
            const off_t page = (off_t)(range_at(k) + (uint64_t)p * PAGE);
            const uint32_t there = lseek(b->file.fd, page, SEEK_DATA) == page;
            b->backed[k] = (b->backed[k] & ~(1u << p)) | there << p;
        }
    bed_balance(b);
    capture(b, now, 1);
    for (;;) {
        crash(now);
        if (told->returned) break;
        do step(pid, b);
        while (same(b, now, s->maps));
        capture(b, now, s->maps);
        at.state[d]++;
    }
    strike(d);
    bed_balance(b); /* and what was protected, or not looked at on the way, is as it was */
    HOLDS(same(b, now, 1), "something else was written to");
    for (int k = 0; k < RANGES; k++)
        for (int p = WRITTEN; p < FIT; p++)
            HOLDS(!(b->backed[k] >> p & 1) ||
                      !memcmp(b->file.data + range_at(k) + p * PAGE, now->data[k] + p * PAGE, PAGE),
                  "page %d of range %d was written to", p, k);
}

#endif
