/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chat.c - `omnesia chat`: a conversation, line by line.
 *
 * Each line is a question, or a command when it begins with '/'. Answers go to standard output,
 * all else to standard error. Ctrl-C ends the answer, not the program. What does not fit the
 * context any more is left out, oldest exchanges first, and said. An error of one answer is
 * shown and the conversation goes on; the exit status remembers it.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "cli/chat_line.h"
#include "cli/chat_mem.h"
#include "cli/generate.h"
#include "cli/mem.h"
#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct chat_options {
    mn_cli_common common;
    mn_cli_generate generate;
    mn_cli_chat_mem memory;
    int no_memory;
} chat_options;

#define MEMORY(field) offsetof(chat_options, memory.field)
static const mn_opt options[] = {
    {.kind = MN_OPT_ROWS, .offset = offsetof(chat_options, generate), .rows = mn_cli_generate_rows},
    MN_CLI_SCOPE_ROWS(MEMORY,
                      "remember for NAME: what was said before is recalled, what is said is kept"),
    MN_CLI_ORGANISE_ROW(MEMORY(organise)),
    {MN_CLI_COUNT(0, "recall", MEMORY(budget), 1 << 20, "500",
                  "tokens of what is recalled for a question, at most")},
    {.kind = MN_OPT_FLAG,
     .name = "no-memory",
     .no_env = 1,
     .offset = offsetof(chat_options, no_memory),
     .help = "recall and keep nothing"},
    MN_CLI_COMMON,
    {0}};

typedef struct chat {
    mn_cli_generate o; /* /set writes here */
    char *system;      /* of /system; o.system points at it */
    mn_turn *turn;     /* user, assistant, user ...; contents are ours */
    size_t n_turns, cap;
    mn_buf first;  /* documents of -f: before the oldest question that is left */
    mn_buf next;   /* documents of /file: before the next question */
    mn_buf answer; /* text so far */
    mn_cli_chat_mem memory;
    char *recalled;   /* for the last question; NULL: nothing */
    mn_cli_bar bar;   /* of reading the prompt */
    mn_stats stats;   /* of the last answer */
    int write_failed; /* standard output is gone */
    int forgotten;    /* a piece of the answer could not be kept */
    int quit, failed;
} chat;

/* ---- Ctrl-C, and the end --------------------------------------------------------------------- */
static mn_model *model;
static volatile sig_atomic_t interrupted, ended; /* ended: by which signal */

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    mn_model *running = model;
    if (running) mn_cancel(running);
}

/* The machine, or the terminal, goes: what was computed is brought to disk first. */
static void on_end(int signal_number) {
    ended = signal_number;
    signal(signal_number, SIG_DFL); /* a second one ends the program */
    on_interrupt(signal_number);
}

/* Without SA_RESTART: reading a line ends too. */
static void catch_interrupts(void) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = on_end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* ---- turns ----------------------------------------------------------------------------------- */
static int add_turn(chat *c, const char *role, const char *documents, const char *content) {
    if (c->n_turns == c->cap) {
        const size_t cap = c->cap ? c->cap * 2 : 16;
        mn_turn *turn = mn_realloc(c->turn, cap * sizeof *turn);
        if (!turn) return MN_FAIL(MN_ENOMEM, "no memory for %zu turns", cap);
        c->turn = turn;
        c->cap = cap;
    }
    mn_buf text = {0};
    int rc = mn_buf_puts(&text, documents ? documents : "");
    if (rc >= 0) rc = mn_buf_puts(&text, content);
    if (rc >= 0)
        c->turn[c->n_turns++] = (mn_turn){role, text.data};
    else
        mn_buf_free(&text);
    return rc;
}

/* Forget turns [from, from + n). */
static void forget(chat *c, size_t from, size_t n) {
    if (!n) return; /* there may be no list yet */
    for (size_t i = from; i < from + n; i++) mn_free((char *)c->turn[i].content);
    memmove(c->turn + from, c->turn + from + n, (c->n_turns - from - n) * sizeof *c->turn);
    c->n_turns -= n;
}

/* ---- asking ---------------------------------------------------------------------------------- */
static int on_text(void *user, const char *text, size_t n) {
    chat *c = user;
    mn_cli_progress_clear(&c->bar);
    if (interrupted) return 1;
    c->write_failed = mn_cli_say(text, n) < 0;
    c->forgotten = !c->write_failed && mn_buf_append(&c->answer, text, n) < 0;
    return c->write_failed || c->forgotten;
}

