/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_host.h - a shared object of skills (include/omnesia_skill.h) as a program that speaks
 * MCP over its standard streams, so that it can be killed; and skeletons of new skills.
 */
#ifndef MN_FLEET_SKILL_HOST_H
#define MN_FLEET_SKILL_HOST_H
#include "base/buf.h"

/* Serve until the end of `in`; this process is for nothing else, for a function that does not come
 * back ends it: MN_ECANCELLED. Standard output becomes standard error for whoever prints in there;
 * `out` is where answers go, and may be what was standard output. MN_EINVAL: it is no shared object
 * of skills, with the reason. */
int mn_skill_serve(const char *path, int in, int out);

/* skill_new.c. A working skeleton in the folder: language "c" (NAME.c and omnesia_skill.h),
 * "python" (NAME.py), or "ros2" (NAME.py that calls an action of ROS, `action` is PKG/action/TYPE).
 * What to do next is appended to *said. No file is ever overwritten: MN_EBUSY. MN_EINVAL: name,
 * language or action. */
int mn_skill_new(const char *name, const char *language, const char *action, const char *folder,
                 mn_buf *said);

#endif
