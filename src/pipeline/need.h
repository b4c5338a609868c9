/* pipeline/need.h -- what a rank holds beside the plan of its task. Private to src/pipeline.
 *
 * in    sizes of frames, fields of a result
 * out   bytes, and the options they follow from
 * owns  nothing */
#ifndef LT_PIPELINE_NEED_H
#define LT_PIPELINE_NEED_H

#include <longtake/media.h>
#include <longtake/store.h>
#include <longtake/task.h>

/* Bytes of all fields of one frame as a task hands them over, or of a raw map where that is more. */
size_t lt_need_frame(const lt_field *fields, int n_fields, int width, int height, const lt_finish_config *finish);

/* Frames of a video as its header tells, rounded up: what host memory grows with. 0 where it does not tell. */
int64_t lt_need_frames(const lt_media_info *info);

/* Whether two videos need the same, so that one ladder and one plan serve both. */
bool lt_need_same(const lt_media_info *a, const lt_media_info *b);

/* What a writer of such frames may use; on_commit is left empty. */
lt_writer_opts lt_need_writer(const lt_settings *s, int n_threads, size_t max_frame_bytes);

/* Device memory through which halo records of this size travel between GPUs, at the end of the arena. */
size_t lt_need_staging(const lt_machine *m, int ranks, size_t record);

#endif
