/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_stop.c - the row "stop": four robots, each a process with a skill of another kind,
 * work at tasks of a brain; the fleet is stopped, again and again.
 *
 * A skill writes to a pipe when it has begun and when it was told to stop, with the time of its own
 * clock, CLOCK_MONOTONIC, which all processes of a machine share. So what is counted is the way
 * from the call of stop to the skill, and not the way back. A simulated body has no process of its
 * own: it counts as told when it has ended. After a stop all is resumed, and the brain gives the
 * same steps again.
 */
#include "bench/roboos_stop.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "bench/roboos_crew.h"
#include "fleet/skill_host.h"
#include "fleet/world.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KINDS = MN_STOP_KINDS, PATH = 128 };
extern const unsigned char mn_roboos_skill_py[];
static const char *const kinds[KINDS] = {"stdio", "object", "http", "arm"}; /* robots, and words */
static const char *const things[KINDS] = {"cup", "apple", "plate", "book"};

/* A skill in C as a user would write it; its pipe is STOP_PIPE. */
static const char object_c[] =
    "#include \"omnesia_skill.h\"\n"
    "#include <stdio.h>\n#include <stdlib.h>\n#include <fcntl.h>\n#include <time.h>\n"
    "#include <unistd.h>\n"
    "static void stamp(const char *word) {\n"
    "    struct timespec t;\n"
    "    clock_gettime(CLOCK_MONOTONIC, &t);\n"
    "    int fd = open(getenv(\"STOP_PIPE\"), O_WRONLY);\n"
    "    dprintf(fd, \"object %s %lld\\n\", word, t.tv_sec * 1000000000ll + t.tv_nsec);\n"
    "    close(fd);\n"
    "}\n"
    "static int run(const omnesia_skill_call *call) {\n"
    "    stamp(\"begun\");\n"
    "    while (!call->sleep(call, 60)) continue;\n"
    "    stamp(\"told\");\n"
    "    return call->fail(call, \"cancelled\", \"I was stopped\");\n"
    "}\n"
    "const omnesia_skill omnesia_skills[] = {{OMNESIA_SKILL_FORMAT, \"hold_object\",\n"
    "    \"{\\\"inputSchema\\\": {\\\"type\\\": \\\"object\\\", \\\"properties\\\": {\\\"thing\\\":"
    " {\\\"type\\\": \\\"string\\\"}}}, \\\"_meta\\\": {\\\"omnesia/skill\\\": {\\\"needs\\\": [],"
    " \\\"makes\\\": [\\\"is(thing, object)\\\"], \\\"seconds\\\": 3000, \\\"limit\\\": "
    "3600}}}\",\n"
    "    run}, {0, 0, 0, 0}};\n";

/* ---- a simulated body, that says when it has ended ------------------------------------------ */
static const char wait_manifest[] =
    "{\"name\": \"hold_arm\", \"inputSchema\": {\"type\": \"object\", \"properties\": {\"thing\": "
    "{\"type\": \"string\"}}}, \"_meta\": {\"omnesia/skill\": {\"needs\": [], \"makes\": "
    "[\"is(thing, arm)\"], \"seconds\": 3000, \"limit\": 3600}}}";

typedef struct body {
    mn_skill_host host; /* first */
    mn_skill_host *its;
    int pipe, runs;
} body;

static void stamp(const body *s, const char *word) {
    dprintf(s->pipe, "arm %s %llu\n", word, (unsigned long long)mn_clock_ns());
}
static int body_list(mn_skill_host *h, json_t **out) {
    (void)h;
    *out = json_pack("[o]", json_loads(wait_manifest, 0, NULL));
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a manifest");
}
static int body_start(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now) {
    body *const s = (body *)h;
    json_t *const seconds = json_pack("{s:i}", "seconds", 3600);
    (void)skill, (void)args;
    const int rc = s->its->ops->start(s->its, "wait", seconds, now);
    json_decref(seconds);
    if (rc < 0) return rc;
    s->runs = 1;
    stamp(s, "begun");
    return 0;
}
static int body_look(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                     mn_skill_end *end) {
    body *const s = (body *)h;
    const int rc = s->its->ops->look(s->its, now, again, progress, end);
    if (rc && s->runs) stamp(s, "told");
    if (rc) s->runs = 0;
    return rc;
}
static void body_cancel(mn_skill_host *h) {
    body *const s = (body *)h;
    s->its->ops->cancel(s->its);
}
static int body_fd(mn_skill_host *h) {
    body *const s = (body *)h;
    return s->its->ops->fd(s->its);
}
static void body_close(mn_skill_host **h) {
    body *const s = (body *)*h;
    s->its->ops->close(&s->its);
    *h = NULL;
}
static const mn_skill_host_ops body_ops = {.name = "body",
                                           .list = body_list,
                                           .start = body_start,
                                           .look = body_look,
                                           .cancel = body_cancel,
                                           .fd = body_fd,
                                           .close = body_close};

