#include "media_private.h"

/* What a packet's first bits say, for the codecs whose streams may be entered at a key frame. The containers' key flags
 * alone are not enough: some mark recovery points, from which decoding is only nearly right, and some mark everything.
 * Sources: ITU-T H.264 7.3.1 and table 7-1; ITU-T H.265 7.3.1.2 and table 7-1; VP9 bitstream specification 6.2 and annex
 * B; AV1 bitstream specification 5.3.2, 5.5.1 and 5.9.2. */

enum { H264_SLICE = 1, H264_IDR = 5, HEVC_FIRST_IRAP = 16, HEVC_LAST_IRAP = 21, HEVC_LAST_VCL = 31 };
enum { OBU_SEQUENCE = 1, OBU_FRAME_HEADER = 3, OBU_FRAME = 6 };

/* Bytes of the length before each NAL unit, or 0 where start codes part them. */
static int nal_length_bytes(const AVCodecParameters *p)
{
    const int at = p->codec_id == AV_CODEC_ID_H264 ? 4 : 21;
    return p->extradata_size > at && p->extradata[0] == 1 ? (p->extradata[at] & 3) + 1 : 0;
}

/* The first NAL unit that is a picture's: whether a decoder may start at it. */
static bool nal_entry(const AVCodecParameters *p, const uint8_t *d, int n)
{
    const int bytes = nal_length_bytes(p);
    for (int64_t at = 0; bytes && at + bytes < n;) {
        int64_t length = 0;
        for (int i = 0; i < bytes; i++) length = length << 8 | d[at + i];
        const uint8_t first = d[at + bytes];
        const int h264 = first & 31, hevc = first >> 1 & 63;
        if (p->codec_id == AV_CODEC_ID_H264 && h264 >= H264_SLICE && h264 <= H264_IDR) return h264 == H264_IDR;
        if (p->codec_id == AV_CODEC_ID_HEVC && hevc <= HEVC_LAST_VCL) return hevc >= HEVC_FIRST_IRAP && hevc <= HEVC_LAST_IRAP;
        at += bytes + length;
    }
    return false;
}

/* The first three fields of a VP9 frame: *key, and whether it is shown. */
static bool vp9_shown(const uint8_t *d, int n, bool *key)
{
    *key = false;
    if (n < 2 || d[0] >> 6 != 2) return false;
    const int bits = d[0] << 8 | d[1], profile = (d[0] >> 5 & 1) | (d[0] >> 4 & 1) << 1;
    const int at = profile == 3 ? 10 : 11;             /* profile 3 has one reserved bit more */
    if (bits >> at & 1) return true;                   /* shows a frame that is already there */
    *key = !(bits >> (at - 1) & 1);
    return bits >> (at - 2) & 1;
}

/* A superframe ends in an index, and its last frame is the one that is shown. */
static bool vp9_superframe(const uint8_t *d, int n)
{
    return n > 0 && (d[n - 1] & 0xe0) == 0xc0;
}

static bool av1_entry(const uint8_t *d, int n)
{
    bool sequence = false;
    for (int64_t at = 0; at < n;) {
        const int type = d[at] >> 3 & 15, extension = d[at] >> 2 & 1, sized = d[at] >> 1 & 1;
        int64_t length = 0;
        at += 1 + extension;
        if (!sized) length = n - at;
        for (int i = 0; sized && i < 8 && at < n; i++) {
            const uint8_t b = d[at++];
            length |= (int64_t)(b & 127) << 7 * i;
            if (!(b & 128)) break;
        }
        if (type == OBU_SEQUENCE) sequence = true;
        /* show_existing_frame 0, frame_type KEY_FRAME 0, show_frame 1: all references begin anew. */
        if (type == OBU_FRAME_HEADER || type == OBU_FRAME) return sequence && at < n && d[at] >> 4 == 1;
        at += length;
    }
    return false;
}

const char *lt_packet_doubt(const AVCodecParameters *p, const AVPacket *packet)
{
    const bool key = packet->flags & AV_PKT_FLAG_KEY;
    bool vp9_key;
    switch (p->codec_id) {
    case AV_CODEC_ID_H264: case AV_CODEC_ID_HEVC:
        return key && !nal_entry(p, packet->data, packet->size) ? "a key frame is only a recovery point" : NULL;
    case AV_CODEC_ID_VP9:
        if (!vp9_shown(packet->data, packet->size, &vp9_key) && !vp9_superframe(packet->data, packet->size))
            return "a packet holds a frame that is not shown";
        return key && !vp9_key ? "a key frame is marked that is none" : NULL;
    case AV_CODEC_ID_AV1:
        return key && !av1_entry(packet->data, packet->size) ? "a key frame is marked that does not begin anew" : NULL;
    case AV_CODEC_ID_MJPEG: case AV_CODEC_ID_PRORES: case AV_CODEC_ID_FFV1: case AV_CODEC_ID_PNG:
        return key ? NULL : "a frame is not coded on its own";
    default:
        return "its codec is not one whose packets tell all";
    }
}