static void say_what_was_left_out(chat *c) {
    size_t n = (size_t)c->stats.dropped_turns;
    if (!n) return;
    if (n > c->n_turns) n = c->n_turns;
    fprintf(stderr, "(the context is full: the %zu oldest turns were left out and are forgotten)\n",
            n);
    forget(c, 0, n);
}

/* Answer the last turn, which is the user's. */
static int answer(chat *c) {
    mn_request r = mn_cli_request(&c->o);
    mn_buf opening = {0}; /* the oldest question with the documents before it */
    mn_turn oldest = c->turn[0];
    if (c->first.len) {
        MN_TRY(mn_buf_append(&opening, c->first.data, c->first.len));
        const int rc = mn_buf_puts(&opening, oldest.content);
        if (rc < 0) mn_buf_free(&opening);
        MN_TRY(rc);
        c->turn[0].content = opening.data;
    }
    mn_buf_clear(&c->answer);
    c->forgotten = 0;
    r.turns = c->turn;
    r.n_turns = c->n_turns;
    r.drop_oldest = 1;
    r.recalled = c->recalled;
    r.on_text = on_text;
    r.user = c;
    r.progress = mn_cli_progress(&c->bar);
    interrupted = 0;
    int rc = mn_answer(model, &r, &c->stats);
    if (rc == MN_ETOOLONG && r.recalled) { /* nobody's memory may keep anybody from asking */
        fputs("(what was remembered has no room beside the question)\n", stderr);
        r.recalled = NULL;
        rc = mn_answer(model, &r, &c->stats);
    }
    mn_cli_progress_clear(&c->bar);
    c->turn[0] = oldest;
    mn_buf_free(&opening);
    MN_TRY(rc);
    if (c->write_failed) return MN_FAIL(MN_EIO, "nobody reads the answer");
    MN_TRY(mn_cli_write("\n", 1));
    mn_cli_full(&c->stats);
    if (c->forgotten)
        return MN_FAIL(MN_ENOMEM, "no memory to remember the answer, which is cut short here");
    say_what_was_left_out(c);
    return c->answer.len ? add_turn(c, "assistant", NULL, c->answer.data) : 0;
}

/* Answer, and take the question back when there is none, so that turns go on alternating. */
static int answer_or_retract(chat *c) {
    const int rc = answer(c);
    if (c->n_turns && strcmp(c->turn[c->n_turns - 1].role, "user") == 0)
        forget(c, c->n_turns - 1, 1);
    return rc;
}

static int ask(chat *c, const char *text) {
    MN_TRY(add_turn(c, "user", c->next.data, text));
    mn_buf_clear(&c->next);
    mn_free_text(c->recalled);
    if (mn_cli_chat_recall(&c->memory, text, &c->recalled) < 0)
        fprintf(stderr, "(nothing is recalled: %s)\n", mn_error_detail());
    MN_TRY(answer_or_retract(c));
    return mn_cli_chat_remember(&c->memory, text, c->answer.len ? c->answer.data : "");
}

/* ---- commands -------------------------------------------------------------------------------- */
typedef struct word {
    const char *name, *argument, *help;
    int (*run)(chat *c, const char *argument); /* "" when there is none */
} word;
static int run_system(chat *c, const char *argument) {
    if (!*argument) {
        fprintf(stderr, "%s\n", c->o.system && *c->o.system ? c->o.system : "(the template's own)");
        return 0;
    }
    char *text = mn_strdup(argument);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a system message");
    mn_free(c->system);
    c->o.system = c->system = text;
    return 0;
}

static int run_clear(chat *c, const char *argument) {
    (void)argument;
    forget(c, 0, c->n_turns);
    mn_buf_clear(&c->next);
    return 0;
}

static int run_file(chat *c, const char *argument) {
    const mn_opt_list one = {.item = &argument, .n = 1};
    if (!*argument) return MN_FAIL(MN_EINVAL, "/file wants the name of a file");
    const size_t before = c->next.len;
    MN_TRY(mn_cli_documents(&one, &c->next));
    fprintf(stderr, "(%zu bytes go before the next question)\n", c->next.len - before);
    return 0;
}

static int settable(const mn_opt *row) {
    return (row->kind == MN_OPT_INT || row->kind == MN_OPT_U64 || row->kind == MN_OPT_FLOAT ||
            row->kind == MN_OPT_CHOICE) &&
           strcmp(row->name, "threads") != 0 && strcmp(row->name, "numerics") != 0;
}

