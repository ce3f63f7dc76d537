/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/page.h - the files of the page at `/`, as they lie in src/serve/page, inside the program.
 */
#ifndef MN_SERVE_PAGE_H
#define MN_SERVE_PAGE_H
#include <stddef.h>

typedef struct mn_page_file {
    const char *name, *type; /* "page.css", "text/css; charset=utf-8" */
    const unsigned char *data;
    const size_t *size;
} mn_page_file;

/* `/` is the file "", which is index.html, and `/page/NAME` the file NAME; NULL: there is none. */
const mn_page_file *mn_page_find(const char *name);

#endif
