/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mail.h - how other threads tell the HTTP thread something: a letter box and a bell.
 *
 * A letter is part of what it speaks of, and is in the box once at most; so posting needs no memory
 * and cannot fail, and many tokens that came while the HTTP thread was busy are one letter. What a
 * letter says is guarded by the lock of the box.
 */
#ifndef MN_SERVE_MAIL_H
#define MN_SERVE_MAIL_H
#include <pthread.h>

typedef struct mn_letter mn_letter;
struct mn_letter {
    mn_letter *next;
    int posted;
    void (*read)(mn_letter *letter); /* on the HTTP thread, without the lock */
};

typedef struct mn_mail {
    pthread_mutex_t lock;
    mn_letter *first, **last;
    int bell; /* an eventfd */
} mn_mail;

int mn_mail_open(mn_mail *mail);
void mn_mail_close(mn_mail *mail);
void mn_mail_lock(mn_mail *mail);
void mn_mail_unlock(mn_mail *mail);
void mn_mail_post(mn_mail *mail, mn_letter *letter); /* with the lock held */
void mn_mail_read(mn_mail *mail);                    /* on the HTTP thread: all that is there */

#endif
