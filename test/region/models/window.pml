/* SPDX-License-Identifier: Apache-2.0
 *
 * window.pml - rows that went back: first say that they go, then look who is there.
 *
 * Stands for give_back of src/kv/seq.c, mn_extent_shared, and readers: mn_kv_extent_attach, which
 * pins and then looks at `gone`, mn_kv_spans_intact, now and later (a fork, a trim), and the rows.
 * Process 0 writes the extent and gives back its two blocks of rows, one or both at a time; 1 and 2
 * read. `gone` and pins stay in store buffers until a fence. Everybody buries; when the writer is
 * dead nothing goes back any more.
 *
 * Proves: no reader uses a row that went back; and a row that a reader once found there is there,
 * and found, as long as its pin holds.
 */
#ifdef MUTANT_1 /* give_back: no fence between `gone` and the pins */
#define WRITER_NO_FENCE
#endif
#ifdef MUTANT_2 /* mn_extent_pin: no fence between the pin and what follows */
#define READER_NO_FENCE
#endif
#ifdef MUTANT_3 /* give_back: does not look again once it has said what goes */
#define LOOK_ONCE
#endif
#ifdef MUTANT_4 /* a reader looks at `gone`, then pins */
#define PIN_LAST
#endif
#ifdef MUTANT_5 /* give_back: rows go, then it says so */
#define DROP_FIRST
#endif
#ifdef MUTANT_6 /* mn_region_reap: without the lock */
#define BURY_WITHOUT_LOCK
#define KILLS 0
#endif
#ifdef MUTANT_7 /* mn_kv_spans_intact: looks at `gone` as it is now, not as it was when we pinned */
#define ASK_AGAIN
#endif
#ifdef MUTANT_8 /* give_back: takes back what it said of rows it has dropped */
#define TAKE_BACK
#endif

#include "world.pml"

#define gone said[0] /* blocks that went back; said[1] and said[2] are pins of readers */
bool went[2];        /* block k has no pages */

inline bury() {
    if
    :: p == 0
    :: p != 0 -> said[p] = 0
    fi
}

/* mn_extent_shared: the own pin is there, and is not counted. */
inline look() {
    d_step { found = said[1] };
    d_step { found = found || said[2] }
}
inline drop() {
    if
    :: !was -> went[0] = true
    :: was
    fi;
    if
    :: to == 2 -> went[1] = true
    :: to != 2
    fi
}
inline give_back() {
    look();
    if
    :: found
    :: !found ->
#ifdef DROP_FIRST
        drop();
#endif
        store(to);
#ifndef WRITER_NO_FENCE
        fence();
#endif
#ifndef LOOK_ONCE
        look();
#endif
        if
        :: found -> store(was)
        :: !found ->
            drop();
#ifdef TAKE_BACK
            store(was)
#endif
        fi
    fi;
    atomic { was = 0; to = 0; found = false }
}

/* seen: `gone` + 1 as it was behind the pin. */
inline attach() {
#ifdef PIN_LAST
    seen = gone + 1;
#endif
    store(1);
#ifndef READER_NO_FENCE
    fence();
#endif
#ifndef PIN_LAST
    seen = gone + 1
#endif
}
#ifdef ASK_AGAIN
#define GONE_NOW gone
#else
#define GONE_NOW (seen - 1)
#endif

proctype writer(byte me) {
    byte was, to, p;
    bool found;
    {
end:
        do
        :: d_step { OWN < 2 -> was = OWN; to = was + 1 }; give_back()
        :: d_step { OWN < 1 -> to = 2 }; give_back()
        :: GRAVE -> dig()
        od
    } unless { atomic { kill[me]?1 -> die(); was = 0; to = 0; p = 0; found = false } }
}

proctype reader(byte me) {
    byte seen, p;
    bool uses; /* it found the last block there, once */
    {
end:
        do
        :: !seen -> attach()
        :: seen && !uses -> uses = (GONE_NOW <= 1)
        :: uses -> assert(!went[1]); assert(GONE_NOW <= 1)
        :: seen && GONE_NOW == 0 -> assert(!went[0])
        :: d_step { seen && !late[me] -> seen = 0; uses = false; late[me] = 0 + 1 }
        :: GRAVE -> dig()
        od
    } unless { atomic { kill[me]?1 -> die(); seen = 0; uses = false; p = 0 } }
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        lock[2] = 3; taken[2] = true
    };
    atomic { run world(); run writer(0); run reader(1); run reader(2) }
}
