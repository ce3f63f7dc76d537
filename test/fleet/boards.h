/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/boards.h - every kind of board, for tests that loop over them.
 */
#ifndef MN_TEST_BOARDS_H
#define MN_TEST_BOARDS_H
#include "test.h"

#include "fleet/board.h"

typedef struct board_kind {
    const char *name;
    int (*open)(const char *fleet, mn_board **out);
} board_kind;

static const board_kind board_kinds[] = {{"heap", mn_board_open_heap}};
static const board_kind *board_tested = board_kinds;

static inline mn_board *board_opened(void) {
    mn_board *b;
    assert_ok(board_tested->open(NULL, &b));
    assert_string_equal(b->ops->name, board_tested->name);
    assert_string_equal(b->fleet, "main");
    return b;
}
/* Each of n tests on each kind of board, a new one for each. */
static inline void boards_run(void (*const *tests)(mn_board *), size_t n) {
    for (size_t k = 0; k < sizeof board_kinds / sizeof *board_kinds; k++)
        for (size_t i = 0; i < n; i++) {
            board_tested = board_kinds + k;
            mn_board *b = board_opened();
            tests[i](b);
            mn_board_close(&b);
            assert_null(b);
        }
}
#define BOARDS_RUN(tests) boards_run(tests, sizeof tests / sizeof *tests)

#endif
