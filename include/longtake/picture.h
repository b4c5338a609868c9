/* longtake/picture.h -- a result as a picture.
 *
 * in    a result; the source video, where it is still to be found
 * out   a PNG: one frame of a field, or a contact sheet of moments over the video
 * owns  nothing after the call
 *
 * Reads HDF5: one thread of a process at a time (longtake/store.h). */
#ifndef LONGTAKE_PICTURE_H
#define LONGTAKE_PICTURE_H

#include <longtake/log.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *result;          /* path of the .h5 */
    const char *field;           /* NULL: the first; on a sheet all that can be drawn */
    bool        sheet;
    int64_t     frame;           /* of a single picture */
    int64_t     rows;            /* moments on a sheet, at most 32 */
    int64_t     width;           /* pixels; 0: as it is, 1600 for a sheet */
    const char *output;          /* NULL: named after the result */
    lt_log     *log;             /* borrowed; may be NULL */
} lt_picture_opts;

enum { LT_PICTURE_PATH = 4096 };

/* Draws, and writes the PNG's path to `path` [LT_PICTURE_PATH]. LT_E_USAGE for a frame or field that is not there,
 * LT_E_ABSENT or LT_E_DATA for a result that cannot be read, LT_E_STORE where the PNG cannot be written. */
LT_NODISCARD lt_status lt_picture_draw(const lt_picture_opts *opts, char *path);

#ifdef __cplusplus
}
#endif
#endif
