/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/l2mac_modules.c - ten small modules in C. The task names the functions; the test, which the
 * model does not see, calls them. A check that is false says its line and its text, and all of them
 * are run, so that what goes back to the model is short and exact.
 */
#include "bench/l2mac.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>

const mn_module mn_modules[] = {
    {"stack",
     "A stack of int: `typedef struct stack stack;`, `stack *stack_new(void)`, `void "
     "stack_push(stack *s, int value)`, `int stack_pop(stack *s, int *out)` (1, or 0 when it is "
     "empty), `int stack_size(const stack *s)`, `void stack_free(stack *s)`. It grows without "
     "bounds.",
     "stack *s = stack_new(); int x = 0;\n"
     "CHECK(stack_size(s) == 0);\nCHECK(stack_pop(s, &x) == 0);\n"
     "for (int i = 0; i < 1000; i++) stack_push(s, i);\nCHECK(stack_size(s) == 1000);\n"
     "CHECK(stack_pop(s, &x) == 1 && x == 999);\nCHECK(stack_pop(s, &x) == 1 && x == 998);\n"
     "CHECK(stack_size(s) == 998);\nstack_free(s);\n"},
    {"ring",
     "A ring buffer of int with room for exactly 8: `typedef struct ring { int data[8]; int head, "
     "count; } ring;`, `void ring_clear(ring *r)`, `int ring_put(ring *r, int value)` (1, or 0 "
     "when "
     "it is full), `int ring_get(ring *r, int *out)` (the oldest: 1, or 0 when it is empty).",
     "ring r; int x = 0;\nring_clear(&r);\nCHECK(ring_get(&r, &x) == 0);\n"
     "for (int i = 0; i < 8; i++) CHECK(ring_put(&r, i) == 1);\nCHECK(ring_put(&r, 9) == 0);\n"
     "CHECK(ring_get(&r, &x) == 1 && x == 0);\nCHECK(ring_put(&r, 8) == 1);\n"
     "for (int i = 1; i <= 8; i++) CHECK(ring_get(&r, &x) == 1 && x == i);\n"
     "CHECK(ring_get(&r, &x) == 0);\n"},
    {"words",
     "Functions on text: `int words_count(const char *s)` (runs of letters that are not spaces), "
     "`void words_reverse(char *s)` (the order of the words, in place, one space between them), "
     "`int words_longest(const char *s)` (letters of the longest word, 0 for none).",
     "char a[] = \"one two  three\", b[] = \"\", c[] = \"alone\";\n"
     "CHECK(words_count(a) == 3);\nCHECK(words_count(b) == 0);\nCHECK(words_count(\"  x \") == "
     "1);\n"
     "CHECK(words_longest(a) == 5);\nCHECK(words_longest(\"   \") == 0);\n"
     "words_reverse(a);\nCHECK(strcmp(a, \"three two one\") == 0);\n"
     "words_reverse(b);\nCHECK(*b == 0);\nwords_reverse(c);\nCHECK(strcmp(c, \"alone\") == 0);\n"},
    {"matrix",
     "3 x 3 matrices of double, `typedef struct matrix { double m[3][3]; } matrix;`: `matrix "
     "matrix_one(void)` (the unit matrix), `matrix matrix_mul(matrix a, matrix b)`, `matrix "
     "matrix_turn(matrix a)` (transposed), `double matrix_det(matrix a)` (its determinant).",
     "matrix a = {{{1, 2, 3}, {0, 1, 4}, {5, 6, 0}}}, e = matrix_one();\n"
     "matrix b = matrix_mul(a, e), t = matrix_turn(a), q = matrix_mul(a, t);\n"
     "CHECK(e.m[0][0] == 1 && e.m[1][1] == 1 && e.m[2][0] == 0);\n"
     "CHECK(memcmp(&a, &b, sizeof a) == 0);\nCHECK(t.m[0][2] == 5 && t.m[2][0] == 3);\n"
     "CHECK(q.m[0][0] == 14 && q.m[0][1] == 14 && q.m[1][2] == 6);\nCHECK(matrix_det(a) == 1);\n"},
    {"primes",
     "`int is_prime(long n)`, `long next_prime(long n)` (the smallest prime above n), `long "
     "gcd(long a, long b)` (never negative), `int factors(long n, long *out)` (the prime factors "
     "of "
     "n > 1, smallest first, as often as they occur; returns how many).",
     "long f[64];\nCHECK(!is_prime(-7) && !is_prime(0) && !is_prime(1) && is_prime(2));\n"
     "CHECK(is_prime(97) && !is_prime(91));\nCHECK(next_prime(1) == 2 && next_prime(13) == 17);\n"
     "CHECK(gcd(12, 18) == 6 && gcd(-12, 18) == 6 && gcd(0, 5) == 5);\n"
     "CHECK(factors(360, f) == 6 && f[0] == 2 && f[2] == 2 && f[3] == 3 && f[5] == 5);\n"
     "CHECK(factors(97, f) == 1 && f[0] == 97);\n"},
    {"roman",
     "Roman numerals: `int to_roman(int n, char *out)` (n from 1 to 3999 as capital letters, "
     "returns "
     "1; else 0 and out is empty), `int from_roman(const char *s)` (the number, or -1 when s is "
     "not "
     "the usual form of a number from 1 to 3999).",
     "char s[32];\nCHECK(to_roman(1994, s) == 1 && strcmp(s, \"MCMXCIV\") == 0);\n"
     "CHECK(to_roman(4, s) && strcmp(s, \"IV\") == 0);\nCHECK(to_roman(0, s) == 0 && *s == 0);\n"
     "CHECK(to_roman(4000, s) == 0);\nCHECK(from_roman(\"MCMXCIV\") == 1994);\n"
     "CHECK(from_roman(\"IIII\") == -1);\nCHECK(from_roman(\"\") == -1 && from_roman(\"AB\") == "
     "-1);\n"
     "for (int i = 1; i < 4000; i++) CHECK(to_roman(i, s) && from_roman(s) == i);\n"},
    {"list",
     "A sorted list of int: `typedef struct list { int value; struct list *next; } list;`, `void "
     "list_add(list **l, int value)` (keeps it sorted, smallest first; equal values stay), `int "
     "list_drop(list **l, int value)` (the first of that value: 1, or 0 when there is none), `int "
     "list_length(const list *l)`, `void list_free(list **l)` (leaves NULL).",
     "list *l = NULL;\nlist_add(&l, 5); list_add(&l, 1); list_add(&l, 3); list_add(&l, 3);\n"
     "CHECK(list_length(l) == 4);\nCHECK(l->value == 1 && l->next->value == 3);\n"
     "CHECK(list_drop(&l, 3) == 1 && list_length(l) == 3);\nCHECK(list_drop(&l, 9) == 0);\n"
     "CHECK(list_drop(&l, 1) == 1 && l->value == 3);\nlist_free(&l);\nCHECK(l == NULL);\n"
     "CHECK(list_length(NULL) == 0 && list_drop(&l, 1) == 0);\n"},
    {"runs",
     "Run lengths: `void runs_pack(const char *s, char *out)` writes each run of a letter as its "
     "length and the letter, so that \"aaab\" becomes \"3a1b\"; `void runs_unpack(const char *s, "
     "char "
     "*out)` is the way back. Runs may have more than 9 letters; there are no digits in the text.",
     "char p[256], u[256];\nruns_pack(\"aaab\", p);\nCHECK(strcmp(p, \"3a1b\") == 0);\n"
     "runs_unpack(\"3a1b\", u);\nCHECK(strcmp(u, \"aaab\") == 0);\nruns_pack(\"\", p);\nCHECK(*p "
     "== 0);\n"
     "runs_pack(\"xxxxxxxxxxxxy\", p);\nCHECK(strcmp(p, \"12x1y\") == 0);\nruns_unpack(p, u);\n"
     "CHECK(strcmp(u, \"xxxxxxxxxxxxy\") == 0);\n"},
    {"big",
     "Whole numbers of any length as decimal text without sign: `void big_add(const char *a, const "
     "char *b, char *out)`, `void big_mul(const char *a, const char *b, char *out)`, `int "
     "big_compare(const char *a, const char *b)` (-1, 0 or 1). Results have no zeroes in front, "
     "but "
     "zero is \"0\".",
     "char s[256];\nbig_add(\"999\", \"1\", s);\nCHECK(strcmp(s, \"1000\") == 0);\n"
     "big_add(\"0\", \"0\", s);\nCHECK(strcmp(s, \"0\") == 0);\n"
     "big_add(\"12345678901234567890\", \"98765432109876543210\", s);\n"
     "CHECK(strcmp(s, \"111111111011111111100\") == 0);\nbig_mul(\"99\", \"99\", s);\n"
     "CHECK(strcmp(s, \"9801\") == 0);\nbig_mul(\"0\", \"123\", s);\nCHECK(strcmp(s, \"0\") == "
     "0);\n"
     "CHECK(big_compare(\"10\", \"9\") == 1 && big_compare(\"7\", \"7\") == 0);\n"
     "CHECK(big_compare(\"99\", \"100\") == -1);\n"},
    {"dates",
     "Dates of the Gregorian calendar: `int leap(int year)`, `int month_days(int year, int month)` "
     "(0 for no month), `long days(int year, int month, int day)` (since 1 January 1970, which is "
     "0, "
     "may be negative), `int weekday(int year, int month, int day)` (0 for Sunday to 6).",
     "CHECK(leap(2000) && leap(2024) && !leap(1900) && !leap(2023));\n"
     "CHECK(month_days(2024, 2) == 29 && month_days(2023, 2) == 28 && month_days(2023, 4) == 30);\n"
     "CHECK(month_days(2023, 13) == 0 && month_days(2023, 0) == 0);\n"
     "CHECK(days(1970, 1, 1) == 0 && days(1970, 2, 1) == 31 && days(2000, 3, 1) == 11017);\n"
     "CHECK(days(1969, 12, 31) == -1);\nCHECK(weekday(1970, 1, 1) == 4);\n"
     "CHECK(weekday(2024, 2, 29) == 4 && weekday(1969, 12, 28) == 0);\n"},
    {0}};

