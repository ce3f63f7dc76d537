/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/boards.h - every kind of board, for tests that loop over them.
 */
#ifndef MN_TEST_BOARDS_H
#define MN_TEST_BOARDS_H
#include "folder.h"
#include "test.h"

#include "fleet/board.h"
#include "region/region.h"

static mn_region *board_region; /* of the board that is open, if it has one */

static inline int board_open_region(const char *fleet, mn_board **out) {
    char path[96];
    if (folder_begin("board", 1) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    MN_TRY(mn_region_open(path, 64 << 20, -1, &board_region));
    return mn_board_open(board_region, fleet, out);
}
static inline void board_closed(mn_board **b) {
    mn_board_close(b);
    assert_null(*b);
    if (board_region) assert_int_equal(folder_end(), 0);
    mn_region_close(&board_region);
}

typedef struct board_kind {
    const char *name;
    int (*open)(const char *fleet, mn_board **out);
} board_kind;

static const board_kind board_kinds[] = {{"heap", mn_board_open_heap},
                                         {"region", board_open_region}};

static inline mn_board *board_opened(const board_kind *kind) {
    mn_board *b;
    assert_ok(kind->open(NULL, &b));
    assert_string_equal(b->ops->name, kind->name);
    assert_string_equal(b->fleet, "main");
    return b;
}
/* Each of n tests on each kind of board, a new one for each. */
static inline void boards_run(void (*const *tests)(mn_board *), size_t n) {
    for (size_t k = 0; k < sizeof board_kinds / sizeof *board_kinds; k++)
        for (size_t i = 0; i < n; i++) {
            mn_board *b = board_opened(board_kinds + k);
            tests[i](b);
            board_closed(&b);
        }
}
#define BOARDS_RUN(tests) boards_run(tests, sizeof tests / sizeof *tests)

#endif
