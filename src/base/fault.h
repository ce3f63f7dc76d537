/* SPDX-License-Identifier: Apache-2.0
 *
 * base/fault.h - the named point before each I/O call of base/ that can fail.
 *
 * OMNESIA_FAIL_IO=N makes the N-th such call of this process fail with EIO; N:ENOSPC or N:EINTR
 * chooses the error. Tests count N up until a command passes.
 */
#ifndef MN_BASE_FAULT_H
#define MN_BASE_FAULT_H

int mn_fault(void);       /* 1: this call fails, errno is set */
long mn_fault_left(void); /* calls up to the one that fails; 0 or less: it has, or none will */

#endif
