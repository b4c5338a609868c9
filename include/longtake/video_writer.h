/* longtake/video_writer.h -- RGB frames out as a video file.
 *
 * in    frames [H,W,3] of 8 bits, in order
 * out   .mkv, FFV1, whose frames read back in the same bytes; or .mp4, H.264, for the eye
 * owns  the file and an encoder; frames are borrowed for the length of a call
 *
 * Used by one thread at a time. The same frames make the same file with the same libraries. Failures of the file are
 * LT_E_STORE and name the path; a file that was not closed is not to be used. */
#ifndef LONGTAKE_VIDEO_WRITER_H
#define LONGTAKE_VIDEO_WRITER_H

#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_video_writer lt_video_writer;

typedef enum {
    LT_VIDEO_LOSSLESS,           /* FFV1, bgr0: of any size */
    LT_VIDEO_H264,               /* 4:2:0, BT.709, crf 18; width and height even. Needs libavcodec with libx264. */
    LT_VIDEO_MPEG4               /* 4:2:0, BT.601, best quality; width and height even. In every libavcodec. */
} lt_video_codec;

/* Replaces `path`. fps_num / fps_den frames a second. LT_E_USAGE for a size or a codec that cannot be. */
LT_NODISCARD lt_status lt_video_writer_open(const char *path, int width, int height, int fps_num, int fps_den,
                                            lt_video_codec codec, lt_video_writer **out);

/* The next frame; `stride` bytes from row to row. */
LT_NODISCARD lt_status lt_video_writer_put(lt_video_writer *w, const uint8_t *rgb, size_t stride);

/* Writes what the encoder still holds and closes the file. *w is NULL afterwards, also on failure; NULL is accepted. */
LT_NODISCARD lt_status lt_video_writer_close(lt_video_writer **w);

#ifdef __cplusplus
}
#endif
#endif
