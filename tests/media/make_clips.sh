#!/bin/sh
# make_clips.sh DIR: the clips of the media tests and what the ffmpeg command line makes of each (NAME.rgb, 8-bit RGB
# frames one after the other, not rotated). Complete when DIR/done is newer than this file; does nothing then.
set -eu
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
[ "$dir/done" -nt "$0" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
cat > list.new < /dev/null

ff() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }


# note NAME FILE WHAT: one line of the table. WHAT: seek (must be seek-safe), start (must not), either.
note() {
  ff -loglevel fatal -flags +bitexact -idct simple -threads 1 -noautorotate -i "$2" -map 0:v:0 -fps_mode passthrough \
    -sws_flags bicubic+accurate_rnd+bitexact+full_chroma_int -pix_fmt rgb24 -f rawvideo "$1.rgb"
  echo "$1 $2 $3" >> list.new
}

# clip NAME EXTENSION WHAT N OPTIONS...: N frames of moving shapes and noise, encoded with OPTIONS.
source="testsrc2=size=96x64:rate=25"
odd="testsrc2=size=96x64:rate=25,format=gbrp,crop=95:63:0:0"
clip() {
  name=$1 file=$1.$2 what=$3 n=$4
  shift 4
  ff -f lavfi -i "$source,noise=alls=12:allf=t:all_seed=7" -frames:v "$n" -threads 1 "$@" "$file"
  note "$name" "$file" "$what"
}

x264="-c:v libx264 -preset medium -pix_fmt yuv420p -g 10"
x265="-c:v libx265 -preset fast -pix_fmt yuv420p"
clip h264_mp4 mp4 seek 60 $x264 -bf 3
clip h264_mov mov seek 40 $x264 -bf 2
clip h264_mkv mkv seek 40 $x264 -bf 3 -x264-params b-pyramid=normal
clip h264_avi avi start 40 $x264 -bf 0
clip h264_avi_b avi start 40 $x264 -bf 2
clip h264_ts ts start 40 $x264 -bf 3
clip h264_open_gop mp4 start 60 $x264 -bf 3 -x264-params open-gop=1:scenecut=0
clip h264_open_gop_mkv mkv start 60 $x264 -bf 3 -x264-params open-gop=1:scenecut=0
clip h264_refresh mp4 either 60 $x264 -bf 0 -x264-params intra-refresh=1
clip h264_refresh_ts ts start 60 $x264 -bf 0 -x264-params intra-refresh=1
clip h264_mbaff mp4 start 40 $x264 -bf 2 -flags +ildct+ilme -field_order tt
clip h264_slices mp4 seek 30 $x264 -bf 2 -slices 4
clip h264_short_gop mp4 seek 40 $x264 -g 2 -bf 1
clip h264_intra mp4 seek 30 $x264 -g 1
clip h264_one_key mp4 seek 50 $x264 -g 500 -bf 3
clip h264_10bit mp4 seek 30 -c:v libx264 -pix_fmt yuv420p10le -g 8
clip h264_422_10 mkv seek 20 -c:v libx264 -pix_fmt yuv422p10le -g 8
clip h264_444 mp4 seek 30 -c:v libx264 -pix_fmt yuv444p -g 8
clip h264_rgb mkv seek 30 -c:v libx264rgb -pix_fmt rgb24 -crf 5 -g 8
clip h264_grey mp4 seek 30 -c:v libx264 -pix_fmt gray -g 8
clip h264_full mp4 seek 20 $x264 -vf scale=out_range=full -color_range pc
clip h264_709 mp4 seek 20 $x264 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv
clip h264_2020 mkv seek 20 -c:v libx264 -pix_fmt yuv420p10le -colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084 -g 8
clip h264_vfr mp4 seek 40 $x264 -vf "setpts='N*N/(25*20*TB)+N/(25*TB)'" -fps_mode passthrough -bf 2
clip h264_one_frame mp4 seek 1 $x264
clip hevc_mp4 mp4 seek 50 $x265 -x265-params log-level=none:keyint=10:bframes=3:open-gop=0
clip hevc_open mp4 seek 50 $x265 -x265-params log-level=none:keyint=10:bframes=3:open-gop=1
clip hevc_mkv mkv seek 50 $x265 -x265-params log-level=none:keyint=10:bframes=4:open-gop=1
clip hevc_ts ts start 40 $x265 -x265-params log-level=none:keyint=10:bframes=3
clip hevc_10 mp4 seek 20 -c:v libx265 -preset fast -pix_fmt yuv420p10le -x265-params log-level=none:keyint=8
clip vp9_webm webm seek 60 -c:v libvpx-vp9 -b:v 60k -g 12 -deadline good -cpu-used 4 -auto-alt-ref 1 -lag-in-frames 16
clip vp9_mkv mkv seek 40 -c:v libvpx-vp9 -b:v 60k -g 10 -deadline good -cpu-used 4 -arnr-maxframes 7 -arnr-strength 5
clip vp9_mp4 mp4 seek 40 -c:v libvpx-vp9 -b:v 60k -g 10 -deadline good -cpu-used 4
clip vp8_webm webm either 40 -c:v libvpx -b:v 60k -g 10 -auto-alt-ref 1 -lag-in-frames 16
clip av1_mp4 mp4 seek 30 -c:v libaom-av1 -cpu-used 8 -b:v 60k -g 10 -lag-in-frames 12
clip av1_mkv mkv seek 30 -c:v libaom-av1 -cpu-used 8 -b:v 60k -g 10 -lag-in-frames 12
clip av1_svt webm seek 30 -c:v libsvtav1 -preset 10 -g 10
clip mpeg4_mp4 mp4 either 40 -c:v mpeg4 -qscale:v 4 -g 10 -bf 2
clip mpeg4_avi avi start 40 -c:v mpeg4 -qscale:v 4 -g 10
clip mpeg4_mkv mkv either 40 -c:v mpeg4 -qscale:v 4 -g 10 -bf 2
clip mjpeg_avi avi either 20 -c:v mjpeg -qscale:v 4
clip mjpeg_mov mov seek 20 -c:v mjpeg -qscale:v 4
clip prores mov seek 20 -c:v prores_ks -profile:v 3
clip prores_4444 mov seek 12 -c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le
clip ffv1 mkv seek 20 -c:v ffv1 -level 3 -g 1
clip ffv1_gop mkv either 20 -c:v ffv1 -level 3 -g 6
clip ffv1_rgb mkv seek 20 -c:v ffv1 -level 3 -g 1 -pix_fmt bgr0
clip ffv1_grey16 mkv seek 12 -c:v ffv1 -level 3 -g 1 -pix_fmt gray16le
clip png_mov mov seek 12 -c:v png
clip mpeg2_ts ts start 40 -c:v mpeg2video -qscale:v 4 -g 10 -bf 2

