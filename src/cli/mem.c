/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem.c - `omnesia mem`: what agents remember. This file has the table of verbs, the options,
 * and the verbs about single records; mem_ask.c and mem_carry.c have the others.
 */
#include "cli/mem.h"

#include "base/file.h"
#include "base/when.h"
#include "cli/json.h"
#include "cli/objects.h"
#include "cli/progress.h"
#include "serve/record.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *mn_cli_user(const char *given) {
    static char number[32];
    if (given && *given) return given;
    const struct passwd *const p = getpwuid(getuid());
    if (p && p->pw_name && *p->pw_name) return p->pw_name;
    snprintf(number, sizeof number, "uid-%u", (unsigned)getuid());
    return number;
}

/* ---- showing ------------------------------------------------------------------------------ */
static const char *date_of(const mn_record *r, char out[MN_WHEN_TEXT]) {
    if (r->from == MN_UNKNOWN) return *r->time ? r->time : "time unknown";
    mn_when_text(r->from, out);
    if (strlen(out) > 16) out[16] = 0; /* minutes */
    out[10] = out[10] == 'T' ? ' ' : out[10];
    return out;
}

/* `#12  2023-05-08 13:56  Ann: text`, further lines of the text indented. */
static int show_line(mn_cli_mem *m, const mn_record *r) {
    char when[MN_WHEN_TEXT], until[MN_WHEN_TEXT];
    mn_buf *const out = &m->out;
    const char *const date = date_of(r, when);
    MN_TRY(mn_buf_printf(out, "#%lld  ", (long long)r->id));
    MN_TRY(mn_buf_show(out, date, strlen(date), " "));
    MN_TRY(mn_buf_puts(out, "  "));
    MN_TRY(mn_buf_show(out, r->speaker, strlen(r->speaker), " "));
    if (*r->speaker) MN_TRY(mn_buf_puts(out, ": "));
    MN_TRY(mn_buf_show(out, r->text, r->n, "\n    "));
    if (r->expired != MN_UNKNOWN || r->until != MN_UNKNOWN)
        MN_TRY(
            mn_buf_printf(out, "  (until %s)",
                          r->until == MN_UNKNOWN ? "it changed" : mn_when_text(r->until, until)));
    return mn_buf_puts(out, "\n");
}

int mn_cli_mem_show(mn_cli_mem *m, const mn_record *r, int searched) {
    if (m->o->json) return mn_cli_json(mn_record_json(r, searched), &m->out);
    return show_line(m, r);
}

typedef struct results {
    mn_cli_mem *m;
    json_t *list;
    int searched, rc;
} results;

static int add_result(void *user, const mn_record *r) {
    results *const to = user;
    if (!to->m->o->json)
        to->rc = show_line(to->m, r);
    else if (json_array_append_new(to->list, mn_record_json(r, to->searched)) < 0)
        to->rc = MN_FAIL(MN_ENOMEM, "no memory for the results");
    return to->rc < 0;
}

/* {"results": [...]}, or lines. */
static int find(mn_cli_mem *m, const mn_find *what) {
    results to = {.m = m, .searched = what->query != NULL};
    if (m->o->json) to.list = json_array();
    const int n = mn_mem_find(m->mem, &m->scope, what, add_result, &to);
    const int rc = to.rc < 0 ? to.rc : n;
    if (rc < 0 || !m->o->json) {
        json_decref(to.list);
        if (rc >= 0 && !n && isatty(STDERR_FILENO))
            fprintf(stderr, "nothing of %s%s\n", m->scope.user, what->query ? " fits" : "");
        return rc;
    }
    return mn_cli_json(json_pack("{s:o}", "results", to.list), &m->out);
}

static mn_find asked(const mn_cli_mem *m) {
    const mn_cli_mem_options *const o = m->o;
    return (mn_find){.k = o->k,
                     .budget = o->budget,
                     .as_of = o->as_of,
                     .session = o->session,
                     .source = o->source,
                     .ref = o->ref,
                     .kind = o->kind,
                     .value = o->value,
                     .key = o->key,
                     .times = o->when,
                     .rank = o->rank};
}

/* ---- verbs -------------------------------------------------------------------------------- */
static int id_of(const char *word, int64_t *id) {
    char *end;
    if (*word == '#') word++;
    *id = strtoll(word, &end, 10);
    if (*word >= '0' && *word <= '9' && !*end && *id > 0) return 0;
    return MN_FAIL(MN_CLI_USAGE, "%s is no id: `omnesia mem list` shows them", word);
}

int mn_cli_mem_text(int n, const char *const *words, mn_buf *out) {
    if (n == 1 && strcmp(words[0], "-") == 0)
        return mn_file_read("-", (size_t)MN_RECORD_MAX + 1, out);
    for (int i = 0; i < n; i++) {
        if (i) MN_TRY(mn_buf_puts(out, " "));
        MN_TRY(mn_buf_puts(out, words[i]));
    }
    return 0;
}

