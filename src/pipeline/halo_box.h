/* pipeline/halo_box.h -- the halo records that a rank holds, and the one that it waits for.
 *
 * in    records that the worker made, records that came from another rank
 * out   the same, to the worker and to the thread that sends
 * owns  a few buffers of a planned size; a record is dropped when its place is needed and nobody has it in hand
 *
 * Any thread may call. A record is named by its piece. */
#ifndef LT_PIPELINE_HALO_BOX_H
#define LT_PIPELINE_HALO_BOX_H

#include <longtake/status.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lt_halo_box lt_halo_box;

/* Host memory of a box for records of at most `room` bytes. */
size_t lt_halo_box_bytes(size_t room);

LT_NODISCARD lt_status lt_halo_box_create(size_t room, lt_halo_box **out);

size_t lt_halo_box_room(const lt_halo_box *box);

/* A place for the record of `piece`, to be filled and handed back by lt_halo_box_keep; NULL where all are in hand: the record is not kept. */
void *lt_halo_box_place(lt_halo_box *box, int64_t piece);

/* The record is n_bytes long (0: it came to nothing) and can be taken from now on. */
void lt_halo_box_keep(lt_halo_box *box, int64_t piece, size_t n_bytes);

/* The record of a piece, in hand until lt_halo_box_give; NULL where it is not here. */
const void *lt_halo_box_take(lt_halo_box *box, int64_t piece, size_t *n_bytes);
void lt_halo_box_give(lt_halo_box *box, int64_t piece);

/* Waits until the record of a piece is here and takes it. NULL after `timeout_s`, when *stop is not 0, or when it is known that it will not
 * come (lt_halo_box_keep with 0, or lt_halo_box_refuse). */
const void *lt_halo_box_wait(lt_halo_box *box, int64_t piece, double timeout_s, const atomic_int *stop, size_t *n_bytes);

/* The record of this piece will not come. */
void lt_halo_box_refuse(lt_halo_box *box, int64_t piece);

/* Records that are held now. */
int lt_halo_box_held(lt_halo_box *box);

/* *box is NULL afterwards; NULL is accepted. */
void lt_halo_box_destroy(lt_halo_box **box);

#endif
