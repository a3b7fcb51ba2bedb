/* What the tests in C share: memory between pages that cannot be read, and failures. */
#ifndef FASTNN_TESTS_REPLAY_H
#define FASTNN_TESTS_REPLAY_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastnn.h"

enum { PLACES = FNN_MAX_ARRAYS, CANARY = 0x5a };

/* Where memory for one array lies: it begins right behind an unreadable page, or ends right before
 * one, or begins at an odd address. The other side has canaries. */
enum side { AT_BEGIN, AT_END, ODD };
void clear_places(void);
void *place(size_t bytes, enum side side);

void fail(const char *what);        /* of the call in hand */
void in_hand(const fnn_call *call); /* which call the next failures are of */

void test_all_finite(void);
void test_denormals(void);
void test_processor(void);
void test_teams(void); /* of no table */

#endif