static mn_record record_of(const mn_cli_mem *m, const mn_buf *text) {
    const mn_cli_mem_options *const o = m->o;
    size_t n = text->len;
    while (n && text->data[n - 1] == '\n') n--;
    return (mn_record){.text = text->data,
                       .n = n,
                       .time = o->time,
                       .session = o->session,
                       .speaker = o->speaker,
                       .ref = o->ref,
                       .source = o->source,
                       .kind = o->kind};
}

static int say_id(mn_cli_mem *m, int64_t id) {
    return mn_buf_printf(&m->out, m->o->json ? "{\"id\":%lld}\n" : "#%lld\n", (long long)id);
}

static int add(mn_cli_mem *m) {
    mn_buf text = {0};
    int64_t id;
    int rc = mn_cli_mem_text(m->n, m->words, &text);
    const mn_record r = record_of(m, &text);
    if (rc >= 0) rc = mn_mem_add(m->mem, &m->scope, &r, 1, &id);
    mn_buf_free(&text);
    return rc < 0 ? rc : say_id(m, id);
}

static int search(mn_cli_mem *m) {
    mn_buf text = {0};
    mn_find what = asked(m);
    int rc = mn_cli_mem_text(m->n, m->words, &text);
    what.query = text.data;
    if (rc >= 0) rc = find(m, &what);
    mn_buf_free(&text);
    return rc;
}

static int get(mn_cli_mem *m) {
    mn_find what = {.as_of = m->o->as_of};
    MN_TRY(id_of(m->words[0], &what.id));
    return find(m, &what);
}

static int history(mn_cli_mem *m) {
    mn_find what = {.versions = 1};
    const mn_find edges = {.kind = "edge", .ref = m->words[0], .as_of = m->o->as_of};
    const char *const word = m->words[0] + (*m->words[0] == '#');
    if (word[strspn(word, "0123456789")]) return find(m, &edges); /* no id: a name */
    MN_TRY(id_of(m->words[0], &what.id));
    return find(m, &what);
}

static int list(mn_cli_mem *m) {
    const mn_find what = asked(m);
    return find(m, &what);
}

static int update(mn_cli_mem *m) {
    mn_buf text = {0};
    int64_t id;
    MN_TRY(id_of(m->words[0], &id));
    int rc = mn_cli_mem_text(m->n - 1, m->words + 1, &text);
    const mn_record r = record_of(m, &text);
    if (rc >= 0) rc = mn_mem_update(m->mem, &m->scope, id, &r);
    mn_buf_free(&text);
    return rc < 0 ? rc : say_id(m, id);
}

/* Others have what they computed of it. */
static void say_what_stays(const mn_cli_mem *m, int64_t gone) {
    if (gone > 0 && !m->region)
        fprintf(stderr, "(no region is used here: what one may hold that was computed of this "
                        "stays in it; `omnesia region forget --since TIME` removes it)\n");
}

static int forget(mn_cli_mem *m) {
    mn_find what = asked(m);
    int64_t gone = 0;
    if (m->o->all && (m->n || what.session || what.source || what.ref || what.kind))
        return MN_FAIL(MN_CLI_USAGE, "forget --all means everything: it goes with nothing else");
    if (m->n) {
        for (int i = 0; i < m->n; i++) MN_TRY(id_of(m->words[i], &what.id));
        for (int i = 0; i < m->n; i++) {
            id_of(m->words[i], &what.id);
            const int64_t one = mn_mem_forget(m->mem, &m->scope, &what, 0);
            if (one < 0) return (int)one;
            gone += one;
        }
    } else {
        gone = mn_mem_forget(m->mem, &m->scope, &what, m->o->all);
        if (gone == MN_EINVAL)
            return MN_FAIL(MN_CLI_USAGE, "forget what? IDs, --session, --source, --ref, --kind or "
                                         "--all");
        if (gone < 0) return (int)gone;
    }
    say_what_stays(m, gone);
    return mn_buf_printf(&m->out, m->o->json ? "{\"forgotten\":%lld}\n" : "%lld forgotten\n",
                         (long long)gone);
}

const mn_cli_mem_verb mn_cli_mem_verbs[] = {{"add", 1, -1, 0, add},
                                            {"search", 1, -1, 0, search},
                                            {"ask", 1, -1, 0, mn_cli_mem_ask},
                                            {"get", 1, 1, 0, get},
                                            {"update", 2, -1, 0, update},
                                            {"history", 1, 1, 0, history},
                                            {"forget", 0, -1, 0, forget},
                                            {"list", 0, 0, 0, list},
                                            {"export", 1, 1, 0, mn_cli_mem_export},
                                            {"import", 1, 1, 1, mn_cli_mem_import},
                                            {"reembed", 0, 0, 1, mn_cli_mem_reembed},
                                            {"organise", 0, 0, 1, mn_cli_mem_organise},
                                            {"migrate", 1, 1, -1, mn_cli_mem_migrate},
                                            {0}};

