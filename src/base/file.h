/* SPDX-License-Identifier: Apache-2.0
 *
 * base/file.h - the one I/O layer: mapped reading, whole reading, and writing that is
 * either complete or absent.
 *
 * Each system call that can fail is a named fault point (OMNESIA_FAIL_IO=N: the N-th fails
 * with EIO; N:ENOSPC or N:EINTR chooses the error). Errors name the file, the cause and what to do.
 */
#ifndef MN_BASE_FILE_H
#define MN_BASE_FILE_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* A file mapped read-only. Zero-initialise; unmap accepts a zeroed struct. */
typedef struct mn_map {
    const uint8_t *data; /* NULL: not mapped */
    size_t size;
} mn_map;

int mn_file_map(const char *path, mn_map *out); /* refuses folders, devices and empty files */
void mn_file_unmap(mn_map *map);
/* Bytes [from, to) were read and from now on are read here and there: this process lets go of their
 * whole pages, and takes small ones when it comes back (a large one would count 2 MiB for one row).
 * The page cache keeps what it has. */
void mn_file_map_cool(const mn_map *map, uint64_t from, uint64_t to);

/* The whole file, or of "-" standard input, appended to `out`; MN_ETOOLONG beyond max bytes. */
int mn_file_read(const char *path, size_t max, mn_buf *out);

/* A file of which bytes are read here and there: nothing of it counts as this process's memory.
 * n bytes from offset `at`, all of them; MN_ECORRUPT when the file ends before. Closing -1 is fine.
 */
int mn_file_open(const char *path, int *fd);
int mn_file_pread(int fd, const char *path, uint64_t at, void *out, size_t n);
void mn_file_close(int *fd);

/* The same, once. */
int mn_file_read_at(const char *path, uint64_t at, void *out, size_t n);

/* Standard streams that came closed lead nowhere from now on, so that no file of ours is taken for
 * one of them. Before anything is opened. */
void mn_file_standard(void);

/* Size in bytes and modification time in nanoseconds; MN_ENOENT when absent. */
int mn_file_stat(const char *path, uint64_t *size, int64_t *mtime_ns);

/* One line that differs whenever the file was written to or replaced: size, times of writing and
 * of change, device, inode. MN_ENOENT when absent. */
enum { MN_FILE_MARK = 128 };
int mn_file_mark(const char *path, char out[MN_FILE_MARK]);

/* Bytes that may still be written to the disk that holds `path`, which exists. */
int mn_file_room(const char *path, uint64_t *bytes);

/* A file being made: written beside its place as PATH.tmp.PID, visible only after commit
 * (fsync, rename, fsync of the folder). A crash leaves at most the temporary, which the next
 * mn_file_begin for the same PATH removes once its maker is dead. */
typedef struct mn_filew mn_filew;
int mn_file_begin(const char *path, mn_filew **out); /* makes missing folders, 0700 */
int mn_file_write(mn_filew *f, const void *bytes, size_t n);
/* Write n bytes again at an offset below what was written. */
int mn_file_rewrite(mn_filew *f, uint64_t offset, const void *bytes, size_t n);
/* The next n bytes stay a hole: they read as zeroes. */
int mn_file_skip(mn_filew *f, uint64_t n);
/* Write n bytes, unless all of them are zero: then they stay a hole. */
int mn_file_write_or_skip(mn_filew *f, const void *bytes, size_t n);
int mn_file_blank(const void *bytes, size_t n); /* 1: all of them are zero */
int mn_file_commit(mn_filew **f);               /* consumes f, also on failure */
/* The same without fsync, for what can be made again: after a power cut it may be damaged. */
int mn_file_settle(mn_filew **f);
void mn_file_abort(mn_filew **f); /* NULL-safe; removes the temporary */

/* A file made over several runs: bytes go to the file PART (created when absent, cut to its first
 * `keep` bytes, which the caller has proved right) and commit renames it to PATH, on the same
 * disk. mn_file_leave closes it and keeps PART for the next run, cut to `keep` bytes again. One
 * writer at a time: the caller holds a lock. */
int mn_file_resume(const char *path, const char *part, uint64_t keep, mn_filew **out);
void mn_file_leave(mn_filew **f, uint64_t keep); /* NULL-safe */

/* Remove a file whose content nobody shall find: zeroes are written over it and synced before. What
 * the disk keeps elsewhere (snapshots, spare blocks) is out of reach. */
int mn_file_shred(const char *path);

/* The folder of `path` knows on disk, too, which files it has. Best effort. */
void mn_file_sync_folder(const char *path);

/* A folder that is complete takes its place, which must be free, or an empty folder. */
int mn_file_place(const char *made, const char *path);

/* The path with something behind it, of a file that belongs to that one; freed with mn_free. */
int mn_file_beside(const char *path, const char *suffix, char **out);
/* mkdir -p with mode 0700; of the folders above a path. */
int mn_file_mkdirs(const char *path);
int mn_file_mkdirs_of(const char *path);

/* Exclusive advisory lock on PATH (created when absent), waiting at most wait_ms (-1: for ever).
 * Returns a descriptor to close for release; MN_EBUSY when the wait ran out. */
int mn_file_lock(const char *path, int wait_ms);

/* Omnesia's folders: OMNESIA_CACHE or $XDG_CACHE_HOME/omnesia or ~/.cache/omnesia; with "/" + sub
 * appended when sub is not NULL. Nothing is made: who writes there makes them. MN_ENOENT when there
 * is no home. Caller frees with mn_free. */
int mn_file_cache_path(const char *sub, char **out);
/* The same for OMNESIA_DATA, $XDG_DATA_HOME/omnesia, ~/.local/share/omnesia. */
int mn_file_data_path(const char *sub, char **out);
/* The same for $XDG_CONFIG_HOME/omnesia, ~/.config/omnesia. */
int mn_file_config_path(const char *sub, char **out);

#endif
