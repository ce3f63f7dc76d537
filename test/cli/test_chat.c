/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_chat.c - `omnesia chat` on an engine that answers with what it was asked, from a
 * pipe and on a terminal of its own.
 *
 * The engine is this file: mn_answer writes the turns it was given ("u:hello"), so that history,
 * documents, /commands and dropping show in the answer. "slow" goes on until it is cancelled,
 * "wait" takes a moment after its text, "fail" is an error, "opts" shows the options.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "omnesia.h"
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <time.h>

enum { ROOM = 120 }; /* bytes of all turns the toy engine has room for */

const mn_opt mn_cli_common_rows[] = {{0}};

struct mn_model {
    volatile int cancel;
};

int mn_model_open(const char *name, const mn_model_options *options, mn_model **out) {
    *out = NULL;
    if (strcmp(name, "toy") != 0) return MN_FAIL(MN_ENOENT, "no model %s", name);
    *out = mn_calloc(1, sizeof **out);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory");
}

void mn_model_close(mn_model **model) {
    mn_free(*model);
    *model = NULL;
}

void mn_model_describe(const mn_model *model, mn_model_info *out) {
    *out = (mn_model_info){.n_context = ROOM};
}

void mn_cancel(mn_model *model) {
    model->cancel = 1;
}

mn_request mn_request_default(void) {
    return (mn_request){.temp = 1};
}

/* Bytes of the turns from `from` on. */
static size_t room_for(const mn_request *r, size_t from) {
    size_t n = 0;
    for (size_t i = from; i < r->n_turns; i++) n += strlen(r->turns[i].content);
    return n;
}

static int slow(mn_model *model, const mn_request *r) {
    while (!model->cancel) {
        if (r->on_text(r->user, "z", 1)) break;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return 0;
}

/* Time to type ahead. Too little on a busy machine: then the keys come late, which is right too. */
static int lag(const mn_request *r) {
    r->on_text(r->user, "ready", 5);
    return nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL) * 0;
}

int mn_answer(mn_model *model, const mn_request *r, mn_stats *stats) {
    size_t from = 0;
    char text[4096];
    *stats = (mn_stats){.finish = "stop", .tokens = 1, .prompt_tokens = 5};
    if (r->n_turns > 1) stats->cached_tokens = 3;
    model->cancel = 0;
    while (room_for(r, from) > ROOM) {
        if (!r->drop_oldest || from + 2 >= r->n_turns)
            return MN_FAIL(MN_ETOOLONG, "too long by %zu", room_for(r, from) - ROOM);
        from += 2;
    }
    stats->dropped_turns = (int32_t)from;
    const char *last = r->turns[r->n_turns - 1].content;
    if (strcmp(last, "fail") == 0) return MN_FAIL(MN_EIO, "the engine failed");
    if (strcmp(last, "empty") == 0) return 0;
    if (strcmp(last, "slow") == 0) {
        stats->finish = "cancelled";
        return slow(model, r);
    }
    if (strcmp(last, "wait") == 0) return lag(r);
    if (strcmp(last, "opts") == 0) {
        snprintf(text, sizeof text, "temp %g seed %llu system %s", (double)r->temp,
                 (unsigned long long)r->seed, r->system ? r->system : "-");
        r->on_text(r->user, text, strlen(text));
        return 0;
    }
    for (size_t i = from; i < r->n_turns; i++) {
        const int n = snprintf(text, sizeof text, "%s%c:%s", i > from ? "|" : "", *r->turns[i].role,
                               r->turns[i].content);
        if (r->turns[i].role[0] == 'a') continue; /* answers would grow without end */
        if (r->on_text(r->user, text, (size_t)n)) return 0;
    }
    return 0;
}

