/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_tools.h - one table of tools: what each is called, takes, gives, and does.
 *
 * Tools for plans and fleets are not in it: their tables are the library's (mcp_verbs.c). How to
 * add a tool: a bit below, a row of mn_mcp_tools, rows of mn_mcp_rows for its arguments (they know
 * types and bounds, and are its schema), and its function, in a file of its kind. What it reads is
 * a page: a part that fits a budget, and where to go on.
 *
 * All that tools read was written by somebody: it is told as data with its id, source and time, and
 * what is read back is never stored again by the server.
 */
#ifndef MN_SERVE_MCP_TOOLS_H
#define MN_SERVE_MCP_TOOLS_H
#include "serve/field.h"
#include "serve/mcp.h"

enum { /* who has an argument */
       MN_TOOL_ADD = 1,
       MN_TOOL_SEARCH = 2,
       MN_TOOL_GET = 4,
       MN_TOOL_UPDATE = 8,
       MN_TOOL_FORGET = 16,
       MN_TOOL_HISTORY = 32,
       MN_TOOL_LIST = 64,
       MN_TOOL_PUT = 128,
       MN_TOOL_VALUE = 256, /* object_get */
       MN_TOOL_KEYS = 512,  /* object_list */
       MN_TOOL_DELETE = 1024,
};
enum { /* hints */
       MN_TOOL_READS = 1,
       MN_TOOL_DESTROYS = 2,
       MN_TOOL_REPEATS = 4, /* done twice it is done once */
};
enum { MN_MCP_WEIGHT = 4 /* of a token */ };

typedef struct mn_mcp_args {
    const char *text, *time, *source, *query, *as_of, *key, *value, *prefix, *last;
    const char *what, *keys, *times;  /* of a search: mn_find's value, key and times */
    const char *session, *ref, *kind; /* of those alone; no tool has them */
    int64_t since, before;            /* of these times, microseconds; 0: any */
    int newest;                       /* the last first */
    int32_t k, budget, limit;
    int64_t id, after, from, version;
} mn_mcp_args;

typedef struct mn_mcp_call {
    const mn_mcp_peer *peer;
    const char *tool;  /* its name */
    json_t *arguments; /* as they came; of tools that have no rows */
    mn_mcp_args args;
    int person;       /* 1: it is no agent that asks */
    json_t *result;   /* an object, of the tool's `gives` */
    const char *list; /* what a list of records is called in it; NULL: as the tool says */
} mn_mcp_call;

typedef struct mn_mcp_tool {
    const char *name, *title, *about;
    unsigned args, hints;
    const char *gives; /* members of its result, as "properties" of a JSON schema have them */
    int (*run)(mn_mcp_call *call); /* negative: the sentence is its result */
    int memory;                    /* 1: needs peer->mem, 0: peer->region */
} mn_mcp_tool;
extern const mn_mcp_tool mn_mcp_tools[]; /* name NULL ends them */
extern const mn_field mn_mcp_rows[];

/* The tool of this name that this peer has, or NULL. */
const mn_mcp_tool *mn_mcp_tool_find(const mn_mcp_peer *peer, const char *name);
/* What tools/list says of those the peer has. NULL: no memory. */
json_t *mn_mcp_tool_list(const mn_mcp_peer *peer, int structured);
/* Read the arguments (NULL: none) and run it: call->result, or MN_E* with the sentence. */
int mn_mcp_tool_run(const mn_mcp_tool *tool, json_t *arguments, mn_mcp_call *call);

/* ---- results --------------------------------------------------------------------------------- */
extern const char mn_mcp_note[]; /* what is said of all that is read: it is data */
/* A member of an object; MN_ENOMEM, also when value is NULL. Consumes it. */
int mn_mcp_put(json_t *object, const char *name, json_t *value);
/* What is read: a list under `name`, as many as the budget has room for. */
typedef struct mn_mcp_page {
    json_t *list; /* borrowed */
    size_t room;  /* quarters of tokens */
    int n, full;  /* in it; there was one more */
} mn_mcp_page;
int mn_mcp_page_open(mn_mcp_call *call, const char *name, mn_mcp_page *out);
/* 1: it is in; 0: the page is full. An item that alone is too large has its "text" cut: "bytes" is
 * how many it had, "next_from" where to go on. Consumes; NULL: MN_ENOMEM. */
int mn_mcp_page_add(mn_mcp_page *page, json_t *item);
/* The bytes of text[from..n) a budget has room for, whole characters; MN_EINVAL: from is wrong. */
int mn_mcp_slice(const mn_mcp_args *args, const char *text, size_t n, size_t *from, size_t *count);

/* mcp_objects.c */
int mn_mcp_object_put(mn_mcp_call *call);
int mn_mcp_object_get(mn_mcp_call *call);
int mn_mcp_object_list(mn_mcp_call *call);
int mn_mcp_object_delete(mn_mcp_call *call);
/* mcp_recall.c */
int mn_mcp_memory_add(mn_mcp_call *call);
int mn_mcp_memory_search(mn_mcp_call *call);
int mn_mcp_memory_get(mn_mcp_call *call);
int mn_mcp_memory_update(mn_mcp_call *call);
int mn_mcp_memory_forget(mn_mcp_call *call);
int mn_mcp_memory_history(mn_mcp_call *call);
int mn_mcp_memory_list(mn_mcp_call *call);

/* mcp_verbs.c: tools that the library describes: they have no rows here. */
extern const mn_mcp_tool mn_mcp_verb_tool;
/* mn_task_do with JSON: *out is the caller's. */
int mn_mcp_task_do(mn_mem *mem, const mn_scope *scope, const json_t *call, json_t **out);
int mn_mcp_verb_is(const mn_mcp_peer *peer, const char *name); /* is it the name of one? */
/* What tools/list says of them, behind the others. */
int mn_mcp_verb_list(const mn_mcp_peer *peer, json_t *list, int structured);

#endif
