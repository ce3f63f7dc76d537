/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.pml - a change is told to who sleeps, and a wake is asked for only if somebody does.
 *
 * Stands for touch and mn_topic_sleep of src/region/topic.c, finish of src/region/object.c and
 * mn_watcher_next of src/region/watch.c: two writers change a bucket and then the topic (count and
 * armed bit in one word, the recent entry behind it), a watcher looks, arms, and sleeps in the
 * kernel, which compares the word once more. A writer may be killed between any two steps; a third
 * process buries it and counts the topic up. The watcher's own round every two seconds is left out:
 * without it, too, it must hear of everything.
 *
 * Proves: whenever nobody moves any more, the watcher has seen the last state of the bucket; and
 * that it looked at the right bucket when it trusted an entry.
 */
#define CHANGES 2 /* of each writer */

#ifdef MUTANT_1 /* touch: the armed bit is looked at before the count goes up */
#define ARMED_BEFORE
#endif
#ifdef MUTANT_2 /* mn_topic_sleep: armed without comparing the count that was seen */
#define ARM_BLINDLY
#endif
#ifdef MUTANT_3 /* finish: the topic first, then the bucket */
#define TOPIC_FIRST
#endif
#ifdef MUTANT_4 /* mn_topic_change: an entry is believed without its number */
#define TRUST_ENTRY
#endif
#ifdef MUTANT_5 /* bury: topics are not bumped */
#define NO_BUMP
#endif
#ifdef MUTANT_6 /* catch_up: looks, and then takes the count */
#define COUNT_LAST
#endif
#ifdef MUTANT_7 /* mn_topic_sleep: the kernel does not compare */
#define NO_COMPARE
#endif

byte bucket[2];      /* changes of two buckets */
byte count;          /* of the topic */
bool armed;
byte entry[2];       /* change n at n % 2: n * 2 + bucket + 1 */
bool asleep;         /* in the kernel */
byte seen[2];        /* by the watcher */
bool dead[2], buried[2];
byte kills;
byte done;           /* writers and the grave digger that have ended */

inline wake() {
    asleep = false
}

/* touch(topic, bucket b) */
inline touch(b) {
#ifdef ARMED_BEFORE
    was = armed;
    d_step { count++; n = count; armed = false };
#else
    d_step { was = armed; count++; n = count; armed = false }; /* one compare-and-swap */
#endif
    if
    :: b < 2 -> entry[n % 2] = n * 2 + b + 1
    :: else
    fi;
    if
    :: was -> wake()
    :: else
    fi
}

proctype writer(byte me) {
    byte i, n;
    bool was;
    do
    :: i < CHANGES ->
        i++;
        if
        :: kills == 0 -> kills++; dead[me] = true; goto gone
        :: true
        fi;
#ifdef TOPIC_FIRST
        touch(me);
        bucket[me]++
#else
        bucket[me]++;
        if
        :: kills == 0 -> kills++; dead[me] = true; goto gone /* nobody was told */
        :: true
        fi;
        d_step { was = false; n = 0 };
        touch(me)
#endif
    :: i == CHANGES -> break
    od;
gone:
    done++
}

proctype digger() {
    byte n, i;
    bool was;
    do
    :: d_step { dead[0] && !buried[0] -> buried[0] = true };
#ifndef NO_BUMP
        touch(2)
#endif
    :: d_step { dead[1] && !buried[1] -> buried[1] = true };
#ifndef NO_BUMP
        touch(2)
#endif
    :: done == 2 && (!dead[0] || buried[0]) && (!dead[1] || buried[1]) -> break
    od;
    done++
}

proctype watcher() {
    byte at, now, i, e;
    bool all;
end:
    do
    :: true ->
#ifdef COUNT_LAST
        seen[0] = bucket[0];
        seen[1] = bucket[1];
        at = count;
#else
        now = count;
        all = (now - at > 2);
        i = at;
        do
        :: !all && i < now ->
            i++;
            e = entry[i % 2];
#ifdef TRUST_ENTRY
            if
            :: e -> seen[(e - 1) % 2] = bucket[(e - 1) % 2]
            :: else
            fi
#else
            if
            :: e && (e - 1) / 2 == i -> seen[(e - 1) % 2] = bucket[(e - 1) % 2]
            :: else -> all = true
            fi
#endif
        :: else -> break
        od;
        if
        :: all -> seen[0] = bucket[0]; seen[1] = bucket[1]
        :: else
        fi;
        at = now;
#endif
        d_step { now = 0; i = 0; e = 0; all = false };
        /* mn_topic_sleep */
        if
#ifdef ARM_BLINDLY
        :: d_step { armed = true; at = count } ->
#else
        :: d_step { count == at -> armed = true } ->
#endif
            if
#ifdef NO_COMPARE
            :: atomic { true -> asleep = true };
#else
            :: atomic { count == at && armed -> asleep = true };
#endif
end_asleep:     !asleep
            :: atomic { !(count == at && armed) -> skip }
            fi
        :: count != at
        fi
    od
}

/* When all have ended and the watcher sleeps, it knows. */
proctype judge() {
end:
    atomic {
        done == 3 && asleep ->
        assert(seen[0] == bucket[0] && seen[1] == bucket[1])
    }
}

init {
    atomic { run writer(0); run writer(1); run digger(); run watcher(); run judge() }
}
