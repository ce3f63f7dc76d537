/* SPDX-License-Identifier: Apache-2.0
 *
 * api/version.c - which Omnesia this is. The number stands once, in meson.build's project();
 * it arrives here as MN_VERSION, and in omnesia.pc by Meson itself.
 */
#include "omnesia.h"

const char *mn_version(void) {
    return MN_VERSION;
}
