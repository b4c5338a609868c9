/* longtake/segment.h -- how a job is cut and handed out.
 *
 * in    frame counts, sizes of files, the number of shards and of ranks
 * out   segments, halos, the shard of each video or segment, and who does what next
 * owns  lt_handout its table; everything else is a pure function
 *
 * No I/O and no clock: the same job is cut the same way on every rank, in every run. */
#ifndef LONGTAKE_SEGMENT_H
#define LONGTAKE_SEGMENT_H

#include <longtake/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Frames first to last of one video's result, both inclusive. */
typedef struct {
    int64_t first, last;
} lt_range;

/* What a stage reads around the frames it writes. */
typedef struct {
    int64_t before, after;       /* frames of halo; clipped at the ends of the video */
    int64_t multiple;            /* segments are a multiple of this many frames (the window's stride) */
} lt_grid;

/* `wanted` (at least 1) rounded up to whole windows of the grid. */
int64_t lt_segment_length(const lt_grid *grid, int64_t wanted);

/* Segments of a result of n_frames; 0 for an empty one. */
int64_t lt_segment_count(int64_t n_frames, int64_t length);

/* Segment `k`, 0 <= k < lt_segment_count(). The last one may be shorter. */
lt_range lt_segment_at(int64_t n_frames, int64_t length, int64_t k);

/* The frames that are read to make `segment`: itself and its halo, clipped to the video. */
lt_range lt_segment_needs(const lt_grid *grid, lt_range segment, int64_t n_frames);

/* The shard, 0 <= . < n_shards, of each of n items that lie in a row with these weights (bytes or frames):
 * shard i owns the items whose middle lies in the i-th of n_shards equal parts of the total. Contiguous and
 * monotone; items of weight 0 count as 1. `shard` [n] is written. */
void lt_shard_cut(const int64_t *weight, int64_t n, int n_shards, int *shard);

typedef struct {
    int index, count;
} lt_shard;

/* "i/N" as given to --shard. LT_E_USAGE unless 0 <= i < N. */
LT_NODISCARD lt_status lt_shard_parse(const char *text, lt_shard *out);

/* Where the environment of a launcher names a shard. `get` reads a variable (getenv's shape).
 * own_only: LONGTAKE_SHARD_INDEX and LONGTAKE_SHARD_COUNT alone; else also Slurm arrays (the index is
 * SLURM_ARRAY_TASK_ID itself; Slurm's count is that of one submission and is never used), SkyPilot, AWS Batch
 * and Kubernetes indexed jobs.
 * out->index is -1 where nothing is said, out->count 0 where only the index is. *source names the launcher.
 * LT_E_USAGE for half of a pair of ours or an index outside its count. */
LT_NODISCARD lt_status lt_shard_from_env(char *(*get)(const char *), int own_only, lt_shard *out,
                                         const char **source);

/* Hands out n items to ranks: each rank begins with one contiguous block of about equal weight and takes it
 * from its start; who runs dry takes from the far end of the longest remaining block. */
typedef struct lt_handout lt_handout;

/* `weight` [n] is read now. done[i] != 0 leaves item i out. */
LT_NODISCARD lt_status lt_handout_create(const int64_t *weight, const uint8_t *done, int64_t n, int n_ranks,
                                         lt_handout **out);

/* The next item for `rank`, or -1 when none is left. */
int64_t lt_handout_next(lt_handout *h, int rank);

/* Items not yet handed out. */
int64_t lt_handout_left(const lt_handout *h);

/* *h is NULL afterwards; NULL is accepted. */
void lt_handout_destroy(lt_handout **h);

#ifdef __cplusplus
}
#endif
#endif