static int show_setting(void *user, const mn_opt *row) {
    const char *field = (const char *)&((chat *)user)->o + row->offset;
    if (!settable(row)) return 0;
    if (row->kind == MN_OPT_FLOAT)
        fprintf(stderr, "  %s %g\n", row->name, (double)*(const float *)(const void *)field);
    else if (row->kind == MN_OPT_U64)
        fprintf(stderr, "  %s %llu\n", row->name,
                (unsigned long long)*(const uint64_t *)(const void *)field);
    else if (row->kind == MN_OPT_INT)
        fprintf(stderr, "  %s %d\n", row->name, *(const int32_t *)(const void *)field);
    else
        fprintf(stderr, "  %s %s\n", row->name, row->choices);
    return 0;
}

static int run_set(chat *c, const char *argument) {
    char name[64];
    const size_t n = strcspn(argument, " \t");
    const char *value = argument + n + strspn(argument + n, " \t");
    if (!*argument) return mn_opt_each(mn_cli_generate_rows, show_setting, c);
    if (n >= sizeof name || !*value)
        return MN_FAIL(MN_EINVAL, "/set wants a name and a value, such as /set temp 0.7");
    memcpy(name, argument, n);
    name[n] = 0;
    for (const mn_opt *row = mn_cli_generate_rows; row->kind; row++)
        if (strcmp(row->name, name) == 0 && !settable(row))
            return MN_FAIL(MN_EINVAL, "%s cannot be changed in a conversation", name);
    return mn_opt_set(mn_cli_generate_rows, &c->o, name, value);
}

/* The same question with other random numbers. */
static int run_regen(chat *c, const char *argument) {
    (void)argument;
    if (c->n_turns < 2) return MN_FAIL(MN_EINVAL, "there is no answer yet to make again");
    forget(c, c->n_turns - 1, 1);
    if (c->o.seed) c->o.seed++;
    return answer_or_retract(c);
}

static int run_stats(chat *c, const char *argument) {
    (void)argument;
    if (!c->stats.finish) return MN_FAIL(MN_EINVAL, "there is no answer yet");
    mn_model_info info;
    mn_model_describe(model, &info);
    mn_cli_facts(&c->stats, c->stats.first_token_ms);
    fprintf(stderr, "%zu turns; %d of %d tokens of context; ended by: %s\n", c->n_turns,
            c->stats.prompt_tokens + c->stats.tokens,
            c->o.context > 0 ? c->o.context : info.n_context, c->stats.finish);
    return 0;
}

static int run_memory(chat *c, const char *argument) {
    mn_cli_chat_mem *const m = &c->memory;
    if (!m->mem)
        return MN_FAIL(MN_EINVAL, "there is no memory: `omnesia chat --user NAME` has one");
    if (strcmp(argument, "on") == 0 || strcmp(argument, "off") == 0)
        m->off = argument[1] == 'f';
    else if (*argument)
        return MN_FAIL(MN_EINVAL, "/memory wants on or off");
    fprintf(stderr, "memory of %s is %s\n", m->user, m->off ? "off" : "on");
    if (!c->recalled || m->off) return 0;
    mn_buf shown = {0};
    const int rc = mn_buf_show(&shown, c->recalled, strlen(c->recalled), "\n");
    if (rc >= 0) fputs(shown.data, stderr);
    mn_buf_free(&shown);
    return rc;
}

static int run_quit(chat *c, const char *argument) {
    (void)argument;
    c->quit = 1;
    return 0;
}

static int run_help(chat *c, const char *argument);

static const word words[] = {
    {"help", "", "show this", run_help},
    {"system", "[TEXT]", "what the model is told about its role", run_system},
    {"clear", "", "forget the conversation; documents of -f stay", run_clear},
    {"file", "FILE", "put this file before the next question", run_file},
    {"set", "[NAME VALUE]", "change an option: /set temp 0.7", run_set},
    {"memory", "[on|off]", "what came to mind of the last question; switch it", run_memory},
    {"regen", "", "answer the last question again", run_regen},
    {"stats", "", "the facts of the last answer", run_stats},
    {"quit", "", "end, like Ctrl-D", run_quit},
    {0},
};

static int run_help(chat *c, const char *argument) {
    (void)c;
    (void)argument;
    for (const word *w = words; w->name; w++)
        fprintf(stderr, "  /%s %-*s %s\n", w->name, (int)(22 - strlen(w->name)), w->argument,
                w->help);
    return 0;
}

