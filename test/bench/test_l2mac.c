/* SPDX-License-Identifier: Apache-2.0
 *
 * test/bench/test_l2mac.c - the judges of `bench l2mac`: right files pass, wrong ones do not, and
 * it is said what is wrong.
 */
#include "test.h"

#include "folder.h"

#include "base/cage.h"
#include "base/jail.h"
#include "base/walk.h"
#include "bench/l2mac.h"

/* One right form of each module. */
static const struct {
    const char *name, *header, *code;
} right[] = {
    {"stack",
     "typedef struct stack stack; stack *stack_new(void); void stack_push(stack *s, int v);"
     "int stack_pop(stack *s, int *o); int stack_size(const stack *s); void stack_free(stack *s);",
     "#include <stdlib.h>\nstruct stack { int *at, n, cap; };\n"
     "stack *stack_new(void) { return calloc(1, sizeof(stack)); }\n"
     "void stack_push(stack *s, int v) { if (s->n == s->cap) { s->cap = s->cap * 2 + 8;"
     "s->at = realloc(s->at, s->cap * sizeof(int)); } s->at[s->n++] = v; }\n"
     "int stack_pop(stack *s, int *o) { if (!s->n) return 0; *o = s->at[--s->n]; return 1; }\n"
     "int stack_size(const stack *s) { return s->n; }\n"
     "void stack_free(stack *s) { free(s->at); free(s); }\n"},
    {"ring",
     "typedef struct ring { int data[8]; int head, count; } ring; void ring_clear(ring *r);"
     "int ring_put(ring *r, int v); int ring_get(ring *r, int *o);",
     "void ring_clear(ring *r) { r->head = r->count = 0; }\n"
     "int ring_put(ring *r, int v) { if (r->count == 8) return 0;"
     "r->data[(r->head + r->count++) % 8] = v; return 1; }\n"
     "int ring_get(ring *r, int *o) { if (!r->count) return 0; *o = r->data[r->head];"
     "r->head = (r->head + 1) % 8; r->count--; return 1; }\n"},
    {"words",
     "int words_count(const char *s); void words_reverse(char *s); int words_longest(const char "
     "*s);",
     "#include <stdlib.h>\n#include <string.h>\n"
     "static int walk(const char *s, int *longest) { int n = 0; while (*s) { int k = 0;"
     "while (*s == ' ') s++; while (s[k] && s[k] != ' ') k++; n += k > 0; if (k > *longest) "
     "*longest = k; s += k; } return n; }\n"
     "int words_count(const char *s) { int x = 0; return walk(s, &x); }\n"
     "int words_longest(const char *s) { int x = 0; walk(s, &x); return x; }\n"
     "void words_reverse(char *s) { char *c = strdup(s), *o = s; int e = strlen(c);"
     "while (e > 0) { while (e > 0 && c[e - 1] == ' ') e--; int b = e; while (b > 0 && c[b - 1] != "
     "' ') "
     "b--; if (b == e) break; if (o > s) *o++ = ' '; memcpy(o, c + b, e - b); o += e - b; e = b; }"
     "*o = 0; free(c); }\n"},
    {"matrix",
     "typedef struct matrix { double m[3][3]; } matrix; matrix matrix_one(void);"
     "matrix matrix_mul(matrix a, matrix b); matrix matrix_turn(matrix a); double "
     "matrix_det(matrix "
     "a);",
     "#define ALL for (int i = 0; i < 3; i++) for (int j = 0; j < 3; j++)\n"
     "matrix matrix_one(void) { matrix c; ALL c.m[i][j] = i == j; return c; }\n"
     "matrix matrix_mul(matrix a, matrix b) { matrix c = {{{0}}}; ALL for (int k = 0; k < 3; k++) "
     "c.m[i][j] += a.m[i][k] * b.m[k][j]; return c; }\n"
     "matrix matrix_turn(matrix a) { matrix c; ALL c.m[i][j] = a.m[j][i]; return c; }\n"
     "double matrix_det(matrix a) { double d = 0; for (int i = 0; i < 3; i++) d += a.m[0][i] * "
     "(a.m[1][(i + 1) % 3] * a.m[2][(i + 2) % 3] - a.m[1][(i + 2) % 3] * a.m[2][(i + 1) % 3]);"
     "return d; }\n"},
    {"primes",
     "int is_prime(long n); long next_prime(long n); long gcd(long a, long b); int factors(long n, "
     "long *o);",
     "int is_prime(long n) { if (n < 2) return 0; for (long i = 2; i * i <= n; i++) if (n % i == "
     "0) "
     "return 0; return 1; }\n"
     "long next_prime(long n) { do n++; while (!is_prime(n)); return n; }\n"
     "long gcd(long a, long b) { while (b) { long t = a % b; a = b; b = t; } return a < 0 ? -a : "
     "a; }\n"
     "int factors(long n, long *o) { int k = 0; for (long i = 2; n > 1; i++) while (n % i == 0) "
     "o[k++] = i, n /= i; return k; }\n"},
    {"roman", "int to_roman(int n, char *o); int from_roman(const char *s);",
     "#include <string.h>\nstatic const struct { int v; const char *s; } t[] = {{1000, \"M\"}, "
     "{900, "
     "\"CM\"}, {500, \"D\"}, {400, \"CD\"}, {100, \"C\"}, {90, \"XC\"}, {50, \"L\"}, {40, \"XL\"}, "
     "{10, "
     "\"X\"}, {9, \"IX\"}, {5, \"V\"}, {4, \"IV\"}, {1, \"I\"}};\n"
     "int to_roman(int n, char *o) { *o = 0; if (n < 1 || n > 3999) return 0; for (int i = 0; n; "
     "i++) "
     "while (n >= t[i].v) strcat(o, t[i].s), n -= t[i].v; return 1; }\n"
     "int from_roman(const char *s) { char b[32]; for (int i = 1; i < 4000; i++) { to_roman(i, b);"
     "if (!strcmp(b, s)) return i; } return -1; }\n"},
    {"list",
     "typedef struct list { int value; struct list *next; } list; void list_add(list **l, int v);"
     "int list_drop(list **l, int v); int list_length(const list *l); void list_free(list **l);",
     "#include <stdlib.h>\n"
     "void list_add(list **l, int v) { while (*l && (*l)->value < v) l = &(*l)->next;"
     "list *n = malloc(sizeof *n); n->value = v; n->next = *l; *l = n; }\n"
     "int list_drop(list **l, int v) { while (*l && (*l)->value != v) l = &(*l)->next; if (!*l) "
     "return "
     "0; list *n = *l; *l = n->next; free(n); return 1; }\n"
     "int list_length(const list *l) { int n = 0; for (; l; l = l->next) n++; return n; }\n"
     "void list_free(list **l) { while (*l) list_drop(l, (*l)->value); }\n"},
    {"runs", "void runs_pack(const char *s, char *o); void runs_unpack(const char *s, char *o);",
     "#include <stdio.h>\n#include <stdlib.h>\n"
     "void runs_pack(const char *s, char *o) { *o = 0; while (*s) { int n = 1; while (s[n] == *s) "
     "n++;"
     "o += sprintf(o, \"%d%c\", n, *s); s += n; } }\n"
     "void runs_unpack(const char *s, char *o) { while (*s) { char *e; long n = strtol(s, &e, 10);"
     "while (n--) *o++ = *e; s = e + 1; } *o = 0; }\n"},
    {"big",
     "void big_add(const char *a, const char *b, char *o); void big_mul(const char *a, const char "
     "*b, "
     "char *o); int big_compare(const char *a, const char *b);",
     "#include <string.h>\nstatic void put(int *d, int n, char *o) { for (int i = 0; i < n; i++) "
     "d[i + "
     "1] += d[i] / 10, d[i] %= 10; while (n > 0 && !d[n]) n--; while (n >= 0) *o++ = '0' + d[n--]; "
     "*o = "
     "0; }\n"
     "void big_add(const char *a, const char *b, char *o) { int d[600] = {0}, n = strlen(a), m = "
     "strlen(b); for (int i = 0; i < n; i++) d[i] += a[n - 1 - i] - '0'; for (int i = 0; i < m; "
     "i++) "
     "d[i] += b[m - 1 - i] - '0'; put(d, n > m ? n : m, o); }\n"
     "void big_mul(const char *a, const char *b, char *o) { int d[600] = {0}, n = strlen(a), m = "
     "strlen(b); for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) d[i + j] += (a[n - 1 - i] "
     "- "
     "'0') * (b[m - 1 - j] - '0'); put(d, n + m, o); }\n"
     "int big_compare(const char *a, const char *b) { int n = strlen(a), m = strlen(b); int c = n "
     "!= m "
     "? n - m : strcmp(a, b); return (c > 0) - (c < 0); }\n"},
    {"dates",
     "int leap(int y); int month_days(int y, int m); long days(int y, int m, int d); int "
     "weekday(int y, "
     "int m, int d);",
     "int leap(int y) { return y % 4 == 0 && (y % 100 || y % 400 == 0); }\n"
     "int month_days(int y, int m) { return m < 1 || m > 12 ? 0 : m == 2 ? 28 + leap(y) : 30 + ((m "
     "+ m / "
     "8) & 1); }\n"
     "long days(int y, int m, int d) { long n = d - 1; for (int i = 1; i < m; i++) n += "
     "month_days(y, "
     "i); for (int i = 1970; i < y; i++) n += 365 + leap(i); for (int i = y; i < 1970; i++) n -= "
     "365 + "
     "leap(i); return n; }\n"
     "int weekday(int y, int m, int d) { return (int)(((days(y, m, d) + 4) % 7 + 7) % 7); }\n"},
};

