/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2_load.c - libomnesia_ros2.so, where it lies: beside the program or library that this
 * code is in, where a build or an installation has it, or where OMNESIA_ROS2 says.
 */
#include "fleet/ros2_inside.h"

#include "base/error.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "libomnesia_ros2.so";
/* From where this code is. */
static const char *const places[] = {
    "/",                /* side by side */
    "/src/fleet/ros2/", /* a build: the program.. */
    "/fleet/ros2/",     /* ..the library */
    "/omnesia/",        /* installed: the library.. */
    "/../lib/omnesia/", /* ..the program */
    "/../lib64/omnesia/",
    "/../lib/x86_64-linux-gnu/omnesia/",
    "/../lib/aarch64-linux-gnu/omnesia/",
};

static void *try(const char *path, char why[300]) {
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, 300, "%s", dlerror());
    return library;
}

static void *find(char why[300]) {
    const char *const said = getenv("OMNESIA_ROS2");
    char self[PATH_MAX] = "", path[PATH_MAX + 64];
    Dl_info here;
    if (said && *said) return try(said, why);
    if (dladdr(places, &here) && here.dli_fname && strchr(here.dli_fname, '/'))
        snprintf(self, sizeof self, "%s", here.dli_fname);
    if (!*self || access(self, F_OK)) {
        const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        self[n > 0 ? n : 0] = 0;
    }
    const char *const folder = dirname(self);
    snprintf(why, 300, "%s is not here", name);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s%s", folder, places[i], name);
        if (!access(path, F_OK)) return try(path, why); /* this one or none */
    }
    return NULL;
}

int mn_ros2_load(const mn_ros2_module **out) {
    char why[300] = "";
    void *const library = find(why);
    const mn_ros2_module *const m = library ? dlsym(library, MN_ROS2_SYMBOL) : NULL;
    if (library && !m) snprintf(why, sizeof why, "it has no %s", MN_ROS2_SYMBOL);
    if (m && m->format != MN_ROS2_FORMAT)
        snprintf(why, sizeof why, "it is of format %d, not %d", m->format, MN_ROS2_FORMAT);
    *out = m;
    if (m && m->format == MN_ROS2_FORMAT) return 0;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "ROS 2 is spoken through the module %s, which cannot be used here (%s): it is "
                   "built when Debian's cyclonedds-dev and cyclonedds-tools are there, and needs "
                   "libddsc0debian",
                   name, why);
}
