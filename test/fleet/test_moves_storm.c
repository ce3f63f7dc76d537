/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_moves_storm.c - four processes move things in one scene, are killed, and lose
 * their leases while they are stopped, again and again (reliability row 1e): no thing is lost or
 * doubled, what was acknowledged happened, once, and who has no lease moves nothing.
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT storms of 4 processes and 10,000 moves of each
 *     OMNESIA_PLANT=1            a move is acknowledged that nobody made
 */
#include "storms.h"

#include "bench/roboos_moves.h"

enum { MOVERS = 4, FEW_MOVES = 1500, MANY_MOVES = 10000, FEW_KILLS = 40, MANY_KILLS = 200 };
static char *note; /* storms_run wants some */

static int full(void) {
    return soak_asked() && !soak_planted();
}

static void storm(unsigned long seed) {
    char path[96];
    mn_moves_result r;
    snprintf(path, sizeof path, "%s/region", folder);
    const mn_moves_how how = {.region = path,
                              .movers = MOVERS,
                              .moves = full() ? MANY_MOVES : FEW_MOVES,
                              .kills = full() ? MANY_KILLS : FEW_KILLS,
                              .seed = seed,
                              .plant = soak_planted()};
    if (mn_moves_storm(&how, &r) < 0) fail_msg("%s", r.why);
    printf("storm: %ld moves, %ld refused, %ld kills, %ld leases taken, %.1f s\n", r.moves,
           r.refused, r.kills, r.taken, r.seconds);
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.doubled, 0);
    assert_true(r.kills >= how.kills && r.moves >= how.moves * MOVERS);
    assert_true(r.taken > 0 && r.refused > 0);
}

static void storms(void **unused) {
    (void)unused;
    storms_run((void **)&note, 64, storm, (int)(full() ? MANY_MOVES : FEW_MOVES) * MOVERS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