static mn_jail *jail;
static char tests[96];
static mn_buf said;

static int begin(void **state) {
    char path[96];
    (void)state;
    if (folder_begin("l2mac-judge", 1) < 0) return -1;
    snprintf(path, sizeof path, "%s/files", folder);
    snprintf(tests, sizeof tests, "%s/tests", folder);
    return mn_jail_open(path, &jail);
}
static int end(void **state) {
    (void)state;
    mn_jail_close(&jail);
    mn_buf_free(&said);
    return folder_end();
}

static int status_of(const char *command, const char *last) {
    char *copy;
    int status = -2;
    const char *const env[] = {last, NULL};
    mn_buf_clear(&said);
    assert_ok(mn_buf_puts(&said, ""));
    assert_ok(mn_jail_copy(jail, tests, mn_cage_owner(), &copy));
    const mn_cage cage = {.folder = copy, .env = env, .seconds = 60};
    assert_ok(mn_cage_run(&cage, command, &said, &status));
    mn_jail_drop(&copy);
    return status;
}

static void put(const char *name, const char *text) {
    assert_ok(mn_jail_write(jail, name, text, strlen(text)));
}

static void right_modules_pass_and_wrong_ones_do_not(void **state) {
    size_t n = 0;
    (void)state;
    for (const mn_module *m = mn_modules; m->name; m++, n++) {
        char name[32], text[4096];
        mn_buf command = {0};
        assert_string_equal(m->name, right[n].name);
        mn_walk_remove(tests);
        assert_ok(mn_module_tests(m, tests));
        assert_ok(mn_module_check(m, &command));
        snprintf(name, sizeof name, "%s.h", m->name);
        put(name, right[n].header);
        snprintf(name, sizeof name, "%s.c", m->name);
        snprintf(text, sizeof text, "#include \"%s.h\"\n%s", m->name, right[n].code);
        put(name, text);
        if (status_of(command.data, NULL) != 0) fail_msg("%s: %s", m->name, said.data);
        /* Of the first number behind a "return", another one; or none of the code at all. */
        char *const at = strstr(text, "return ");
        if (at) memcpy(at, "return!", 7);
        put(name, at ? text : "");
        if (status_of(command.data, NULL) == 0) fail_msg("%s passes with a mistake", m->name);
        assert_true(said.len > 0);
        mn_buf_free(&command);
    }
    assert_int_equal(n, sizeof right / sizeof *right);
}

