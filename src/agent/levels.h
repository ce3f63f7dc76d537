/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/levels.h - the word index of an SQLite store does not run out of levels.
 *
 * FTS5 keeps its segments in levels, newest first. To merge all of them into one, it puts them on a
 * level above all others, and never takes one away: after some 2000 such merges its record of them
 * has more levels than it reads itself, and counts as damaged (seen with SQLite 3.40.1). Here
 * levels that are empty are taken out of that record:
 *   4 bytes, then numbers of 7 bits a byte, the highest first: levels, segments, writes, and for
 *   each level how many of its segments are being merged, how many it has, and 3 numbers of each
 * FTS5 reads the record again when another connection has written, so this is one.
 */
#ifndef MN_AGENT_LEVELS_H
#define MN_AGENT_LEVELS_H

/* Of the FTS5 table `words` in the file at `path`, when it has many. Nobody else may write. What
 * cannot be read or written stays as it is: there is a next time. */
void mn_levels_lower(const char *path, const char *vfs);

#endif
