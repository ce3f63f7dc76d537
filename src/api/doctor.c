/* SPDX-License-Identifier: Apache-2.0
 *
 * api/doctor.c - what this machine and this installation offer, one fact a line; what is missing
 * is followed by the one command that adds it.
 */
#include "api/store.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "omnesia.h"
#include "region/region.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef struct doctor {
    void (*line)(void *user, const char *text);
    void *user;
    int models, missing;
} doctor;

static void say(doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(doctor *d, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->line(d->user, text);
}

static void look_at_processor(doctor *d) {
    static const struct {
        unsigned bit;
        const char *name;
    } known[] = {{MN_CPU_AVX2, "avx2"},
                 {MN_CPU_AVX512, "avx512"},
                 {MN_CPU_AMX, "amx"},
                 {MN_CPU_BF16, "bf16"}};
    char list[64] = "";
    const unsigned has = mn_cpu_features();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (has & known[i].bit)
            snprintf(list + strlen(list), sizeof list - strlen(list), " %s", known[i].name);
    const char *lowered = getenv("OMNESIA_ISA");
    say(d, "processor    %d cores for us;%s%s%s", mn_cpu_count(),
        *list ? list : " no AVX2: the scalar kernels are used, slowly",
        lowered ? "; lowered by OMNESIA_ISA=" : "", lowered ? lowered : "");
}

static void look_at_memory(doctor *d) {
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    const uint64_t free = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * page;
    const uint64_t ours = mn_budget_machine(), limit = mn_budget_limit();
    char a[16], b[16];
    say(d, "memory       %s, %s of it untouched", mn_budget_human(ram, a),
        mn_budget_human(free, b));
    if (ours < ram)
        say(d, "             this process's memory cgroup allows %s", mn_budget_human(ours, a));
    if (limit) say(d, "             --memory allows %s", mn_budget_human(limit, a));
}

/* The cache, tried out: what would be written there is written, and taken back. */
static int look_at_cache(doctor *d) {
    char *path = NULL, human[16];
    uint64_t room;
    mn_buf probe = {0};
    mn_filew *f = NULL;
    int rc = mn_file_cache_path(NULL, &path);
    if (rc >= 0) rc = mn_buf_printf(&probe, "%s/packs/probe", path);
    if (rc >= 0) rc = mn_file_begin(probe.data, &f);
    mn_file_abort(&f);
    if (rc >= 0) rc = mn_file_room(path, &room);
    if (rc >= 0) say(d, "cache        %s, %s free", path, mn_budget_human(room, human));
    mn_buf_free(&probe);
    mn_free(path);
    if (rc >= 0 || rc == MN_ENOMEM) return rc;
    d->missing++;
    say(d, "cache        cannot be used: %s", mn_error_detail());
    return 0;
}

static void say_region(doctor *d, mn_region *r) {
    mn_region_counts c;
    char a[16], b[16];
    mn_region_count(r, &c);
    say(d, "region       %s, %s of at most %s", c.path, mn_budget_human(c.charged, a),
        mn_budget_human(c.limit, b));
    if (*c.disk)
        say(d, "             %s, %s of at most %s", c.disk, mn_budget_human(c.stored, a),
            mn_budget_human(c.disk_limit, b));
}

/* Where processes share; it is made when it is first used, not by looking. */
static int look_at_region(doctor *d) {
    const char *chosen = getenv("OMNESIA_REGION");
    uint64_t size;
    int64_t when;
    mn_buf path = {0};
    mn_region *r = NULL;
    if (chosen && strcmp(chosen, "none") == 0) {
        say(d, "region       none, says OMNESIA_REGION: nothing is shared");
        return 0;
    }
    int rc = chosen && *chosen ? mn_buf_puts(&path, chosen) : mn_region_place(0, &path);
    if (rc >= 0 && mn_file_stat(path.data, &size, &when) < 0) {
        say(d, "region       %s, made when it is first used", path.data);
    } else {
        const int own = !chosen || !*chosen; /* its files lie elsewhere than those of others */
        if (rc >= 0) rc = mn_region_open(own ? NULL : path.data, 0, 0, &r);
        if (rc >= 0) say_region(d, r);
    }
    mn_region_close(&r);
    mn_buf_free(&path);
    if (rc >= 0 || rc == MN_ENOMEM) return rc;
    d->missing++;
    say(d, "region       cannot be used: %s", mn_error_detail());
    return 0;
}

static int each_model(void *user, const mn_store_entry *e) {
    doctor *d = user;
    char human[16];
    if (!e->path) return 0;
    say(d, "%-12s %s, %s: %s", d->models++ ? "" : "models", e->name,
        mn_budget_human(e->bytes, human), e->path);
    return 0;
}

static void look_at_pip(doctor *d) {
    const char *const *pip;
    if (mn_store_pip(&pip) >= 0) {
        say(d, "pip          %s%s%s%s%s", pip[0], pip[1] ? " " : "", pip[1] ? pip[1] : "",
            pip[1] && pip[2] ? " " : "", pip[1] && pip[2] ? pip[2] : "");
        return;
    }
    d->missing++;
    say(d, "pip          missing: models cannot be pulled; add it with: apt install python3-pip");
}

int mn_doctor(void (*line)(void *user, const char *text), void *user) {
    doctor d = {.line = line, .user = user};
    struct utsname os;
    if (uname(&os) == 0)
        say(&d, "omnesia      %s on %s %s %s", mn_version(), os.sysname, os.release, os.machine);
    look_at_processor(&d);
    look_at_memory(&d);
    MN_TRY(look_at_cache(&d));
    MN_TRY(look_at_region(&d));
    look_at_pip(&d);
    MN_TRY(mn_store_list(each_model, &d));
    if (!d.models) {
        d.missing++;
        say(&d, "models       none is here yet; add one with: omnesia pull smollm2-135m");
    }
    say(&d, "%s",
        d.missing ? "verdict      something is missing, see above" : "verdict      all is well");
    return 0;
}