int mn_cli_write(const char *bytes, size_t n) {
    while (n) {
        const ssize_t k = write(STDOUT_FILENO, bytes, n);
        if (k < 0 && errno == EINTR) continue; /* Ctrl-C, while the terminal was full */
        if (k <= 0) return MN_FAIL(MN_EIO, "cannot write");
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

/* ---- harness --------------------------------------------------------------------------------- */
static char data_folder[] = "/tmp/omnesia-chat-XXXXXX";

/* The command in this (child) process; its exit status. */
static int command(int argc, char **argv) {
    char options[4096] __attribute__((aligned(16))) = {0};
    const char *words[32];
    int n_words;
    const mn_cli_command *c = &mn_cli_command_chat;
    if (c->size > sizeof options) return 99;
    int rc = mn_opt_parse(c->options, options, NULL, 0, argc, argv, words, &n_words);
    if (rc >= 0) rc = c->run(options, n_words, words);
    if (rc < 0) fprintf(stderr, "omnesia: %s\n", mn_error_detail());
    mn_opt_free(c->options, options);
    return rc < 0 ? 1 : rc;
}

/* chat with these arguments (NULL ends) and this standard input. */
static cli_run talk(const char *input, char **argv) {
    static char text[2][RUN_MAX];
    int fd[3], argc = 0, status = 0;
    while (argv[argc]) argc++;
    for (int i = 0; i < 3; i++) fd[i] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(write(fd[0], input, strlen(input)), strlen(input));
    lseek(fd[0], 0, SEEK_SET);
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++) dup2(fd[i], i);
        status = command(argc, argv);
        fflush(stderr);
        _exit(status);
    }
    waitpid(child, &status, 0);
    close(fd[0]);
    run_slurp(fd[1], text[0]);
    run_slurp(fd[2], text[1]);
    return (cli_run){WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text[0],
                     text[1]};
}

#define TALK(input, ...) talk(input, (char *[]){(char *)"chat", (char *)"-m", __VA_ARGS__, NULL})
#define TOY              ((char *)"toy")

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* ---- from a pipe ----------------------------------------------------------------------------- */
static void conversation(void **state) {
    (void)state;
    cli_run r = TALK("hello\n\n  \nagain\n/clear\nnew\n", TOY);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "u:hello\nu:hello|u:again\nu:new\n");
    assert_string_equal(r.err, "");
    r = TALK("two\\\nlines\nlast line without end", TOY);
    assert_string_equal(r.out, "u:two\nlines\nu:two\nlines|u:last line without end\n");
    r = TALK("", TOY);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "");
    r = TALK("x\n", (char *)"nosuch");
    assert_int_equal(r.status, 1);
    assert_has(r.err, "no model nosuch");
}

static void commands(void **state) {
    (void)state;
    cli_run r = TALK("opts\n/set temp 0.25\n/system Be kind.\n/system\nopts\n/quit\nnever\n", TOY,
                     (char *)"--seed", (char *)"7", (char *)"--system", (char *)"");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "temp 0.8 seed 7 system -\ntemp 0.25 seed 7 system Be kind.\n");
    assert_string_equal(r.err, "Be kind.\n");
    r = TALK("opts\n/regen\n/stats\n/help\n/set\n", TOY, (char *)"--seed", (char *)"7");
    assert_has(r.out, "seed 7");
    assert_has(r.out, "seed 8");
    assert_has(r.err, "2 turns; 6 of 120 tokens of context; ended by: stop");
    assert_has(r.err, "5 tokens read, ");
    assert_has(r.err, "/regen");
    assert_has(r.err, "top-k 40");
    assert_has(TALK("hi\nagain\n/stats\n", TOY).err, "5 tokens read (3 cached), ");
    r = TALK(
        "/regn\n/set temp hot\n/set model x\n/set tmp 1\n/set temp\n/file\n/regen\n/stats\nhi\n",
        TOY);
    assert_int_equal(r.status, 1); /* it went on, but remembers */
    assert_string_equal(r.out, "u:hi\n");
    assert_has(r.err, "did you mean /regen?");
    assert_has(r.err, "'hot' is not allowed");
    assert_has(r.err, "model cannot be changed");
    assert_has(r.err, "did you mean --temp?");
    assert_has(r.err, "/set temp 0.7");
    assert_has(r.err, "wants the name of a file");
    assert_has(r.err, "no answer yet to make again");
}

