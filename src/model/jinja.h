/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja.h - the parts of the chat-template interpreter, for jinja_*.c and template.c only.
 *
 * A template is lexed and parsed once into nodes (mn_jcompile, in an arena of the template) and run
 * over a context (mn_jrun, with an arena of its own that dies with the run). Values are small
 * structs; strings, lists and dicts lie in the arena. Strings are immutable and carry for each byte
 * where it came from: the template or the messages. Whatever a filter makes of a string, each byte
 * keeps the mark of the byte it was made from; bytes a filter adds are the template's. A special
 * token counts only where all its bytes are the template's, so no message can spell one.
 *
 * Semantics are those of jinja2 3.1 in Hugging Face's environment (trim_blocks, lstrip_blocks,
 * loop controls, no autoescape). Known differences: integers are 64 bits wide (more is an error),
 * lazy sequences (map, items, reversed ...) are lists, `safe` and `escape` give plain strings,
 * attributes other than methods and keys are undefined.
 */
#ifndef MN_MODEL_JINJA_H
#define MN_MODEL_JINJA_H
#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* ---- values --------------------------------------------------------------------------------- */
typedef struct mn_jstr {
    const char *p;       /* UTF-8, not NUL-terminated; broken bytes count as one character each */
    const uint8_t *mark; /* [n] 1: written by the template; NULL: all bytes are as `trusted` says */
    size_t n;
    uint8_t trusted;
} mn_jstr;

typedef enum mn_jkind {
    MN_JMISSING, /* an argument that was not given; never a value of the template */
    MN_JUNDEFINED,
    MN_JNONE,
    MN_JBOOL,
    MN_JINT,
    MN_JFLOAT,
    MN_JSTR,
    MN_JLIST,
    MN_JTUPLE,
    MN_JDICT,
    MN_JSPACE, /* namespace() */
    MN_JLOOP,
    MN_JMACRO,
    MN_JMETHOD,  /* a method bound to its object */
    MN_JFUNCTION /* a global function */
} mn_jkind;

typedef struct mn_jlist mn_jlist;
typedef struct mn_jdict mn_jdict;
typedef struct mn_jloop mn_jloop;
typedef struct mn_jmacro mn_jmacro;
typedef struct mn_jbound mn_jbound;
typedef struct mn_jrow mn_jrow;

typedef struct mn_jval {
    mn_jkind kind;
    union {
        int64_t i; /* also bool */
        double f;
        const mn_jstr *s; /* also the name of what is undefined, or NULL */
        mn_jlist *list;   /* also tuple */
        mn_jdict *dict;   /* also namespace */
        mn_jloop *loop;
        mn_jmacro *macro;
        mn_jbound *bound;
        const mn_jrow *row;
    };
} mn_jval;

struct mn_jlist {
    mn_jval *item;
    size_t n, cap;
};

typedef struct mn_jpair {
    mn_jval key, value;
} mn_jpair;

struct mn_jdict { /* insertion order; looked up from first to last */
    mn_jpair *pair;
    size_t n, cap;
};

/* ---- nodes ---------------------------------------------------------------------------------- */
typedef enum mn_jnode_kind {
    /* expressions: what a, b, c, list hold */
    MN_JN_CONST,   /* value */
    MN_JN_NAME,    /* name */
    MN_JN_LIST,    /* list: items */
    MN_JN_TUPLE,   /* list: items */
    MN_JN_DICT,    /* list: PAIR */
    MN_JN_PAIR,    /* a: key, b: value */
    MN_JN_ATTR,    /* a.name */
    MN_JN_ITEM,    /* a[b] */
    MN_JN_SLICE,   /* a: from, b: to, c: step, each may be NULL; only as b of ITEM */
    MN_JN_CALL,    /* a(list: ARG) */
    MN_JN_ARG,     /* a; name: keyword or NULL; op 1: *a, 2: **a */
    MN_JN_FILTER,  /* a | name(list); a NULL: the text of a filter block */
    MN_JN_TEST,    /* a is name(list) */
    MN_JN_UNARY,   /* op '-' '+' 'n' (not) of a */
    MN_JN_BINARY,  /* a op b */
    MN_JN_AND,     /* a, b */
    MN_JN_OR,      /* a, b */
    MN_JN_COMPARE, /* a; list: OPERAND */
    MN_JN_OPERAND, /* op, a */
    MN_JN_IF_ELSE, /* a if b else c (may be NULL) */
    MN_JN_SPACE,   /* name.text2, only as a target of set */
    /* statements */
    MN_JN_TEXT,         /* value */
    MN_JN_PRINT,        /* a */
    MN_JN_PRINT_ALL,    /* list */
    MN_JN_IF,           /* a; list, other */
    MN_JN_FOR,          /* a: target, b: iterable, c: condition or NULL; list, other */
    MN_JN_SET,          /* a: target, b: value */
    MN_JN_SET_BLOCK,    /* a: target, b: FILTER chain or NULL; list */
    MN_JN_MACRO,        /* name; args: NAME with a = default; list */
    MN_JN_CALL_BLOCK,   /* a: CALL; args; list */
    MN_JN_FILTER_BLOCK, /* b: FILTER chain; list */
    MN_JN_WITH,         /* args: SET; list */
    MN_JN_SCOPE,        /* list: a body with names of its own (generation) */
    MN_JN_BREAK,
    MN_JN_CONTINUE,
    MN_JN_KINDS
} mn_jnode_kind;

