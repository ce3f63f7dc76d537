/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mail.c - a list under a lock, and an eventfd that rings when it is no longer empty.
 */
#include "serve/mail.h"

#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mn_mail_open(mn_mail *mail) {
    *mail = (mn_mail){.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    mail->last = &mail->first;
    if (mail->bell < 0) return MN_FAIL(MN_EIO, "cannot make an eventfd: %s", strerror(errno));
    pthread_mutex_init(&mail->lock, NULL);
    return 0;
}

void mn_mail_close(mn_mail *mail) {
    if (mail->bell < 0 || !mail->last) return;
    close(mail->bell);
    pthread_mutex_destroy(&mail->lock);
    mail->last = NULL;
}

void mn_mail_lock(mn_mail *mail) {
    pthread_mutex_lock(&mail->lock);
}

void mn_mail_unlock(mn_mail *mail) {
    pthread_mutex_unlock(&mail->lock);
}

void mn_mail_post(mn_mail *mail, mn_letter *letter) {
    if (letter->posted) return;
    const int ring = !mail->first;
    letter->posted = 1;
    letter->next = NULL;
    *mail->last = letter;
    mail->last = &letter->next;
    /* The counter cannot be full: it is read to zero before the box is emptied. */
    if (ring && write(mail->bell, &(uint64_t){1}, 8) < 0) return;
}

void mn_mail_read(mn_mail *mail) {
    uint64_t count;
    if (read(mail->bell, &count, sizeof count) < 0 && errno != EAGAIN) return;
    mn_mail_lock(mail);
    mn_letter *letter = mail->first;
    mail->first = NULL;
    mail->last = &mail->first;
    while (letter) { /* one by one: what reads a letter may post it again, or free it */
        mn_letter *next = letter->next;
        letter->posted = 0;
        mn_mail_unlock(mail);
        letter->read(letter);
        mn_mail_lock(mail);
        letter = next;
    }
    mn_mail_unlock(mail);
}
