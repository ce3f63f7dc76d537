/* SPDX-License-Identifier: Apache-2.0
 *
 * base/error.h - how everything in Omnesia fails.
 *
 * A function that can fail returns int: 0 or a positive count is success, a negative
 * MN_E* code is failure. A failure is born exactly once, in MN_FAIL(code, "sentence"),
 * which stores one clear sentence with the numbers and what to do; MN_TRY passes it on
 * untouched. The sentence is per thread, valid until that thread's next MN_FAIL.
 * The library never exits, prints or sets signal handlers.
 */
#ifndef MN_BASE_ERROR_H
#define MN_BASE_ERROR_H

/* What omnesia.h declares too, as there: seen from outside of the shared library. */
#define MN_API __attribute__((visibility("default")))

/* X(name, number, what the code means when no better sentence is at hand) */
#define MN_ERROR_LIST(X)                                            \
    X(EINVAL, -1, "an argument is outside what is allowed")         \
    X(ENOMEM, -2, "not enough memory")                              \
    X(EIO, -3, "reading or writing failed")                         \
    X(ENOENT, -4, "not found")                                      \
    X(ECORRUPT, -5, "the data is damaged or not what it claims")    \
    X(EUNSUPPORTED, -6, "valid, but not supported here")            \
    X(EFULL, -7, "the memory budget or the disk is full")           \
    X(ETOOLONG, -8, "longer than the context or the buffer allows") \
    X(ECANCELLED, -9, "stopped on request")                         \
    X(EBUSY, -10, "in use by another process")                      \
    X(ENETWORK, -11, "could not be fetched")                        \
    X(ECONFLICT, -12, "changed by somebody else in the meantime")

enum {
#define X(name, number, text) MN_##name = number,
    MN_ERROR_LIST(X)
#undef X
};

/* Store "format..." as this thread's error sentence; returns `code`. Called by MN_FAIL only. */
int mn_error_set(int code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The sentence of this thread's last failure; "" before the first. Borrowed. */
MN_API const char *mn_error_detail(void);

/* What `code` means in general ("not enough memory"). Static, never NULL. */
MN_API const char *mn_error_text(int code);

#define MN_FAIL(code, ...) mn_error_set((code), __FILE__, __LINE__, __VA_ARGS__)
#define MN_TRY(call)                         \
    do {                                     \
        int mn_try_rc = (call);              \
        if (mn_try_rc < 0) return mn_try_rc; \
    } while (0)

#endif
