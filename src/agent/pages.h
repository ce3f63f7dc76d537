/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/pages.h - what a page of an SQLite file does not use is zero on disk.
 *
 * SQLite overwrites what is deleted (secure_delete), but not the copies that stay behind when rows
 * move from one page to another: they lie between the list of a page's cells and the first of them,
 * where no row is looked for, for years. In WAL mode a page comes into the file when the journal is
 * copied there; on its way its unused middle is filled with zeroes. (What lies in the journal goes
 * when that is emptied.) The layout of a page: https://www.sqlite.org/fileformat2.html, 1.6.
 */
#ifndef MN_AGENT_PAGES_H
#define MN_AGENT_PAGES_H

/* The name of an SQLite VFS that does so, for sqlite3_open_v2; NULL: no memory for it. */
const char *mn_pages_vfs(void);

#endif
