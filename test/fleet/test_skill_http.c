/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_skill_http.c - skills of servers, over streamable HTTP: fake_http.py is the
 * server.
 */
#include "fleet/hosts.h"

#include "base/child.h"
#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

static mn_child *server;
static int port;
static char log_path[] = "/tmp/omnesia-http-XXXXXX";

static int begin(void **state) {
    (void)state;
    char path[4096], line[64] = "";
    snprintf(path, sizeof path, "%s/test/fleet/fake_http.py", getenv("OMNESIA_SOURCE"));
    const char *const argv[] = {"python3", path, NULL};
    const int fd = mkstemp(log_path);
    if (fd < 0) return -1;
    close(fd);
    setenv("FAKE_HTTP", log_path, 1);
    if (mn_child_start_talk(argv, NULL, &server) < 0) return -1;
    size_t n = 0;
    for (const uint64_t until = mn_clock_ns() + 20000000000u; !strchr(line, '\n');) {
        struct pollfd p = {.fd = mn_child_from(server), .events = POLLIN};
        poll(&p, 1, 1000);
        const ssize_t k = read(mn_child_from(server), line + n, sizeof line - 1 - n);
        if (k == 0 || mn_clock_ns() > until) return -1;
        if (k > 0) n += (size_t)k;
    }
    port = atoi(line);
    return port > 0 ? 0 : -1;
}

static int end_all(void **state) {
    (void)state;
    mn_child_end(&server);
    unlink(log_path);
    return 0;
}

static mn_skill_host *open_path(const char *path) {
    char url[128];
    mn_skill_host *h;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    assert_ok(mn_skill_host_url(url, &h));
    return h;
}

static size_t skills(mn_skill_host *h) {
    json_t *all;
    assert_ok(h->ops->list(h, &all));
    const size_t n = json_array_size(all);
    json_decref(all);
    return n;
}

/* Until the server has been told so, in lines after the first `from` bytes. */
static void until_told(mn_skill_host *h, const char *what, size_t from) {
    for (const uint64_t until = mn_clock_ns() + 20000000000u;;) {
        mn_skill_end end = {.ok = 0};
        mn_buf text = {.limit = 0};
        uint64_t again;
        double progress;
        assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
        assert_ok(mn_file_read(log_path, 1 << 20, &text));
        const int yes = text.len > from && strstr(text.data + from, what) != NULL;
        mn_buf_free(&text);
        if (yes) return;
        if (mn_clock_ns() > until) fail_msg("it was never told: %s", what);
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        poll(&p, 1, 10);
    }
}

static size_t log_size(void) {
    uint64_t size = 0;
    int64_t when;
    assert_ok(mn_file_stat(log_path, &size, &when));
    return (size_t)size;
}

static void all_ways_of_answering(void **state) {
    (void)state;
    static const char *const paths[] = {"/now", "/sse", "/old"};
    for (size_t i = 0; i < 3; i++) {
        mn_skill_host *h = open_path(paths[i]);
        mn_skill_end end = {.ok = 0};
        double progress = -1;
        if (mn_skill_host_wait(h, 20000) != 1) fail_msg("%s: %s", paths[i], mn_error_detail());
        assert_int_equal(skills(h), 1);
        host_start(h, "work", "{\"how\": \"well\"}");
        host_end(h, &end, &progress);
        assert_end(&end, "", "it is done");
        if (i == 1) assert_true(progress == 0.25);
        mn_skill_end_free(&end);
        h->ops->close(&h);
    }
}

static void a_stop_is_told(void **state) {
    (void)state;
    mn_skill_host *h = open_path("/now");
    mn_skill_end end = {.ok = 0};
    size_t from = log_size();
    host_start(h, "work", "{\"how\": \"wait\"}");
    until_told(h, "waits", from);
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    assert_end(&end, "cancelled", "work was stopped");
    until_told(h, "hung up\n", from);
    from = log_size();
    host_do(h, "work", "{\"how\": \"wait\"}", &end); /* and by its limit */
    assert_end(&end, "timeout", "after 1 s");
    until_told(h, "hung up\n", from);
    host_do(h, "work", "{}", &end);
    assert_end(&end, "", "it is done");
    h->ops->close(&h);
    h = open_path("/old");
    from = log_size();
    host_start(h, "work", "{\"how\": \"wait\"}");
    until_told(h, "waits", from);
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    if (strcmp(end.code, "cancelled")) fail_msg("it ended with \"%s\"", end.code);
    until_told(h, "cancelled\n", from);
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void tools_may_change(void **state) {
    (void)state;
    mn_skill_host *h = open_path("/old");
    mn_skill_end end = {.ok = 0};
    assert_int_equal(mn_skill_host_wait(h, 20000), 1);
    host_do(h, "work", "{\"how\": \"change\"}", &end);
    assert_end(&end, "", "");
    for (const uint64_t until = mn_clock_ns() + 20000000000u; skills(h) != 2;) {
        uint64_t again;
        double progress;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        assert_true(mn_clock_ns() < until);
        poll(&p, 1, 100);
        assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
    }
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void what_goes_wrong_has_its_code(void **state) {
    (void)state;
    static const char *const row[][3] = {
        {"/html", "garbage", "no JSON: \"<html>Welcome"},
        {"/locked", "failed", "HTTP 401: who are you?"},
        {"/foreign", "version", "MCP 2031-01-01"},
        {"/gone", "crashed", "forgotten the session"},
        {"/cut", "garbage", "hung up without an answer"},
        {"/big", "crashed", "a message of more than 1048576 bytes"},
        {"/empty", "garbage", "hung up without an answer"},
    };
    mn_skill_end end = {.ok = 0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_skill_host *h = open_path(row[i][0]);
        for (int again = 0; again < 2; again++) {
            host_do(h, "work", "{}", &end);
            const char *const said = end.text.data ? end.text.data : "";
            if (strcmp(end.code, row[i][1]) || !strstr(said, row[i][2]))
                fail_msg("%s: it ended with \"%s\": %s", row[i][0], end.code, said);
        }
        h->ops->close(&h);
    }
    setenv("OMNESIA_SKILL_KEY", "sesame", 1);
    mn_skill_host *h = open_path("/locked");
    host_do(h, "work", "{}", &end);
    assert_end(&end, "", "it is done");
    h->ops->close(&h);
    assert_ok(mn_skill_host_url("http://192.0.2.1:9/mcp", &h)); /* a key goes nowhere unencrypted */
    host_do(h, "work", "{}", &end);
    assert_end(&end, "crashed", "unencrypted");
    h->ops->close(&h);
    unsetenv("OMNESIA_SKILL_KEY");
    assert_ok(mn_skill_host_url("http://127.0.0.1:1/mcp", &h));
    host_do(h, "work", "{}", &end);
    assert_end(&end, "crashed", "cannot reach 127.0.0.1:1");
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "cannot reach");
    h->ops->close(&h);
    assert_fails(mn_skill_host_url("ftp://x", &h), MN_EINVAL, "neither http:// nor https://");
    mn_skill_end_free(&end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_of_answering),
        cmocka_unit_test(a_stop_is_told),
        cmocka_unit_test(tools_may_change),
        cmocka_unit_test(what_goes_wrong_has_its_code),
    };
    return cmocka_run_group_tests(tests, begin, end_all);
}