static void documents(void **state) {
    (void)state;
    char path[] = "/tmp/omnesia-chat-doc-XXXXXX", words[200], expected[500];
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, "data", 4), 4);
    close(fd);
    snprintf(words, sizeof words, "q1\n/file %s\nq2\n/file /nonexistent\n", path);
    cli_run r = TALK(words, TOY, (char *)"-f", path);
    snprintf(expected, sizeof expected, "u:<document name=\"%s\">\ndata\n</document>\n\nq1\n",
             path);
    assert_has(r.out, expected);
    snprintf(expected, sizeof expected, "|u:<document name=\"%s\">\ndata\n</document>\n\nq2\n",
             path);
    assert_int_equal(r.status, 1);
    assert_has(r.err, "/nonexistent");
    unlink(path);
    r = TALK("q\n", TOY, (char *)"-f", path);
    assert_int_equal(r.status, 1);
    assert_has(r.err, path);
}

static void full_context(void **state) {
    (void)state;
    char input[1000] = "";
    for (int i = 0; i < 6; i++)
        snprintf(input + strlen(input), 100, "question %d %s\n", i, i == 5 ? "last" : "");
    cli_run r = TALK(input, TOY);
    assert_int_equal(r.status, 0);
    assert_has(r.err, "the context is full: the ");
    assert_has(r.err, "oldest turns were left out");
    assert_has(r.out, "question 5 last\n");
    assert_null(strstr(strstr(r.out, "question 4 \n") + 12, "question 0"));
    char longest[300] = {0};
    memset(longest, 'x', 200);
    strcat(longest, "\nok\n");
    r = TALK(longest, TOY); /* one question too long: said, and the next one is answered */
    assert_int_equal(r.status, 1);
    assert_has(r.err, "too long by 80");
    assert_string_equal(r.out, "u:ok\n");
}

/* A question without an answer is taken back, so that turns go on alternating. */
static void failures(void **state) {
    (void)state;
    cli_run r = TALK("one\nfail\nempty\ntwo\n", TOY);
    assert_int_equal(r.status, 1);
    assert_has(r.err, "the engine failed");
    assert_string_equal(r.out, "u:one\n\nu:one|u:two\n");
}

/* ---- on a terminal -------------------------------------------------------------------------- */
static char screen[1 << 16];
static size_t on_screen;

/* Read for at most `ms`; 1 when `text` then stands on the screen, which is cleared. */
static int shows(int fd, const char *text, int ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!strstr(screen, text)) {
        if (poll(&p, 1, ms) <= 0) return 0;
        const ssize_t k = read(fd, screen + on_screen, sizeof screen - 1 - on_screen);
        if (k <= 0) return 0;
        on_screen += (size_t)k;
        screen[on_screen] = 0;
    }
    on_screen = 0;
    screen[0] = 0;
    return 1;
}

static void await(int fd, const char *text) {
    if (!shows(fd, text, 10000)) fail_msg("the terminal shows \"%s\", not \"%s\"", screen, text);
}

static void type(int fd, const char *keys) {
    assert_int_equal(write(fd, keys, strlen(keys)), strlen(keys));
}

/* A control key until it works: libedit shows its prompt just before it takes the keys over. */
static void insist(int fd, const char *key, const char *text) {
    for (int times = 0; times < 100; times++) {
        type(fd, key);
        if (shows(fd, text, 100)) return;
    }
    fail_msg("the terminal shows \"%s\", not \"%s\"", screen, text);
}

static pid_t on_terminal(int *fd) {
    const pid_t child = forkpty(fd, NULL, NULL, NULL);
    if (child == 0) {
        char *argv[] = {(char *)"chat", (char *)"-m", (char *)"toy", NULL};
        setenv("TERM", "xterm", 1);
        _exit(command(3, argv));
    }
    assert_true(child > 0);
    return child;
}

