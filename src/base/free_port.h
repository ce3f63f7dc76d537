/* SPDX-License-Identifier: Apache-2.0
 *
 * base/free_port.h - a port of this machine for a server that is started next.
 */
#ifndef MN_BASE_FREE_PORT_H
#define MN_BASE_FREE_PORT_H

/* Nobody listens at it on 127.0.0.1 just now: `want` where that is so, else (and for want 0) any.
 * MN_EIO: there is none. */
int mn_free_port(int want, int *port);

#endif