source=$odd clip h264_odd_444 mp4 seek 20 -c:v libx264 -pix_fmt yuv444p -g 8
source=$odd clip mjpeg_odd mkv seek 12 -c:v mjpeg -pix_fmt yuvj420p -qscale:v 4
ff -f lavfi -i "testsrc2=size=16x16:rate=25,crop=1:1:3:5,format=bgr0" -frames:v 8 -c:v ffv1 -g 1 one_pixel.mkv
note one_pixel one_pixel.mkv seek

# PAFF, its fields in packets of their own or in pairs; and, on a stream that does not tell how far it reorders, B-frames
# that are references but begin only after what libavformat looks at to guess it.
python3 "$here/make_streams.py" fields paff.h264
ff -r 25 -i paff.h264 -c copy paff.mp4
ff -i paff.mp4 -c copy paff.mkv
ff -i paff.mp4 -c copy paff.ts
for e in h264 mp4 mkv ts; do note paff_$e paff.$e start; done
ff -f lavfi -i "testsrc2=size=96x64:rate=25,rotate=a='if(lt(n,100),2.4*n*n,0)'" -frames:v 160 $x264 -threads 1 -bf 3 \
  -x264-params b-adapt=2:b-bias=-20:b-pyramid=normal:scenecut=0 late.mp4
python3 "$here/make_streams.py" silent late.mp4 late_silent.mp4
ff -i late_silent.mp4 -c copy late_silent.mkv
note late late.mp4 seek
for e in mp4 mkv; do
  echo "late_silent_$e late_silent.$e seek" >> list.new
  cp late.rgb late_silent_$e.rgb               # ffmpeg itself loses frames of these; those of the stream that tells are right
done

