/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/place.h - the place of a store as it may be shown: what could be a password is left out.
 *
 * The path of a file is shown as it is. Of NAME://.. remain the name of the user, the host, the
 * database, and of the options behind a question mark host, port and dbname.
 */
#ifndef MN_AGENT_PLACE_H
#define MN_AGENT_PLACE_H
#include "base/buf.h"

int mn_place_is_file(const char *where); /* no NAME:// in front */
int mn_place_shown(const char *where, mn_buf *out);
/* The path that lock files of this machine are named after: the file's own; of a server, one in
 * $OMNESIA_DATA that only this place has, and whose folder is made. */
int mn_place_beside(const char *where, mn_buf *out);

#endif