int mn_module_task(const mn_module *m, mn_buf *out) {
    return mn_buf_printf(
        out,
        "Write a module in C11, two files: %s.h declares it, with an include guard, "
        "and %s.c includes %s.h and defines it. No main. %s",
        m->name, m->name, m->name, m->task);
}

int mn_module_check(const mn_module *m, mn_buf *out) {
    return mn_buf_printf(out,
                         "gcc -std=gnu11 -fmax-errors=3 -fno-diagnostics-show-caret "
                         "-Werror=implicit-function-declaration -o t test.c %s.c -lm && ./t",
                         m->name);
}

int mn_module_tests(const mn_module *m, const char *folder) {
    char path[512];
    mn_buf text = {0};
    mn_filew *f = NULL;
    snprintf(path, sizeof path, "%s/test.c", folder);
    int rc = mn_buf_printf(
        &text,
        "#include \"%s.h\"\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
        "static int wrong;\n#define CHECK(what) do { if (!(what) && wrong++ < 3) { "
        "printf(\"false: %%s\\n\", #what); fflush(stdout); } } while (0)\n"
        "int main(void) {\n%sreturn wrong > 0;\n}\n",
        m->name, m->test);
    if (rc >= 0) rc = mn_file_begin(path, &f);
    if (rc >= 0) rc = mn_file_write(f, text.data, text.len);
    mn_buf_free(&text);
    if (rc >= 0) return mn_file_settle(&f);
    mn_file_abort(&f);
    return rc;
}
