/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_answer.c - any bytes as what a server answers over HTTP: a model behind a URL, or
 * a server of skills, whole (net/post.h) or as messages that come one by one (net/flow.h).
 *
 * The first byte: its lowest bit says which of both, the others how many bytes come at a time. The
 * line is played here. Checked: no more is kept than was allowed, and what fails says why.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "net/flow.h"
#include "net/line.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST = 4096 };

static void check(int good) {
    if (!good) __builtin_trap();
}

/* ---- net/line.h ---------------------------------------------------------------------------- */
struct mn_line {
    const uint8_t *at, *end;
    size_t piece;
};
static struct mn_line script;

int mn_line_open(const char *host, const char *port, int tls, uint64_t deadline, mn_line **out) {
    check(*host && *port && !tls && deadline);
    *out = &script;
    return 0;
}
void mn_line_close(mn_line **line) {
    *line = NULL;
}
void mn_line_stop(mn_line *line, int fd) {
    (void)line, (void)fd;
}
int mn_line_put(mn_line *line, const char *bytes, size_t n) {
    check(line && bytes && n);
    return 0;
}
int mn_line_get(mn_line *line, char *bytes, size_t n) {
    const size_t left = (size_t)(line->end - line->at);
    if (n > line->piece) n = line->piece;
    if (n > left) n = left;
    if (n) memcpy(bytes, line->at, n);
    line->at += n;
    return (int)n;
}
void mn_line_until(mn_line *line, uint64_t deadline) {
    (void)line, (void)deadline;
}
int mn_line_look(mn_line *line, char *bytes, size_t n) {
    return mn_line_get(line, bytes, n);
}
int mn_line_push(mn_line *line, const char *bytes, size_t n) {
    (void)line, (void)bytes;
    return (int)n;
}
int mn_line_fd(const mn_line *line) {
    (void)line;
    return -1;
}

/* ---- both ways ----------------------------------------------------------------------------- */
static void headed(void *user, const char *name, const char *value) {
    (void)user;
    check(strlen(name) + strlen(value) < 1 << 20);
}

static void whole(void) {
    mn_url url;
    mn_buf out = {0};
    check(mn_url_read("http://localhost:80/v1", &url) >= 0);
    const mn_post p = {.url = &url,
                       .path = "/x",
                       .body = "{}",
                       .n = 2,
                       .seconds = 10,
                       .most = MOST,
                       .header = headed};
    const int rc = mn_post_json(&p, &out);
    check(rc < 0 ? *mn_error_detail() != 0 : rc >= 200 && rc <= 599);
    check(out.len <= MOST);
    mn_buf_free(&out);
}

static void one_by_one(void) {
    const mn_flow_how how = {.url = "http://localhost:80/",
                             .body = "{}",
                             .want = "Mcp-Session-Id",
                             .seconds = 10,
                             .most = MOST,
                             .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    mn_flow *f = NULL;
    mn_buf out = {0};
    char wanted[64];
    int rc;
    check(how.bell >= 0 && mn_flow_open(&how, &f) >= 0);
    while ((rc = mn_flow_take(f, &out)) >= 0) {
        struct pollfd p = {.fd = how.bell, .events = POLLIN};
        uint64_t rung;
        check(out.len <= MOST);
        if (rc) continue;
        if (poll(&p, 1, 60000) < 0) continue; /* the fuzzer's own alarm */
        check(p.revents);
        check(read(how.bell, &rung, sizeof rung) == sizeof rung);
    }
    const int status = mn_flow_status(f);
    check(status == 0 || (status >= 200 && status <= 599));
    check(rc == MN_ENOENT || *mn_error_detail());
    if (mn_flow_wanted(f, wanted, sizeof wanted)) check(strlen(wanted) < sizeof wanted);
    mn_flow_close(&f);
    mn_buf_free(&out);
    close(how.bell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    script = (struct mn_line){data + 1, data + size, 1 + (size_t)(data[0] >> 1)};
    if (data[0] & 1)
        one_by_one();
    else
        whole();
    return 0;
}