/* Operators of one or two characters as a number. */
#define MN_JOP(a, b) ((uint16_t)((a) | (b) << 8))

typedef struct mn_jnode mn_jnode;
struct mn_jnode {
    mn_jnode_kind kind;
    uint16_t op;
    uint32_t line;
    const mn_jstr *name, *attr;
    const mn_jrow *row; /* of a FILTER or TEST; NULL: unknown, an error if it is ever reached */
    mn_jval value;
    mn_jnode *a, *b, *c;
    mn_jnode *list, *other, *args; /* first of a list linked by next */
    mn_jnode *next;
};

/* ---- tokens (jinja_lex.c) ------------------------------------------------------------------- */
typedef enum mn_jtoken_kind {
    MN_JT_TEXT,
    MN_JT_PRINT,     /* {{ */
    MN_JT_PRINT_END, /* }} */
    MN_JT_BLOCK,     /* {% */
    MN_JT_BLOCK_END, /* %} */
    MN_JT_NAME,
    MN_JT_STRING,
    MN_JT_INT,
    MN_JT_FLOAT,
    MN_JT_OP,
    MN_JT_END
} mn_jtoken_kind;

typedef struct mn_jtoken {
    mn_jtoken_kind kind;
    uint16_t op;
    uint32_t line;
    mn_jval value; /* of TEXT, NAME, STRING (strings), INT, FLOAT */
} mn_jtoken;

/* All tokens of a source, ended by MN_JT_END, in the arena. MN_EINVAL names the line. */
int mn_jlex(mn_arena *arena, const char *source, size_t n, mn_jtoken **out);
/* The statements of a source (jinja_parse.c, jinja_parse_expr.c). */
int mn_jcompile(mn_arena *arena, const char *source, size_t n, mn_jnode **out);

/* ---- a run ---------------------------------------------------------------------------------- */
typedef struct mn_jvar mn_jvar;
typedef struct mn_jscope mn_jscope;
struct mn_jvar {
    mn_jvar *next;
    const mn_jstr *name;
    mn_jval value;
};
struct mn_jscope {
    mn_jscope *outer; /* NULL: the context */
    mn_jvar *var;
};

/* Text under construction, in the arena; one mark a byte. */
typedef struct mn_jtext {
    char *p;
    uint8_t *mark;
    size_t n, cap;
} mn_jtext;

typedef struct mn_jrun {
    mn_arena arena;
    uint64_t steps;     /* left; each node, item and 64 bytes looked at take one */
    uint64_t max_steps; /* what `steps` began with, for the sentence */
    size_t max_out;     /* bytes of output */
    int depth;          /* of nested evaluation and nested values */
    uint32_t line;      /* of the node being run */
    int64_t now;        /* seconds since 1970 for strftime_now; 0: the clock */
    mn_jscope *scope;
    mn_jtext *out; /* where printing goes */
} mn_jrun;

enum { MN_JDEPTH = 600 };

