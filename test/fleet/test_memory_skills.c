/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_memory_skills.c - the n-th allocation fails while a program or a server of skills
 * is opened, asked and called: the call fails and says so, or is done all the same, and the same
 * host does the next one. Under the address sanitizer nothing leaks.
 */
#include "fleet/hosts.h"

#include "base/alloc.h"
#include "base/child.h"

#include <stdlib.h>
#include <unistd.h>

/* A skill in a few lines of shell: its questions come in this order. */
static const char script[] =
    "while read l; do case $l in"
    " *server/discover*) echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601}}';;"
    " *\\\"initialize\\\"*) echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":"
    "\"2025-06-18\",\"capabilities\":{\"tools\":{}}}}';;"
    " *tools/list*) echo '{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[{\"name\":\"work\","
    "\"inputSchema\":{\"properties\":{\"how\":{\"type\":\"string\"}}},\"_meta\":{\"omnesia/skill\":"
    "{\"makes\":[\"is(how, done)\"]}}}]}}';;"
    " *tools/call*) i=${l#*\\\"id\\\":}; echo '{\"jsonrpc\":\"2.0\",\"id\":'${i%%,*}',\"result\":"
    "{\"content\":[{\"type\":\"text\",\"text\":\"it is done\"}]}}';;"
    " esac; done";
static char url[64];

static int open_program(mn_skill_host **out) {
    static const char *const argv[] = {"sh", "-c", script, NULL};
    return mn_skill_host_program(argv, out);
}
static int open_server(mn_skill_host **out) {
    return mn_skill_host_url(url, out);
}

static int is_memory(const char *text) {
    return text && strstr(text, "memory") != NULL;
}

/* 1: done; 0: there was no memory for it, as it says. */
static int call(mn_skill_host *h, const char *what, long n) {
    mn_skill_end end = {.ok = 0};
    const uint64_t until = mn_clock_ns() + 20000000000u;
    json_t *const args = json_pack("{s:s}", "how", "well"); /* Jansson's own memory */
    int rc = h->ops->start(h, "work", args, mn_clock_ns());
    json_decref(args);
    for (uint64_t again; rc == 0 && mn_clock_ns() < until;) {
        double progress;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        if ((rc = h->ops->look(h, mn_clock_ns(), &again, &progress, &end))) break;
        poll(&p, 1, again <= mn_clock_ns() ? 0 : 20);
    }
    const char *const said = rc < 0 ? mn_error_detail() : end.text.data ? end.text.data : "";
    const int ok = rc > 0 && end.ok;
    if (!rc) fail_msg("%s, allocation %ld: no end after 20 s", what, n);
    if (!ok && rc != MN_ENOMEM && !is_memory(said))
        fail_msg("%s, allocation %ld: %d \"%s\" %s", what, n, rc, end.code, said);
    mn_skill_end_free(&end);
    return ok;
}

static void each(int (*open)(mn_skill_host **out), const char *what) {
    long failed = 0, n = 1;
    for (int hit = 1; hit && n < 2000; n++) {
        mn_skill_host *h = NULL;
        mn_alloc_fail_after(n);
        const int rc = open(&h);
        if (rc < 0) {
            assert_null(h);
            if (rc != MN_ENOMEM && !is_memory(mn_error_detail()))
                fail_msg("%s, allocation %ld: %d %s", what, n, rc, mn_error_detail());
        }
        const int done = rc >= 0 && call(h, what, n);
        hit = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        failed += !done;
        if (!hit && !done) fail_msg("%s fails without a reason", what);
        if (h && !call(h, what, -n)) fail_msg("%s, after allocation %ld: again", what, n);
        if (h) h->ops->close(&h);
    }
    print_message("%s: %ld of %ld failed\n", what, failed, n);
    assert_true(failed > 0 && n < 2000);
}

static void a_program(void **state) {
    (void)state;
    each(open_program, "a program");
}

static void a_server(void **state) {
    char path[4096], line[64] = "";
    (void)state;
    snprintf(path, sizeof path, "%s/test/fleet/fake_http.py", getenv("OMNESIA_SOURCE"));
    const char *const argv[] = {"python3", path, NULL};
    mn_child *server;
    assert_ok(mn_child_start_talk(argv, NULL, &server));
    for (const uint64_t until = mn_clock_ns() + 20000000000u; !strchr(line, '\n');) {
        struct pollfd p = {.fd = mn_child_from(server), .events = POLLIN};
        poll(&p, 1, 1000);
        const ssize_t k =
            read(mn_child_from(server), line + strlen(line), sizeof line - 1 - strlen(line));
        assert_true(k != 0 && mn_clock_ns() < until);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/now", atoi(line));
    each(open_server, "a server");
    mn_child_end(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_program), cmocka_unit_test(a_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