# Made smaller, 50 wide, in the same call of swscale as the conversion.
for c in h264_mp4.mp4 h264_10bit.mp4 h264_rgb.mkv ffv1_rgb.mkv ffv1_grey16.mkv; do
  ff -flags +bitexact -idct simple -threads 1 -i $c -fps_mode passthrough \
    -vf scale=50:34:flags=bicubic+accurate_rnd+bitexact+full_chroma_int -pix_fmt rgb24 -f rawvideo $c.rgb50
  echo $c >> smaller
done

# Time stamps: packed B-frames, missing, negative, cut by an edit list, a start in mid-stream.
ff -f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 40 -c:v libxvid -bf 2 -g 10 -qscale:v 4 mpeg4_packed.avi
note mpeg4_packed mpeg4_packed.avi start
ff -i mpeg4_mp4.mp4 -c copy -f avi mpeg4_b.avi
note mpeg4_b_avi mpeg4_b.avi start
ff -i h264_mp4.mp4 -c copy -bsf:v setts=ts=PTS-1000000 -avoid_negative_ts disabled -f matroska negative.mkv
note negative negative.mkv either
ff -itsoffset -0.5 -i h264_mp4.mp4 -c copy -avoid_negative_ts disabled negative.mp4
note negative_mp4 negative.mp4 either
ff -ss 0.5 -i h264_mp4.mp4 -c copy edit_list.mp4
note edit_list edit_list.mp4 either
ff -ss 0.5 -i hevc_open.mp4 -c copy cut_open.mkv
note cut_open cut_open.mkv either
size_ts=$(wc -c < h264_ts.ts)
tail -c +$(( size_ts / 3 / 188 * 188 + 1 )) h264_ts.ts > mid_start.ts
note mid_start mid_start.ts start
ff -i h264_mp4.mp4 -c copy -bsf:v h264_mp4toannexb bare.h264
note bare bare.h264 start
ff -i h264_mp4.mp4 -c copy -movflags frag_keyframe+empty_moov fragments.mp4
note fragments fragments.mp4 either

# Turned by the container.
for r in 90 180 270; do
  ff -display_rotation $r -i h264_mp4.mp4 -c copy turned_$r.mp4 2>/dev/null || ff -i h264_mp4.mp4 -c copy -metadata:s:v:0 rotate=$r turned_$r.mp4
  note turned_$r turned_$r.mp4 seek
done

# Image sequences.
mkdir images jpegs
ff -f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 8 -start_number 0 images/%05d.png
ff -f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 8 -start_number 1 jpegs/f%d.jpg
note images images/%05d.png seek
sed -i 's|^images .*|images images seek|' list.new
note jpegs jpegs/f%d.jpg seek

# Bad ones; the test knows what each must get.
: > empty.mp4
printf 'this is not a video\n' > text.mp4
ff -f lavfi -i sine=duration=1 -c:a aac audio.mp4
head -c 4000 h264_mp4.mp4 > truncated.mp4
ff -f lavfi -i testsrc2=size=64x48:rate=25 -frames:v 20 $x264 small.h264
ff -f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 20 $x264 large.h264
cat large.h264 small.h264 large.h264 > resize.h264
# The same bytes with some changed: two clusters of errors, far from the ends.
damage() {
  cp "$1" "$2"
  n=$(wc -c < "$1")
  for part in 35 60; do
    printf '\377\000\252\125\377\000\252\125\377\000\252\125' | dd of="$2" bs=1 seek=$(( n * part / 100 )) conv=notrunc status=none
  done
}
for c in h264_mp4.mp4 hevc_mp4.mp4 vp9_webm.webm mjpeg_mov.mov ffv1.mkv h264_ts.ts mpeg4_avi.avi av1_mkv.mkv h264_slices.mp4; do
  damage $c damaged_$c
  # What arithmetic decoders make of a changed bit is mostly a picture, and no complaint.
  case $c in hevc* | vp9* | av1*) echo damaged_$c may ;; *) echo damaged_$c must ;; esac >> damaged
done
ff -f lavfi -i color=black:size=16384x8704:rate=5 -frames:v 1 -c:v libx264 -preset ultrafast -threads 1 \
  -x264-params rc-lookahead=0 -pix_fmt yuv420p claim.mp4
mkdir mixed no_images
cp images/00000.png mixed/
echo words > mixed/notes.txt
mv list.new list
touch done