/* "chat template, line 7: ..." as MN_EINVAL. */
int mn_jfail(const mn_jrun *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Count n steps; MN_EINVAL when the template has had its share. */
int mn_jtick(mn_jrun *r, uint64_t n);
int mn_jenter(mn_jrun *r); /* one level deeper, or MN_EINVAL; paired with r->depth-- */

/* Run statements; what they print goes to r->out. */
int mn_jexec(mn_jrun *r, const mn_jnode *list);
int mn_jeval(mn_jrun *r, const mn_jnode *n, mn_jval *out);
/* Evaluate the arguments of a FILTER or TEST node and apply it to self. */
int mn_japply_node(mn_jrun *r, const mn_jnode *n, mn_jval self, mn_jval *out);
/* Define a name in the innermost scope. */
int mn_jset(mn_jrun *r, const mn_jstr *name, mn_jval value);
/* self.name and self[key]; undefined when there is none. */
int mn_jattr(mn_jrun *r, mn_jval self, const mn_jstr *name, mn_jval *out);
int mn_jitem(mn_jrun *r, mn_jval self, mn_jval key, mn_jval *out);
/* self[from:to:step]; missing parts are MN_JMISSING. */
int mn_jslice(mn_jrun *r, mn_jval self, const mn_jval part[3], mn_jval *out);
int mn_jbinary(mn_jrun *r, uint16_t op, mn_jval a, mn_jval b, mn_jval *out);
/* a op b for == != < <= > >= and 'i' (in), 'I' (not in). */
int mn_jcompare(mn_jrun *r, uint16_t op, mn_jval a, mn_jval b, int *out);

struct mn_jloop {
    const mn_jlist *over;
    size_t at;
    mn_jval changed; /* arguments of the last loop.changed() as a tuple; missing: none */
};

struct mn_jmacro {
    const mn_jnode *node; /* MACRO or CALL_BLOCK */
    mn_jscope *scope;     /* where it was defined */
};

/* ---- built-ins: filters, tests, methods, functions are rows of tables ----------------------- */
typedef struct mn_jcall {
    mn_jval self;
    mn_jval arg[4]; /* by parameter, MN_JMISSING where not given */
    mn_jlist *pos;  /* all positional arguments */
    mn_jdict *named;
} mn_jcall;

struct mn_jrow {
    const char *name;
    const char *params; /* "old new count", in order; NULL: takes anything, reads pos and named */
    int required;       /* how many of them must be given */
    int (*fn)(mn_jrun *r, mn_jcall *call, mn_jval *out);
};

struct mn_jbound {
    mn_jval self;
    const mn_jrow *row;
};

const mn_jrow *mn_jfilter_find(const mn_jstr *name);
const mn_jrow *mn_jtest_find(const mn_jstr *name);
const mn_jrow *mn_jmethod_find(mn_jkind kind, const mn_jstr *name);
const mn_jrow *mn_jfunction_find(const mn_jstr *name);
/* The tables, each ended by {0}. */
extern const mn_jrow mn_jfilters_text[], mn_jfilters_list[], mn_jtests[], mn_jfunctions[];
extern const mn_jrow mn_jmethods_text[], mn_jmethods_list[], mn_jmethods_dict[], mn_jmethods_loop[];
extern const mn_jrow mn_jmethods_tuple[];

/* Bind arguments to the row's parameters and call it. */
int mn_jcall_row(mn_jrun *r, const mn_jrow *row, mn_jval self, mn_jlist *pos, mn_jdict *named,
                 mn_jval *out);
/* Call any callable value. */
int mn_jcall_value(mn_jrun *r, mn_jval f, mn_jlist *pos, mn_jdict *named, mn_jval *out);

/* Arguments as numbers and strings, with a fallback when missing or none. */
int mn_jarg_int(const mn_jrun *r, mn_jval v, int64_t fallback, int64_t *out);
int mn_jarg_str(const mn_jrun *r, mn_jval v, const mn_jstr *fallback, const mn_jstr **out);

/* ---- values: making and asking (jinja_value.c) ---------------------------------------------- */
static inline mn_jval mn_jnone(void) {
    return (mn_jval){.kind = MN_JNONE};
}
static inline mn_jval mn_jbool(int yes) {
    return (mn_jval){.kind = MN_JBOOL, .i = yes != 0};
}
static inline mn_jval mn_jint(int64_t i) {
    return (mn_jval){.kind = MN_JINT, .i = i};
}
static inline mn_jval mn_jfloat(double f) {
    return (mn_jval){.kind = MN_JFLOAT, .f = f};
}
static inline mn_jval mn_jstring(const mn_jstr *s) {
    return (mn_jval){.kind = MN_JSTR, .s = s};
}
static inline mn_jval mn_jundefined(const mn_jstr *name) {
    return (mn_jval){.kind = MN_JUNDEFINED, .s = name};
}

int mn_jstr_new(mn_arena *a, const char *p, size_t n, int trusted, const mn_jstr **out);
int mn_jlist_new(mn_jrun *r, mn_jlist **out);
int mn_jlist_add(mn_jrun *r, mn_jlist *list, mn_jval v);
int mn_jdict_new(mn_jrun *r, mn_jdict **out);
int mn_jdict_set(mn_jrun *r, mn_jdict *d, mn_jval key, mn_jval v); /* MN_EINVAL: not hashable */
int mn_jdict_get(mn_jrun *r, const mn_jdict *d, mn_jval key, mn_jval *out, int *found);
int mn_jdict_name(const mn_jdict *d, const char *name, mn_jval *out); /* 1: found */

int mn_jstr_is(const mn_jstr *s, const char *text);
int mn_jstr_same(const mn_jstr *a, const mn_jstr *b);
const char *mn_jkind_name(mn_jval v); /* as Python calls it: "str", "int", "list" ... */
int mn_jtruth(mn_jval v);
int mn_jnumber(mn_jval v, double *f); /* 1: int, bool or float */
int mn_jlength(mn_jrun *r, mn_jval v, int64_t *n);
int mn_jequal(mn_jrun *r, mn_jval a, mn_jval b, int *yes);
int mn_jorder(mn_jrun *r, mn_jval a, mn_jval b, int *cmp); /* MN_EINVAL: cannot be ordered */
/* The items of anything that can be iterated (a list itself, not a copy). */
int mn_jitems(mn_jrun *r, mn_jval v, mn_jlist **out);

/* ---- text (jinja_text.c) -------------------------------------------------------------------- */
int mn_jtext_add(mn_jrun *r, mn_jtext *t, const mn_jstr *s, size_t from, size_t to);
int mn_jtext_put(mn_jrun *r, mn_jtext *t, const char *p, size_t n, int trusted);
int mn_jtext_puts(mn_jrun *r, mn_jtext *t, const char *text);
int mn_jtext_done(mn_jrun *r, const mn_jtext *t, mn_jval *out); /* as a string value */
int mn_jtext_value(mn_jrun *r, mn_jtext *t, mn_jval v);         /* str(v) */
int mn_jtext_repr(mn_jrun *r, mn_jtext *t, mn_jval v);          /* repr(v) */
int mn_jstr_of(mn_jrun *r, mn_jval v, const mn_jstr **out);     /* str(v) */
int mn_jstr_cut(mn_jrun *r, const mn_jstr *s, size_t from, size_t to, const mn_jstr **out);
static inline int mn_jstr_mark(const mn_jstr *s, size_t i) {
    return s->mark ? s->mark[i] : s->trusted;
}

/* Characters: the one at s[i], its bytes; a broken byte is a character of 1 byte, value -1. */
size_t mn_jchar(const mn_jstr *s, size_t i, int32_t *c);
size_t mn_jchar_back(const mn_jstr *s, size_t end); /* where the one that ends at `end` begins */
size_t mn_jchars(const mn_jstr *s);                 /* how many */
int mn_jspace(int32_t c);                           /* Python's str.isspace of one character */
int mn_jword(int32_t c);                            /* \\w: letter, digit or _ */
/* str.islower (upper 0) and str.isupper (upper 1). */
int mn_jall_case(mn_jrun *r, mn_jval self, int upper, int *is);
int mn_jlines(mn_jrun *r, const mn_jstr *s, int keep_ends, mn_jlist **out); /* str.splitlines */
/* First occurrence of `what` in s[from, to); SIZE_MAX: none. */
size_t mn_jfind(const mn_jstr *s, size_t from, size_t to, const mn_jstr *what);
typedef enum mn_jcase { MN_JUPPER, MN_JLOWER, MN_JCAPITAL, MN_JTITLE } mn_jcase;
int mn_jtext_case(mn_jrun *r, mn_jtext *t, const mn_jstr *s, size_t from, size_t to, mn_jcase how);
/* strip/lstrip/rstrip: side 1 left, 2 right, 3 both; chars NULL: white space. */
int mn_jstrip(mn_jrun *r, const mn_jstr *s, const mn_jstr *chars, int side, mn_jval *out);
int mn_jreplace(mn_jrun *r, const mn_jstr *s, const mn_jstr *old, const mn_jstr *new_text,
                int64_t count, mn_jval *out);

/* ---- JSON (jinja_json.c) -------------------------------------------------------------------- */
typedef struct mn_jjson {
    int indent; /* -1: one line */
    int sort_keys, ascii;
    const mn_jstr *item_separator, *key_separator;
} mn_jjson;
int mn_jtext_json(mn_jrun *r, mn_jtext *t, mn_jval v, const mn_jjson *how);
/* JSON text to a value; strings are marked `trusted`. MN_EINVAL with the position. */
int mn_jparse_json(mn_jrun *r, const char *text, size_t n, int trusted, mn_jval *out);

#endif
