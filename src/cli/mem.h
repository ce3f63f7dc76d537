/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem.h - the options of `omnesia mem`, and what its verbs share.
 */
#ifndef MN_CLI_MEM_H
#define MN_CLI_MEM_H
#include "cli/generate.h"
#include "omnesia.h"

typedef struct mn_cli_mem_options {
    mn_cli_common common;
    mn_cli_generate generate; /* of `ask` */
    const char *user, *agent, *run, *store, *embedder, *organise;
    const char *session, *speaker, *ref, *source, *kind, *time, *as_of, *format, *rank;
    const char *value, *key, *when; /* of `search` and `ask` */
    int32_t k, budget;
    int json, all, durable, no_embed, notes, guess;
} mn_cli_mem_options;

typedef struct mn_cli_mem {
    const mn_cli_mem_options *o;
    mn_region *region; /* NULL: changes are told nobody */
    mn_mem *mem;       /* NULL: the verb opens stores itself */
    mn_scope scope;
    mn_buf out; /* the result */
    int n;
    const char *const *words; /* behind the verb */
} mn_cli_mem;

typedef struct mn_cli_mem_verb {
    const char *name;
    int least, most; /* words behind it; -1: any number */
    int pull; /* the model for vectors is fetched when it is missing; -1: no memory is opened */
    int (*run)(mn_cli_mem *m);
} mn_cli_mem_verb;
extern const mn_cli_mem_verb mn_cli_mem_verbs[]; /* ends with {0} */

/* The options --store, --user, --agent and --run, of all who have a memory; `at` is the macro that
 * makes an offset of a field, `whose` the help of --user. */
#define MN_CLI_STORE_ROW(at_) \
    MN_CLI_TEXT(              \
        "store", "PATH", at_, \
        "another store than memory.db in $OMNESIA_DATA: a path, or postgres://USER@HOST/NAME")
#define MN_CLI_SCOPE_ROWS(at, whose)                                             \
    MN_CLI_TEXT("user", "NAME", at(user), whose),                                \
        MN_CLI_TEXT("agent", "NAME", at(agent),                                  \
                    "of this agent; default: added for none, found of all"),     \
        MN_CLI_TEXT("run", "NAME", at(run),                                      \
                    "of this run of it; default: added for none, found of all"), \
        MN_CLI_STORE_ROW(at(store))

/* The option --organise, of all who add records. */
#define MN_CLI_ORGANISE_ROW(at)                                                                  \
    {                                                                                            \
        .kind = MN_OPT_TEXT, .name = "organise", .value = "NAME", .offset = at,                  \
        .help = "what else is made of what is said: mem0 (facts), amem (notes), zep (a graph), " \
                "none; by rules, as NAME:MODEL by a model, as NAME:URL#MODEL by an endpoint"     \
    }

/* Whose records: --user, else OMNESIA_USER, else the login name. */
const char *mn_cli_user(const char *given);

/* One record for people, or as JSON (--json). */
int mn_cli_mem_show(mn_cli_mem *m, const mn_record *r, int searched);
/* The words as one text; "-" is standard input. */
int mn_cli_mem_text(int n, const char *const *words, mn_buf *out);
int mn_cli_mem_ask(mn_cli_mem *m);
int mn_cli_mem_import(mn_cli_mem *m);
int mn_cli_mem_export(mn_cli_mem *m);
int mn_cli_mem_reembed(mn_cli_mem *m);
int mn_cli_mem_organise(mn_cli_mem *m);
int mn_cli_mem_migrate(mn_cli_mem *m);

#endif