/* ---- robots -------------------------------------------------------------------------------- */
typedef struct stops {
    const mn_stops_how *how;
    mn_stops_result *out;
    mn_crew crew;
    int pipe, kind; /* kind: of the robot that is made */
    char path[PATH], object[PATH], url[64];
    mn_child *server;
    uint64_t begun[KINDS], told[KINDS]; /* ns; 0: not since they were looked at */
    char text[4096];
    size_t n;
} stops;

static int plug_body(stops *s, mn_board *board, mn_actor_robot *r) {
    static body own = {.host.ops = &body_ops};
    own.pipe = open(s->path, O_WRONLY);
    MN_TRY(mn_sim_body_open(board, "arm", 1, 1, 0, mn_actor_robot_state(r), &own.its));
    return mn_actor_robot_plug(r, &own.host);
}

/* In the process of the robot. */
static int plug(void *user, mn_board *board, mn_actor_robot *r) {
    stops *const s = user;
    const char *const script = (const char *)mn_roboos_skill_py;
    const char *const stdio[] = {"python3", "-c", script, "stdio", "stdio", s->path, NULL};
    const char *const object[] = {s->how->program, "fleet", "skill", "host", s->object, NULL};
    mn_skill_host *host = NULL;
    if (s->kind == MN_STOP_SIM) return plug_body(s, board, r);
    setenv("STOP_PIPE", s->path, 1);
    MN_TRY(s->kind == MN_STOP_HTTP
               ? mn_skill_host_url(s->url, &host)
               : mn_skill_host_program(s->kind == MN_STOP_STDIO ? stdio : object, &host));
    return mn_actor_robot_plug(r, host);
}

/* What a kind needs beside the robot; MN_ENOENT: what there is not. */
static int run_to_end(const char *const *argv) {
    mn_child *child = NULL;
    int status = 1;
    MN_TRY(mn_child_start(argv, NULL, &child));
    const int ended = mn_child_wait(child, 60000, &status);
    const int rc = ended && !status ? 0 : MN_FAIL(MN_EIO, "%s: %s", argv[0], mn_child_said(child));
    mn_child_end(&child);
    return rc;
}

static int build_object(stops *s) {
    char c[PATH], folder[PATH];
    mn_buf said = {0};
    snprintf(folder, sizeof folder, "%.100s", s->how->folder);
    snprintf(c, sizeof c, "%.100s/hold.c", s->how->folder);
    snprintf(s->object, sizeof s->object, "%.100s/hold.so", s->how->folder);
    const int rc = mn_skill_new("hold_c", "c", NULL, folder, &said); /* for omnesia_skill.h */
    mn_buf_free(&said);
    MN_TRY(rc);
    FILE *const f = fopen(c, "w");
    if (!f || fputs(object_c, f) < 0 || fclose(f)) return MN_FAIL(MN_EIO, "cannot write %s", c);
    const char *const argv[] = {"cc", "-O2", "-shared", "-fPIC", "-o", s->object, c, NULL};
    return run_to_end(argv);
}

static int start_server(stops *s) {
    const char *const argv[] = {"python3", "-c", (const char *)mn_roboos_skill_py, "http", "http",
                                s->path,   NULL};
    char line[32] = "";
    MN_TRY(mn_child_start_talk(argv, NULL, &s->server));
    struct pollfd p = {.fd = mn_child_from(s->server), .events = POLLIN};
    if (poll(&p, 1, 20000) < 1 || read(p.fd, line, sizeof line - 1) < 1)
        return MN_FAIL(MN_EIO, "a server in Python does not begin: %s", mn_child_said(s->server));
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/mcp", atoi(line));
    return 0;
}

static int make_robot(stops *s, int kind) {
    static const char *const python[] = {"python3", "-c", "", NULL};
    char text[64], id[16];
    int who, rc = 0;
    s->kind = kind;
    if (kind == MN_STOP_STDIO) rc = run_to_end(python);
    if (kind == MN_STOP_OBJECT) rc = build_object(s);
    if (kind == MN_STOP_HTTP) rc = start_server(s);
    if (rc == MN_ENOENT) {
        s->out->missing[kind] = kind == MN_STOP_OBJECT ? "no cc" : "no python3";
        return 0;
    }
    if (rc >= 0) rc = mn_crew_robot(&s->crew, kinds[kind], plug, s, &who);
    if (rc >= 0) rc = mn_crew_until(&s->crew, mn_crew_able, kinds[kind], "a robot has its skill");
    snprintf(text, sizeof text, "make the %s %s", things[kind], kinds[kind]);
    return rc < 0 ? rc : mn_fleet_ask(s->crew.board, text, "bench", 0, id);
}