/* The exit status of the child after these keys, typed once. */
static int ended(pid_t child, int fd, const char *keys) {
    int status = -1;
    pid_t gone = 0;
    type(fd, keys);
    for (int times = 0; times < 1000 && !gone; times++) {
        shows(fd, "\1", 10);
        gone = waitpid(child, &status, WNOHANG);
    }
    close(fd);
    if (!gone) waitpid(child, &status, 0); /* it has lost its terminal */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void terminal(void **state) {
    (void)state;
    int fd;
    pid_t child = on_terminal(&fd);
    await(fd, "conversation.\r\n> ");
    type(fd, "hello\n");
    await(fd, "u:hello\r\n> ");
    type(fd, "slow\n"); /* Ctrl-C ends the answer, not the program */
    await(fd, "zzz");
    insist(fd, "\x03", "\r\n> ");
    type(fd, "/stats\n");
    await(fd, "ended by: cancelled\r\n> ");
    type(fd, "half a line"); /* and a line not finished */
    insist(fd, "\x03", "\r\n> ");
    type(fd, "c\xc3\xa9\n");
    await(fd, "|u:c\xc3\xa9\r\n> ");
    type(fd, "\x10\x10\x10\x10\n"); /* Ctrl-P: back through the history to the first line */
    await(fd, "|u:hello\r\n> ");
    assert_int_equal(ended(child, fd, "\x04"), 0);
    child = on_terminal(&fd); /* the history is there again */
    await(fd, "> ");
    type(fd, "\x10\n");
    await(fd, "u:hello\r\n> ");
    assert_int_equal(ended(child, fd, "/quit\n"), 0);
}

/* Keys typed while an answer is written count when it is there. Ctrl-D among them once became a
 * zero byte, which made libedit take the next key, another Ctrl-D, as text. */
static void typed_ahead(void **state) {
    (void)state;
    int fd;
    pid_t child = on_terminal(&fd);
    await(fd, "conversation.\r\n> ");
    type(fd, "wait\n");
    await(fd, "ready");
    type(fd, "more\n");
    await(fd, "u:wait|u:more\r\n> ");
    type(fd, "wait\n");
    await(fd, "ready");
    assert_int_equal(ended(child, fd, "\x04"), 0);
    child = on_terminal(&fd);
    await(fd, "conversation.\r\n> ");
    assert_int_equal(write(fd, "\0\x10\x10\n", 4), 4); /* Ctrl-Space, and back in the history */
    await(fd, "u:more\r\n> ");
    assert_int_equal(ended(child, fd, "\x04"), 0);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(data_folder)) return -1;
    return setenv("OMNESIA_DATA", data_folder, 1);
}

static int remove_folder(void **state) {
    (void)state;
    char path[100];
    snprintf(path, sizeof path, "%s/chat_history", data_folder);
    unlink(path);
    return rmdir(data_folder);
}

/* A model may repeat what somebody hid in its memory. */
static void what_a_model_says_steers_no_terminal(void **state) {
    (void)state;
    int fd;
    setenv("OMNESIA_SYSTEM", "x\033[2Jy\302\2332Jz\342\200\256.", 1);
    const pid_t child = on_terminal(&fd);
    await(fd, "> ");
    type(fd, "opts\r");
    await(fd, "system x?[2Jy?2Jz?.");
    unsetenv("OMNESIA_SYSTEM");
    assert_int_equal(ended(child, fd, "/quit\r"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversation),
        cmocka_unit_test(commands),
        cmocka_unit_test(documents),
        cmocka_unit_test(full_context),
        cmocka_unit_test(failures),
        cmocka_unit_test(terminal),
        cmocka_unit_test(what_a_model_says_steers_no_terminal),
        cmocka_unit_test(typed_ahead),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