static int command(chat *c, const char *line) {
    const size_t n = strcspn(line, " \t");
    const char *argument = line + n + strspn(line + n, " \t");
    const char *names[16];
    char name[32];
    size_t count = 0;
    snprintf(name, sizeof name, "%.*s", n < 31 ? (int)n : 31, line);
    for (const word *w = words; w->name; w++) {
        if (strcmp(w->name, name) == 0) return w->run(c, argument);
        names[count++] = w->name;
    }
    const char *near = mn_opt_nearest(name, names, count);
    if (near) return MN_FAIL(MN_EINVAL, "unknown command /%s; did you mean /%s?", name, near);
    return MN_FAIL(MN_EINVAL, "unknown command /%s; /help lists them", name);
}

/* ---- the conversation ------------------------------------------------------------------------ */
static int blank(const char *text) {
    return text[strspn(text, " \t\r\n")] == 0;
}

static int one_line(chat *c, const mn_buf *line) {
    if (!line->len || blank(line->data)) return 0;
    if (memchr(line->data, 0, line->len))
        return MN_FAIL(MN_EINVAL, "the line has a zero byte; only text can be read");
    return line->data[0] == '/' ? command(c, line->data + 1) : ask(c, line->data);
}

static int converse(chat *c, mn_cli_line *lines) {
    mn_buf line = {0};
    int rc = 0;
    while (!c->quit && !c->write_failed && !ended) {
        interrupted = 0;
        rc = mn_cli_line_read(lines, &line);
        if (rc == MN_ECANCELLED) {
            fputs("\n", stderr);
            continue;
        }
        if (rc <= 0) break;
        rc = one_line(c, &line);
        if (rc >= 0 || c->write_failed) continue;
        c->failed = 1;
        fprintf(stderr, "omnesia: %s\n", mn_error_detail());
    }
    mn_buf_free(&line);
    return rc < 0 && !c->failed ? rc : 0;
}

static void free_chat(chat *c) {
    forget(c, 0, c->n_turns);
    mn_free(c->turn);
    mn_free(c->system);
    mn_buf_free(&c->first);
    mn_buf_free(&c->next);
    mn_buf_free(&c->answer);
    mn_free_text(c->recalled);
}

static int run(const void *opaque, int n_words, const char *const *arguments) {
    const chat_options *o = opaque;
    (void)n_words;
    (void)arguments;
    chat c = {.o = o->generate, .memory = o->memory};
    if (o->no_memory || !c.memory.user || !*c.memory.user) c.memory.user = NULL;
    mn_cli_line *lines = NULL;
    mn_region *region = NULL;
    int rc = mn_cli_generate_check(&c.o);
    if (rc >= 0) rc = mn_cli_documents(&c.o.files, &c.first);
    if (rc >= 0) rc = mn_cli_generate_open(&c.o, &region, &model);
    if (rc >= 0) rc = mn_cli_chat_mem_open(&c.memory, region, c.o.private_);
    if (rc >= 0) rc = mn_cli_line_open(&lines);
    if (rc >= 0) {
        catch_interrupts();
        if (mn_cli_line_on_terminal(lines))
            fprintf(stderr,
                    "%s. /help lists the commands, Ctrl-C ends an answer, Ctrl-D the "
                    "conversation.\n",
                    c.o.model);
        rc = converse(&c, lines);
    }
    mn_cli_line_close(&lines);
    signal(SIGINT, SIG_DFL);
    mn_cli_chat_mem_close(&c.memory);
    mn_model_close(&model);
    mn_region_close(&region);
    free_chat(&c);
    return ended ? 128 + ended : rc < 0 ? rc : c.failed;
}

const mn_cli_command mn_cli_command_chat = {
    .name = "chat",
    .run = run,
    .options = options,
    .size = sizeof(chat_options),
    .max_words = 0,
    .usage = "[-m MODEL] [-f FILE].. [--user NAME]",
    .summary = "talk with a model",
    .about = "Each line is a question; a line that ends with a backslash goes on in the next. A "
             "line that begins with / is a command: /help lists them. Ctrl-C ends an answer, "
             "Ctrl-D the conversation. Lines may come from a pipe.\n\n"
             "`-f FILE` puts a file's text before the first question, marked as data with its "
             "name. When the context is full the oldest turns are left out, and a sentence says "
             "so. The lines you type are kept in the data folder.\n\n"
             "With `--user NAME` (or OMNESIA_USER) the conversation has a memory, the one of "
             "`omnesia mem`: before each answer what was said earlier, by whatever program, is "
             "searched and shown to the model as data; after it your line and the answer are kept "
             "as they are. /memory off switches it off, `omnesia mem forget` takes it back."};