/* ---- stops --------------------------------------------------------------------------------- */
static void take_line(stops *s, const char *line) {
    char name[16], word[16];
    unsigned long long ns;
    if (sscanf(line, "%15s %15s %llu", name, word, &ns) != 3) return;
    for (int k = 0; k < KINDS; k++)
        if (strcmp(name, kinds[k]) == 0) *(*word == 'b' ? &s->begun[k] : &s->told[k]) = ns;
}

/* Until what is wanted of these kinds is there. */
static int hear(stops *s, const uint64_t *at, unsigned want) {
    const uint64_t late = mn_clock_ns() + 60000000000u;
    for (;;) {
        unsigned open = 0;
        for (int k = 0; k < KINDS; k++)
            if (want >> k & 1 && !at[k]) open |= 1u << k;
        if (!open) return 0;
        struct pollfd p = {.fd = s->pipe, .events = POLLIN};
        poll(&p, 1, 1000);
        const ssize_t k = read(s->pipe, s->text + s->n, sizeof s->text - 1 - s->n);
        if (k > 0) s->n += (size_t)k;
        s->text[s->n] = 0;
        for (char *end; (end = strchr(s->text, '\n'));) {
            *end = 0;
            take_line(s, s->text);
            s->n -= (size_t)(end + 1 - s->text);
            memmove(s->text, end + 1, s->n + 1);
        }
        for (int i = 0; mn_clock_ns() > late; i++)
            if (open >> i & 1)
                return MN_FAIL(MN_EIO, "after 60 s the skill of %s has not been %s", kinds[i],
                               at == s->told ? "told to stop" : "begun");
    }
}

static int stop_once(stops *s, unsigned there, int only) {
    mn_stops_result *const out = s->out;
    const unsigned want = only < 0 ? there : 1u << only;
    const char *const robot = only < 0 ? NULL : kinds[only];
    double most = 0;
    MN_TRY(hear(s, s->begun, there));
    memset(s->told, 0, sizeof s->told);
    for (int k = 0; k < KINDS; k++)
        if (want >> k & 1) s->begun[k] = 0;
    const uint64_t at = mn_clock_ns();
    MN_TRY(mn_fleet_stop(s->crew.board, robot, "bench"));
    MN_TRY(hear(s, s->told, want));
    for (int k = 0; k < KINDS; k++) {
        if (!(want >> k & 1)) continue;
        const double ms = (double)(s->told[k] - at) * 1e-6;
        out->ms[k][out->n[k]++] = ms;
        most = ms > most ? ms : most;
        MN_TRY(mn_crew_until(&s->crew, mn_crew_free, kinds[k], "a stopped step has ended"));
    }
    if (only < 0) out->all[out->n_all++] = most;
    return mn_fleet_resume(s->crew.board, robot);
}

static int run(stops *s) {
    int who;
    unsigned there = 0;
    MN_TRY(mn_crew_brain(&s->crew, &who));
    for (int k = 0; k < KINDS; k++) {
        s->out->name[k] = kinds[k];
        MN_TRY(make_robot(s, k));
        if (!s->out->missing[k]) there |= 1u << k;
    }
    s->out->name[MN_STOP_SIM] = "simulated";
    for (int i = 0, one = 0; i < s->how->stops; i++) {
        while (!(there >> one % KINDS & 1)) one++;
        MN_TRY(stop_once(s, there, i % 8 == 7 ? one++ % KINDS : -1));
    }
    return 0;
}

int mn_stops_run(const mn_stops_how *how, mn_stops_result *out) {
    stops s = {.how = how, .out = out, .pipe = -1};
    char region[PATH];
    memset(out, 0, sizeof *out);
    if (how->stops < 1 || how->stops > MN_STOPS)
        return MN_FAIL(MN_EINVAL, "1 to %d stops, not %d", MN_STOPS, how->stops);
    snprintf(s.path, sizeof s.path, "%.100s/told", how->folder);
    snprintf(region, sizeof region, "%.80s/stops", how->folder);
    if (mkfifo(s.path, 0600) < 0 || (s.pipe = open(s.path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
        return MN_FAIL(MN_EIO, "cannot make a pipe for the bench");
    int rc = mn_crew_open(region, &s.crew);
    if (rc >= 0) {
        rc = run(&s);
        mn_crew_close(&s.crew);
    }
    mn_child_end(&s.server);
    close(s.pipe);
    return rc;
}
