/* pipeline/exchange.h -- halo records on their way between ranks.
 *
 * in    the word of rank 0 who needs which record, and what the other ranks answer
 * out   records in the box of the rank that asked, or the word that they will not come
 * owns  the transfers; borrows the communicator, the carrier and the box
 *
 * Offer, answer, block: a block is only sent to a rank that has made room and is receiving it, so that no rank is held up at its end.
 *
 * Over a carrier that takes turns there is one transfer in the job at a time. The sender that was answered asks rank 0 for a turn; rank 0 gives turns in
 * the order of asking, numbered; the sender names piece and turn to the receiver and posts its side, the receiver posts the other; both report the end to
 * rank 0, and the next turn is given. Nothing can wait in a circle: only the two ranks of the turn have posted anything, each posts as soon as it has heard,
 * waiting for nothing, since the room is made before the turn is asked for; and messages travel beside the carrier. A rank that died or hangs is found by
 * the deadline of the transfer, on the other side, and the job then stops.
 *
 * All calls are made by the thread that makes the MPI calls. */
#ifndef LT_PIPELINE_EXCHANGE_H
#define LT_PIPELINE_EXCHANGE_H

#include "halo_box.h"

#include <longtake/carrier.h>

typedef struct lt_exchange lt_exchange;

/* kind: that of the messages of exchanges; n[7] of them is this module's. */
LT_NODISCARD lt_status lt_exchange_create(lt_comm *comm, lt_carrier *carrier, lt_halo_box *box, int kind, lt_exchange **out);

/* Offers the record of `piece` to a rank; where it is not here any more, says so. */
LT_NODISCARD lt_status lt_exchange_offer(lt_exchange *x, int64_t piece, int to);

/* A message of this kind. */
LT_NODISCARD lt_status lt_exchange_hear(lt_exchange *x, const lt_message *m);

/* Moves things on; does not wait. A failure of the carrier is told here or by lt_exchange_hear (lt_carrier_broken). */
LT_NODISCARD lt_status lt_exchange_poll(lt_exchange *x);

/* Whether something is on its way; on rank 0 also whether a turn is out. */
bool lt_exchange_busy(const lt_exchange *x);

/* Takes back the offers that were not answered. */
void lt_exchange_stop(lt_exchange *x);

/* Gives up what is still on its way, and whatever would come; the ranks are leaving. */
void lt_exchange_abandon(lt_exchange *x);

/* *x is NULL afterwards; NULL is accepted. */
void lt_exchange_destroy(lt_exchange **x);

#endif