/* Part p of a catalogue; exhibit `bad` has its line `line` changed. */
static void put_part(int p, int bad, int line, const char *instead) {
    char path[32], text[8192];
    size_t n = 0;
    for (int e = p * 5 - 4; e <= p * 5; e++) {
        char lines[10][128] = {"",
                               "Year: 1850",
                               "Room: 3",
                               "Height: 20 cm",
                               "Weight: 2 kg",
                               "Material: tin",
                               "Maker: unknown",
                               "Given by: Ann",
                               "",
                               "Text: a b c d e f g h i j k l m n o p q r s t u"};
        snprintf(lines[0], 128, "Exhibit %d: Thing %d", e, e);
        snprintf(lines[8], 128, "See: %d", e % 60 + 1);
        if (e == bad) strcpy(lines[line], instead);
        for (int i = 0; i < 10; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", lines[i]);
        n += (size_t)snprintf(text + n, sizeof text - n, "\n");
    }
    snprintf(path, sizeof path, "part-%02d.txt", p);
    put(path, text);
}

static void a_right_catalogue_passes_and_a_wrong_one_does_not(void **state) {
    static const struct {
        int line;
        const char *instead, *says;
    } wrong[] = {
        {0, "Exhibit 9: Dog", "exhibit 8: line 23 must be \"Exhibit 8: NAME\""},
        {0, "Exhibit 8: thing 2", "exhibit 8 has the name of exhibit 2"},
        {1, "Year: 2001", "a year from 1800 to 1999"},
        {2, "Room: 0", "a number from 1 to 9"},
        {3, "Height: 20", "\" cm\""},
        {4, "Weight: 999 kg", "from 1 to 900"},
        {6, "Maker:", "\"Maker: \" and who made it"},
        {8, "See: 61", "the number of another exhibit"},
        {8, "See: 8", "the number of another exhibit"},
        {9, "Text: too short", "has 2 words; make it at least 20"},
    };
    mn_buf a = {0}, b = {0};
    (void)state;
    mn_walk_remove(tests);
    assert_ok(mn_catalogue_tests(tests));
    for (int p = 1; p <= MN_CATALOGUE_PARTS; p++) put_part(p, 0, 0, NULL);
    assert_int_equal(status_of(mn_catalogue_check, "OMNESIA_LAST=1"), 0);
    assert_int_equal(said.len, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_part(2, 8, wrong[i].line, wrong[i].instead);
        assert_int_not_equal(status_of(mn_catalogue_check, "OMNESIA_LAST=0"), 0);
        if (!strstr(said.data, wrong[i].says)) fail_msg("%s", said.data);
    }
    mn_jail_close(&jail);
    end(NULL);
    assert_int_equal(begin(NULL), 0);
    assert_ok(mn_catalogue_tests(tests));
    put_part(1, 0, 0, NULL);
    assert_int_equal(status_of(mn_catalogue_check, "OMNESIA_LAST=0"), 0);
    assert_int_not_equal(status_of(mn_catalogue_check, "OMNESIA_LAST=1"), 0);
    assert_non_null(strstr(said.data, "part-12.txt is missing: exhibits 56 to 60"));
    assert_ok(mn_catalogue_task(3, &a));
    assert_ok(mn_catalogue_task(4, &b));
    assert_string_not_equal(a.data, b.data);
    mn_buf_free(&a);
    mn_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests_[] = {
        cmocka_unit_test(right_modules_pass_and_wrong_ones_do_not),
        cmocka_unit_test(a_right_catalogue_passes_and_a_wrong_one_does_not),
    };
    return cmocka_run_group_tests(tests_, begin, end);
}
