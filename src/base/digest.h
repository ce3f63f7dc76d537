/* SPDX-License-Identifier: Apache-2.0
 *
 * base/digest.h - what a large file says, in 32 bytes.
 *
 * The digest is SHA-256 over the SHA-256s of the file's pieces of 1 MiB (the last one may be
 * shorter), so that a team can share the work; it is not the SHA-256 of the file. It is remembered
 * in the cache folder (digests/) and computed again when the file was written to or replaced.
 */
#ifndef MN_BASE_DIGEST_H
#define MN_BASE_DIGEST_H
#include "base/team.h"

#include <stdint.h>

int mn_digest_of(const char *path, mn_team *team, uint8_t out[32]);

#endif
