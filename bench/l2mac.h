/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/l2mac.h - the jobs of `bench l2mac`: what is to be written, and what judges it.
 */
#ifndef MN_BENCH_L2MAC_H
#define MN_BENCH_L2MAC_H
#include "base/buf.h"

#include <stdint.h>

/* l2mac_catalogue.c: a catalogue of 60 entries in 12 files, whose entries name each other; another
 * one for each seed. */
enum { MN_CATALOGUE = 60, MN_CATALOGUE_PARTS = 12 };
int mn_catalogue_task(uint64_t seed, mn_buf *out);
int mn_catalogue_tests(const char *folder); /* check.awk, into a folder that is there */
extern const char mn_catalogue_check[];

/* l2mac_modules.c: small sets of C files, and tests of them that the model does not see. */
typedef struct mn_module {
    const char *name; /* NAME.h and NAME.c */
    const char *task; /* what they are to be */
    const char *test; /* statements, of CHECK(...); test.c is made of them */
} mn_module;
extern const mn_module mn_modules[]; /* ends with a name of NULL */
int mn_module_task(const mn_module *m, mn_buf *out);
int mn_module_tests(const mn_module *m, const char *folder);
int mn_module_check(const mn_module *m, mn_buf *out); /* the command */

#endif