/* ---- running them ------------------------------------------------------------------------- */
static const mn_cli_mem_verb *verb_of(const char *name) {
    for (const mn_cli_mem_verb *v = mn_cli_mem_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

static int unknown(const char *word) {
    const char *names[16];
    size_t n = 0;
    for (const mn_cli_mem_verb *v = mn_cli_mem_verbs; v->name; v++) names[n++] = v->name;
    const char *const near = mn_opt_nearest(word, names, n);
    if (near) return MN_FAIL(MN_CLI_USAGE, "mem %s: did you mean `mem %s`?", word, near);
    return MN_FAIL(MN_CLI_USAGE, "mem %s: see `omnesia mem --help` for what there is", word);
}

static int open_and_run(const mn_cli_mem_verb *verb, mn_cli_mem *m) {
    const mn_cli_mem_options *const o = m->o;
    mn_cli_bar bar = {0};
    if (verb->pull < 0) {
        MN_TRY(verb->run(m));
        return mn_cli_write(m->out.data, m->out.len);
    }
    if (!o->generate.region || strcmp(o->generate.region, "none") != 0)
        MN_TRY(mn_cli_region_or_none(&o->generate, &m->region));
    const int by_words = o->no_embed && verb->run == mn_cli_mem_organise;
    const mn_mem_options how = {.region = m->region,
                                .model = by_words ? "none" : o->embedder,
                                .organise = o->organise,
                                .durable = o->durable,
                                .pull = verb->pull && !o->no_embed,
                                .private_ = o->generate.private_,
                                .progress = mn_cli_progress(&bar)};
    MN_TRY(mn_mem_open(o->store, &how, &m->mem));
    const int rc = verb->run(m);
    mn_cli_progress_clear(&bar);
    if (rc < 0) return rc;
    if (m->out.len) MN_TRY(mn_cli_write(m->out.data, m->out.len));
    return rc > 0 && verb->run == mn_cli_mem_import ? rc : 0;
}

static int run(const void *options, int n_words, const char *const *words) {
    const mn_cli_mem_options *const o = options;
    mn_cli_mem m = {.o = o, .out = {.what = "the result"}};
    if (!n_words)
        return MN_FAIL(MN_CLI_USAGE, "mem needs a verb: add, search, ask, get, update, history, "
                                     "forget, list, export, import, reembed, organise or migrate");
    const mn_cli_mem_verb *const verb = verb_of(words[0]);
    if (!verb) return unknown(words[0]);
    m.n = n_words - 1;
    m.words = words + 1;
    if (m.n < verb->least || (verb->most >= 0 && m.n > verb->most))
        return MN_FAIL(MN_CLI_USAGE, "mem %s takes %s%d word%s, not %d; see `omnesia mem --help`",
                       verb->name, verb->most < 0 ? "at least " : "", verb->least,
                       verb->least == 1 ? "" : "s", m.n);
    m.scope = (mn_scope){.user = mn_cli_user(o->user), .agent = o->agent, .run = o->run};
    const int rc = open_and_run(verb, &m);
    mn_mem_close(&m.mem);
    mn_region_close(&m.region);
    mn_buf_free(&m.out);
    return rc;
}

/* ---- the table ---------------------------------------------------------------------------- */
#define AT(field)                      offsetof(mn_cli_mem_options, field)
#define TEXT(name, value, field, help) MN_CLI_WORD(name, value, AT(field), help)
#define FLAG(name_, field, help_) \
    { .kind = MN_OPT_FLAG, .name = name_, .no_env = 1, .offset = AT(field), .help = help_ }

static const mn_opt rows[] = {
    MN_CLI_SCOPE_ROWS(AT, "whose records; default: the login name"),
    {.kind = MN_OPT_TEXT,
     .name = "embedder",
     .value = "MODEL",
     .offset = AT(embedder),
     .standard = "minilm-l6",
     .help = "the model for vectors; none: words alone"},
    MN_CLI_ORGANISE_ROW(AT(organise)),
    {MN_CLI_COUNT('k', "results", AT(k), 10000, "0",
                  "so many at most; 0: of a search 10, else all"),
     .no_env = 1},
    {MN_CLI_COUNT(0, "budget", AT(budget), 1 << 30, "0",
                  "texts of so many tokens together at most; 0: any number"),
     .no_env = 1},
    TEXT("as-of", "TIME", as_of, "what was true then; a date means its end"),
    TEXT("time", "TIME", time, "add, update: when it was said; default: now"),
    TEXT("session", "NAME", session, "the conversation it belongs to"),
    TEXT("speaker", "NAME", speaker, "add: who said it"),
    TEXT("ref", "NAME", ref, "its name elsewhere"),
    TEXT("source", "NAME", source, "where it is from"),
    TEXT("kind", "NAME", kind, "what kind of record it is"),
    TEXT("value", "WHAT", value,
         "search, ask: round (turns), session, or fact (what organisers made); default: round"),
    TEXT("key", "WHAT", key,
         "search, ask: what organisers made widens what it is from (merged), or not (plain); "
         "default: merged"),
    TEXT("when", "WHAT", when,
         "search, ask: a time in the question leaves out others (prune), raises its own (near), "
         "or does nothing (none); default: prune"),
    {.kind = MN_OPT_CHOICE,
     .name = "read",
     .value = "HOW",
     .no_env = 1,
     .offset = AT(notes),
     .standard = "plain",
     .choices = "plain|notes",
     .help = "ask: the answer at once, or notes on each record first"},
    FLAG("guess", guess,
         "ask: the model answers also where nothing near is known of who is asked about"),
    TEXT("rank", "WAY", rank,
         "search, with --kind edge and an entity's name as --ref: rrf (the default), mmr (unlike "
         "each other), distance or mentions"),
    TEXT("format", "NAME", format,
         "import, export: jsonl, markdown, mcp, mem0 or chatgpt; default: by what it is"),
    FLAG("all", all, "forget: everything of this user, agent and run"),
    FLAG("no-embed", no_embed, "import, organise: leave the vectors to others"),
    {.kind = MN_OPT_FLAG,
     .name = "durable",
     .offset = AT(durable),
     .help = "end when it is on disk: it survives a power cut"},
    FLAG("json", json, "JSON instead of lines"),
    {.kind = MN_OPT_ROWS, .offset = AT(generate), .rows = mn_cli_generate_rows},
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_mem = {
    .name = "mem",
    .run = run,
    .options = rows,
    .size = sizeof(mn_cli_mem_options),
    .max_words = -1,
    .words = "add|search|ask|get|update|history|forget|list|export|import|reembed|organise|migrate",
    .usage =
        "add TEXT|- | search QUERY | ask QUESTION | get ID | update ID TEXT | history ID|NAME | "
        "forget ID.. | list "
        "| export FILE | import FILE | reembed | organise | migrate PLACE",
    .summary = "what agents remember: as it was said, found again in milliseconds",
    .about =
        "Records are stored as they were said, in $OMNESIA_DATA/memory.db, for all processes of "
        "this user of the machine. No model rewrites them; a small one (`omnesia pull minilm-l6`) "
        "helps to find them by what they mean, where it is there.\n\n"
        "`add` prints the id of the new record, `search` the records that fit best, `ask` the "
        "answer that a "
        "model (-m) gives from them alone, with their ids. `update` "
        "leaves what the record was before, which `history` shows, and `--as-of` finds again. "
        "`--time` takes 2023-05-08T13:56:00Z, Unix seconds, and what people write, such as \"1:56 "
        "pm on 8 May, 2023\"; anything else is kept as text, and counts as unknown.\n\n"
        "`forget` removes records with all they were before, from all files.\n\n"
        "`export FILE` writes all of them, one JSON object a line, or with `--format markdown` a "
        "folder to read; `import FILE` takes that back, and memories of the MCP reference server, "
        "of Mem0, of ChatGPT, and folders of Markdown. What is there already is not doubled.\n\n"
        "`organise` shows every record that it has not seen to whom --organise names, who makes "
        "facts (mem0), notes that know each other (amem) or a graph of who and what was spoken of "
        "(zep) of them: `list --kind fact`, "
        "`history Ann`. `add` and `import` with --organise leave that to `organise`, and to any "
        "`chat`, `serve` or `mcp` that has it too. What is made of a record is forgotten with "
        "it.\n\n"
        "`migrate PLACE` moves everything of all users, with ids, versions, times, links and "
        "vectors, "
        "to a new store, reads it back, and prints the digest that both have; it is all there "
        "then, "
        "or nothing: `omnesia mem migrate postgres://ann@db.example.org/memory` when memory "
        "outgrows "
        "one file, `omnesia mem --store postgres://ann@db.example.org/memory migrate memory.db` to "
        "get it back. The store it came from stays as it was. A password belongs in ~/.pgpass, or "
        "with the place in OMNESIA_STORE.\n\n"
        "With --json, `search`, `get`, `history` and `list` print {\"results\": [{\"id\", \"ref\", "
        "\"text\", \"time\", \"score\", \"source\"}]}, best first.",
};
