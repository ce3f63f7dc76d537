/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/page.c - the table of the page's files. tools/embed.py makes an array of each
 * (src/meson.build); they are found by name among these few, so no path of a client ever reaches a
 * file system.
 */
#include "serve/page.h"

#include <string.h>

#define HTML   "text/html; charset=utf-8"
#define CSS    "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

/* name, symbol, type */
#define FILES(X)                              \
    X("index.html", index_html, HTML)         \
    X("page.css", page_css, CSS)              \
    X("theme.js", theme_js, SCRIPT)           \
    X("page.js", page_js, SCRIPT)             \
    X("cards.js", cards_js, SCRIPT)           \
    X("chart.js", chart_js, SCRIPT)           \
    X("chat.js", chat_js, SCRIPT)             \
    X("fleet.html", fleet_html, HTML)         \
    X("fleet.css", fleet_css, CSS)            \
    X("fleet.js", fleet_js, SCRIPT)           \
    X("fleet_map.js", fleet_map_js, SCRIPT)   \
    X("fleet_plan.js", fleet_plan_js, SCRIPT) \
    X("map.js", map_js, SCRIPT)               \
    X("memories.js", memories_js, SCRIPT)     \
    X("owners.js", owners_js, SCRIPT)         \
    X("record.js", record_js, SCRIPT)         \
    X("share.js", share_js, SCRIPT)           \
    X("tasks.js", tasks_js, SCRIPT)           \
    X("text.js", text_js, SCRIPT)             \
    X("timeline.js", timeline_js, SCRIPT)     \
    X("units.js", units_js, SCRIPT)           \
    X("web.js", web_js, SCRIPT)               \
    X("wire.js", wire_js, SCRIPT)

#define DECLARE(name, symbol, type)                \
    extern const unsigned char mn_page_##symbol[]; \
    extern const size_t mn_page_##symbol##_size;
FILES(DECLARE)

#define ROW(name, symbol, type) {name, type, mn_page_##symbol, &mn_page_##symbol##_size},
static const mn_page_file files[] = {FILES(ROW)};

const mn_page_file *mn_page_find(const char *name) {
    if (!*name) return files;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(name, files[i].name)) return files + i;
    return NULL;
}
