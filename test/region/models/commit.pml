/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.pml - two writers change two keys by commits, and nobody dies.
 *
 * Proves: no update is lost; who reads (each writer does, before its commit) sees neither half of a
 * commit nor one that was stopped; and when all is quiet no cell and no commit is left behind.
 */
#define NOBODY_DIES
#ifdef MUTANT_1 /* insert: an undecided part of another commit is let be */
#define NO_RIVALS
#endif
#ifdef MUTANT_2 /* insert: the version is not looked at */
#define NO_CHECK
#endif
#ifdef MUTANT_3 /* end: the commit's cell is free before its parts know what came of it */
#define FREE_COMMIT_FIRST
#endif
#ifdef MUTANT_4 /* end: parts are not told what came of their commit */
#define NO_RELEASE
#endif
#ifdef MUTANT_5 /* shadowed: what stands under an undecided part goes */
#define SHADOWED_BY_OPEN
#endif
#ifdef MUTANT_6 /* find: an undecided part counts */
#define READS_UNDECIDED
#endif
#include "commit_parts.pml"

proctype last() {
    byte j, n;
    ended == 2;
    inspect()
}

init {
    atomic {
        two_objects();
        run writer_of(0, 1);
        run writer_of(1, 1);
        run last()
    }
}
