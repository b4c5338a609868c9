#include <longtake/settings.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RUN    (1u << LT_COMMAND_RUN)
#define PLAN   (1u << LT_COMMAND_PLAN)
#define INDEX  (1u << LT_COMMAND_INDEX)
#define STATUS (1u << LT_COMMAND_STATUS)
#define MERGE  (1u << LT_COMMAND_MERGE)
#define VERIFY (1u << LT_COMMAND_VERIFY)
#define VIEW   (1u << LT_COMMAND_VIEW)
#define DOCTOR (1u << LT_COMMAND_DOCTOR)
#define MODELS (1u << LT_COMMAND_MODELS)
#define BENCH  (1u << LT_COMMAND_BENCH)
#define ALL    ((1u << LT_COMMANDS) - 1)

static const lt_choice tasks[] = {
    { "flow", LT_TASK_FLOW, "optical flow, forward and backward, with occlusion" },
    { "depth", LT_TASK_DEPTH, "depth of every pixel, steady over the whole video (Video Depth Anything)" },
    { "track", LT_TASK_TRACK, NULL }, { "inpaint", LT_TASK_INPAINT, NULL },
    { "parse", LT_TASK_PARSE, NULL }, { "face", LT_TASK_FACE, NULL }, { "map", LT_TASK_MAP, NULL },
    { 0 },
};
static const lt_choice presets[] = {
    { "best", LT_PRESET_BEST, "the accuracy that the task is tested for" },
    { "fast", LT_PRESET_FAST, "less accurate, several times faster" },
    { 0 },
};
static const lt_choice types[] = {
    { "f32", LT_TYPE_F32, NULL }, { "f16", LT_TYPE_F16, "half the bytes, 11 bits of mantissa" }, { 0 },
};
static const lt_choice models[] = {
    { "vits", LT_MODEL_VITS, "small" }, { "vitb", LT_MODEL_VITB, "base" }, { "vitl", LT_MODEL_VITL, "large" }, { 0 },
};
static const lt_choice precisions[] = {
    { "auto", LT_PRECISION_AUTO, "what the device is best at within the task's tolerance: f16 on a GPU, f32 on a CPU" },
    { "f32", LT_PRECISION_F32, NULL },
    { "tf32", LT_PRECISION_TF32, "f32 whose matrix products may round their operands to 11 bits, on GPUs that can" },
    { "bf16", LT_PRECISION_BF16, "matrix products of bfloat16, summed in f32, which needs a device with such units" },
    { "f16", LT_PRECISION_F16, "matrix products of 16-bit floats, summed in f32, on a GPU" },
    { 0 },
};
static const lt_choice name_by[] = {
    { "stem", LT_NAME_BY_STEM, "a/b/film.mp4 becomes film.h5" },
    { "path", LT_NAME_BY_PATH, "after the whole path without its ending, _ for /" },
    { 0 },
};
static const lt_choice devices[] = {
    { "auto", LT_DEVICE_AUTO, "a GPU where there is one" }, { "cpu", LT_DEVICE_CPU, NULL }, { "cuda", LT_DEVICE_CUDA, NULL }, { 0 },
};
static const lt_choice decoders[] = {
    { "auto", LT_DECODE_AUTO, "cpu" },
    { "cpu", LT_DECODE_CPU, NULL },
    { "nvdec", LT_DECODE_NVDEC, "the decoder of an NVIDIA GPU, whose frames stay there: 8-bit 4:2:0 h264, hevc, vp8, vp9 and av1 at their own size; "
      "anything else fails rather than being decoded otherwise" },
    { 0 },
};
/* The value of these is never used: the name itself goes to lt_isa_parse, which lies above this module. */
static const lt_choice cpu_isas[] = { { "auto", 0, NULL }, { "base", 0, NULL }, { "avx2", 0, NULL }, { "avx512", 0, NULL }, { 0 } };
static const lt_choice allows[] = {
    { "mixed-devices", LT_ALLOW_MIXED_DEVICES, "ranks of different kinds; the result then depends on who did what, and says so" },
    { "size", LT_ALLOW_SIZE, "a smaller --input-size of depth, where nothing else fits the memory" },
    { "model", LT_ALLOW_MODEL, "a smaller --model of depth, where nothing else fits the memory; a checkpoint is of one model, so run then asks for that one's" },
    { 0 },
};
static const lt_choice streams[] = {
    { "auto", LT_STREAM_AUTO, "where nothing else fits the memory" }, { "on", LT_STREAM_ON, NULL }, { "off", LT_STREAM_OFF, NULL }, { 0 },
};
static const lt_choice shard_bys[] = {
    { "auto", LT_SHARD_BY_AUTO, "by segment when there are fewer than four videos a shard" },
    { "video", LT_SHARD_BY_VIDEO, "whole videos" },
    { "segment", LT_SHARD_BY_SEGMENT, "parts of a video" },
    { 0 },
};
static const lt_choice progresses[] = {
    { "auto", LT_PROGRESS_AUTO, "a bar on a terminal, else plain" },
    { "bar", LT_PROGRESS_BAR, NULL },
    { "plain", LT_PROGRESS_PLAIN, "a line every few seconds" },
    { "json", LT_PROGRESS_JSON, "a JSON object a line" },
    { "none", LT_PROGRESS_NONE, NULL },
    { 0 },
};

static const double MANY = 1e12;                  /* a limit that only keeps sums from overflowing */

#define AT(member) .offset = offsetof(lt_settings, member)

static const lt_option options[] = {
    { .name = "task", .kind = LT_OPTION_CHOICE, AT(task), .commands = RUN | PLAN | BENCH, .section = "job", .arg = "TASK", .preset = "flow",
      .choices = tasks, .help = "What to compute; of these, this version has flow and depth" },
    { .name = "preset", .kind = LT_OPTION_CHOICE, AT(preset), .commands = RUN | PLAN, .section = "job", .arg = "NAME", .preset = "best",
      .choices = presets, .help = "Settings of the method, from accurate to fast" },
    { .name = "segment-frames", .kind = LT_OPTION_INT, AT(segment_frames), .commands = RUN | PLAN, .section = "job", .arg = "N",
      .preset = "0", .max = 1e9, .preset_help = "flow 64, depth 176", .help = "Frames a segment: what is handed out, written and resumed as one piece, "
      "rounded up to whole windows. The values of the result do not depend on it" },
    { .name = "config", .letter = 'c', .kind = LT_OPTION_PATH, AT(config), .commands = ALL, .section = "job", .arg = "FILE",
      .help = "Settings from a YAML file: the names of these options, also under the headings of this list; "
              "its key inputs lists the videos; the command line wins" },

    { .name = "inputs", .kind = LT_OPTION_LIST, AT(inputs), .section = "input", .arg = "FILE",
      .help = "Videos, directories of images (one sequence each) or patterns such as %05d.png; in a settings file only, "
              "since the command line names them without an option" },
    { .name = "input-list", .kind = LT_OPTION_PATH, AT(input_list), .commands = RUN | PLAN | INDEX, .section = "input", .arg = "FILE",
      .help = "More inputs, one path a line, relative to the list's folder; what follows a tab and lines that begin with # are ignored" },
    { .name = "fps", .kind = LT_OPTION_REAL, AT(fps), .commands = RUN | PLAN, .section = "input", .arg = "F", .preset = "0", .max = 1000,
      .preset_help = "every frame", .help = "Take every k-th frame, with k the video's mean rate divided by F, rounded; times stay the container's" },
    { .name = "max-res", .kind = LT_OPTION_INT, AT(max_res), .commands = RUN | PLAN, .section = "input", .arg = "PIXELS", .preset = "0",
      .max = 65536, .preset_help = "flow as they are, depth 1280", .help = "Scale frames down until the longer side has at most this many pixels" },
    { .name = "start", .kind = LT_OPTION_DURATION, AT(start), .commands = RUN | PLAN, .section = "input", .arg = "TIME", .preset = "0",
      .max = MANY, .help = "Begin this long after the first frame, e.g. 90s or 1:30" },
    { .name = "end", .kind = LT_OPTION_DURATION, AT(end), .commands = RUN | PLAN, .section = "input", .arg = "TIME", .preset = "0",
      .max = MANY, .preset_help = "the end of the video", .help = "Take no frame from this long after the first frame on" },
    { .name = "frames", .kind = LT_OPTION_INT, AT(frames), .commands = RUN | PLAN | MODELS, .section = "input", .arg = "N", .preset = "0",
      .max = MANY, .preset_help = "all", .help = "Take at most this many frames of each video; of models run, the frames of the one pass" },
    { .name = "prefetch", .kind = LT_OPTION_INT, AT(prefetch), .commands = RUN | PLAN, .section = "input", .arg = "N", .preset = "8",
      .min = 1, .max = 65536, .help = "Decode this many frames ahead" },
    { .name = "decoder", .kind = LT_OPTION_CHOICE, AT(decoder), .commands = RUN | PLAN, .section = "input", .arg = "DECODER", .preset = "auto",
      .choices = decoders, .help = "What decodes; part of a job's settings" },

    { .name = "out", .letter = 'o', .kind = LT_OPTION_PATH, AT(out), .commands = RUN | DOCTOR | MODELS, .section = "output",
      .arg = "DIR", .help = "Job directory; made if it is not there, continued if it is. Of models run, the HDF5 file to write" },
    { .name = "name-by", .kind = LT_OPTION_CHOICE, AT(name_by), .commands = RUN | PLAN | INDEX, .section = "output", .arg = "RULE",
      .preset = "stem", .choices = name_by, .help = "How results are named after inputs; the same stem twice is an error, and path resolves it" },
    { .name = "type", .kind = LT_OPTION_CHOICE, AT(type), .commands = RUN | PLAN, .section = "output", .arg = "TYPE", .preset = "f32",
      .choices = types, .help = "Stored type of floating-point fields" },
    { .name = "compression", .kind = LT_OPTION_INT, AT(compression), .commands = RUN | PLAN | MERGE, .section = "output", .arg = "LEVEL",
      .preset = "4", .min = 1, .max = 12, .help = "Deflate level of the result; higher is smaller and slower" },
    { .name = "keep-segments", .kind = LT_OPTION_BOOL, AT(keep_segments), .commands = RUN | MERGE, .section = "output",
      .help = "Keep the segment files after the result was written and checked" },

    { .name = "weights", .kind = LT_OPTION_PATH, AT(weights), .commands = RUN | MODELS | BENCH, .section = "network", .arg = "FILE",
      .help = "Checkpoint of the model (PyTorch or safetensors; longtake models list says where to get it), or synthetic:SEED, "
              "drawn numbers for trying things out, whose results are meaningless and marked so" },
    { .name = "precision", .kind = LT_OPTION_CHOICE, AT(precision), .commands = RUN | PLAN | MODELS | BENCH | DOCTOR, .section = "network", .arg = "TYPE",
      .preset = "auto", .choices = precisions, .help = "What the model computes with" },
    { .name = "model", .kind = LT_OPTION_CHOICE, AT(model), .commands = RUN | PLAN | BENCH, .section = "network", .arg = "NAME", .preset = "vits",
      .choices = models, .help = "Size of the model of depth" },
    { .name = "metric", .kind = LT_OPTION_BOOL, AT(metric), .commands = RUN | PLAN, .section = "network",
      .help = "The weights are of a metric model: depth in metres, and windows are joined as they are instead of being fitted to each other" },
    { .name = "input-size", .kind = LT_OPTION_INT, AT(input_size), .commands = RUN | PLAN | BENCH, .section = "network", .arg = "PIXELS", .preset = "518",
      .min = 14, .max = 8192, .help = "Shorter side of the model's input, rounded to 14; wide frames get less" },
    { .name = "micro-batch", .kind = LT_OPTION_INT, AT(micro_batch), .commands = RUN | PLAN | MODELS | BENCH, .section = "network", .arg = "N", .preset = "0",
      .max = 32, .preset_help = "as the plan finds best",
      .help = "Frames that go through the model at once; fewer take less memory. The values of the result do not depend on it" },
    { .name = "tile", .kind = LT_OPTION_INT, AT(tile), .commands = RUN | PLAN | MODELS | BENCH, .section = "network", .arg = "N", .preset = "0",
      .max = 1e9, .preset_help = "as the plan finds best",
      .help = "Pixels of a map that are mixed over time at once; fewer take less memory. The values of the result do not depend on it" },
    { .name = "band", .kind = LT_OPTION_INT, AT(band), .commands = RUN | PLAN | MODELS | BENCH, .section = "network", .arg = "N", .preset = "0",
      .max = 1e9, .preset_help = "as the plan finds best",
      .help = "Rows of the output that are made at once; fewer take less memory. The values of the result do not depend on it" },
    { .name = "stream-weights", .kind = LT_OPTION_CHOICE, AT(stream_weights), .commands = RUN | PLAN | MODELS | BENCH, .section = "network", .arg = "WHEN",
      .preset = "auto", .choices = streams, .help = "Hold the weights of two layers at once only, and bring those of the next while one computes: out of host memory "
      "on a GPU, out of a file on a CPU. The values of the result do not depend on it" },
    { .name = "scratch", .kind = LT_OPTION_PATH, AT(scratch), .commands = RUN | MODELS | BENCH, .section = "network", .arg = "DIR",
      .preset_help = "run: the job directory; else TMPDIR", .help = "Where a CPU keeps the weights that it streams, as large as the weights are; the file has no name and is gone "
      "when the process is" },
    { .name = "anchor-frame", .kind = LT_OPTION_INT, AT(anchor_frame), .commands = RUN | PLAN, .section = "network", .arg = "N", .preset = "0",
      .max = MANY, .help = "Frame of the result that every window of depth is fitted to; name one in full light where a video opens in black" },
    { .name = "size", .kind = LT_OPTION_SIZE, AT(size), .commands = PLAN | MODELS | BENCH, .section = "network", .arg = "WxH", .min = 1, .max = 65536,
      .help = "Size of the model's input: of models run, and of bench instead of --input-size; of plan, the size of the frames" },
    { .name = "input", .kind = LT_OPTION_STRING, AT(input), .commands = MODELS, .section = "network", .arg = "FILE|synthetic:SEED",
      .help = "What models run feeds to the model as it is: /input of an HDF5 file, or noise drawn from a number" },
    { .name = "probes", .kind = LT_OPTION_BOOL, AT(probes), .commands = MODELS, .section = "network",
      .help = "Let models run write every named intermediate result too" },

    { .name = "device", .kind = LT_OPTION_CHOICE, AT(device), .commands = RUN | MODELS | BENCH | DOCTOR, .section = "device", .arg = "DEVICE", .preset = "auto",
      .choices = devices, .help = "What each rank computes on" },
    { .name = "cpu-isa", .kind = LT_OPTION_STRING, AT(cpu_isa), .commands = RUN | PLAN | MODELS | BENCH | DOCTOR, .section = "device", .arg = "LEVEL", .preset = "auto",
      .choices = cpu_isas, .preset_help = "the highest this processor has",
      .help = "Instruction set of the CPU's kernels; give the lowest common level to a fleet of mixed processors" },
    { .name = "threads", .kind = LT_OPTION_INT, AT(threads), .commands = RUN | PLAN | MERGE | MODELS | BENCH | DOCTOR, .section = "device", .arg = "N", .preset = "0",
      .max = 4096, .preset_help = "a fair share of the cores", .help = "Threads of each rank" },
    { .name = "memory-limit", .kind = LT_OPTION_BYTES, AT(memory_limit), .commands = RUN | PLAN | DOCTOR, .section = "device", .arg = "BYTES",
      .preset = "0", .max = 0x1p62, .preset_help = "see --memory-fraction", .help = "Device memory of each rank, e.g. 5.6GiB; a hard limit" },
    { .name = "memory-fraction", .kind = LT_OPTION_REAL, AT(memory_fraction), .commands = RUN | PLAN | DOCTOR, .section = "device", .arg = "X",
      .preset = "0.9", .min = 0.01, .max = 1, .help = "Share of the device's memory that its ranks may use together" },
    { .name = "host-memory-limit", .kind = LT_OPTION_BYTES, AT(host_memory_limit), .commands = RUN | PLAN | DOCTOR, .section = "device",
      .arg = "BYTES", .preset = "0", .max = 0x1p62, .preset_help = "what the machine and its container allow",
      .help = "Host memory of each rank; a hard limit" },
    { .name = "allow", .kind = LT_OPTION_FLAGS, AT(allow), .commands = RUN | PLAN | DOCTOR, .section = "device", .arg = "LIST", .choices = allows,
      .help = "Permit what is refused for the sake of equal results, or of full quality" },
    { .name = "device-profile", .kind = LT_OPTION_STRING, AT(device_profile), .commands = PLAN, .section = "device", .arg = "NAME|FILE",
      .preset_help = "the CPU of this machine", .help = "Plan for a device that need not be here, e.g. rtx4050; a name of configs/devices, or such a file" },
    { .name = "ranks", .kind = LT_OPTION_INT, AT(ranks), .commands = PLAN, .section = "device", .arg = "N", .preset = "1", .min = 1, .max = 65536,
      .help = "Ranks of the job: on GPUs one each, on the CPU all of them on this machine" },

    { .name = "profile", .kind = LT_OPTION_BOOL, AT(profile), .commands = DOCTOR, .section = "device",
      .help = "Measure this machine's device for half a minute, and write a profile of it for plan --device-profile" },

    { .name = "shard", .kind = LT_OPTION_STRING, AT(shard), .commands = RUN, .section = "fleet", .arg = "i/N|auto",
      .preset_help = "LONGTAKE_SHARD_INDEX and LONGTAKE_SHARD_COUNT, else the whole job",
      .help = "Do part i of N, counted from 0; auto also reads Slurm arrays, AWS Batch, Kubernetes and SkyPilot" },
    { .name = "shard-by", .kind = LT_OPTION_CHOICE, AT(shard_by), .commands = RUN, .section = "fleet", .arg = "UNIT", .preset = "auto",
      .choices = shard_bys, .help = "Where a job may be cut into shards" },
    { .name = "peer-timeout", .kind = LT_OPTION_DURATION, AT(peer_timeout), .commands = RUN | MERGE, .section = "fleet",
      .arg = "TIME", .preset = "60s", .min = 1, .max = 1e6, .help = "How long a rank waits for the others before it leaves" },
    { .name = "stop-file", .kind = LT_OPTION_PATH, AT(stop_file), .commands = RUN, .section = "fleet", .arg = "FILE",
      .preset_help = "'stop' in the job directory", .help = "While this file exists the job stops early, as if asked to by a signal" },

    { .name = "field", .letter = 'f', .kind = LT_OPTION_STRING, AT(field), .commands = VIEW, .section = "picture", .arg = "NAME",
      .preset_help = "the first of the file", .help = "Field to show, e.g. flow or occluded" },
    { .name = "frame", .kind = LT_OPTION_INT, AT(frame), .commands = VIEW, .section = "picture", .arg = "N", .preset = "0",
      .max = MANY, .help = "Frame to show, counted from 0" },
    { .name = "sheet", .kind = LT_OPTION_BOOL, AT(sheet), .commands = VIEW, .section = "picture",
      .help = "A contact sheet of frames spread over the video instead of one frame" },
    { .name = "rows", .kind = LT_OPTION_INT, AT(rows), .commands = VIEW, .section = "picture", .arg = "N", .preset = "4",
      .min = 1, .max = 32, .help = "Moments on the contact sheet, one a row, spread evenly over the video" },
    { .name = "width", .kind = LT_OPTION_INT, AT(width), .commands = VIEW, .section = "picture", .arg = "PIXELS", .preset = "0",
      .max = 65536, .preset_help = "one frame as it is, a sheet 1600", .help = "Width of the picture" },
    { .name = "output", .letter = 'O', .kind = LT_OPTION_PATH, AT(output), .commands = VIEW | INDEX | DOCTOR | BENCH, .section = "picture",
      .arg = "FILE", .preset_help = "index, doctor --profile, bench --sweep: standard output; view: a PNG named after the input", .help = "File to write" },

    { .name = "picture", .kind = LT_OPTION_PATH, AT(picture), .commands = PLAN, .section = "picture", .arg = "FILE",
      .help = "Draw the arena into a PNG: time across, offsets up, one box a tensor" },

    { .name = "partial", .kind = LT_OPTION_BOOL, AT(partial), .commands = MERGE, .section = "check",
      .help = "Write results although segments are missing; gaps hold fill values and are marked" },
    { .name = "hash", .kind = LT_OPTION_BOOL, AT(hash), .commands = VERIFY, .section = "check",
      .help = "Print a hash of the values; it is the same for the same result however the file was written" },

    { .name = "sweep", .kind = LT_OPTION_BOOL, AT(sweep), .commands = BENCH, .section = "check",
      .help = "Measure over sizes, precisions and memory limits instead of one setting: a CSV table, and a plot beside it" },
    { .name = "compare", .kind = LT_OPTION_PATH, AT(compare), .commands = BENCH, .section = "check", .arg = "FILE",
      .help = "Print the ratios to an earlier bench, its output under --json" },

    { .name = "trace", .kind = LT_OPTION_PATH, AT(trace), .commands = RUN | BENCH, .section = "messages", .arg = "FILE",
      .help = "Write a timeline for chrome://tracing or Perfetto; several ranks write FILE.0, FILE.1 and so on" },
    { .name = "monitor", .kind = LT_OPTION_DURATION, AT(monitor), .commands = RUN, .section = "messages", .arg = "SECONDS", .preset = "0", .max = MANY,
      .preset_help = "no such lines", .help = "Say this often what each device and host holds: planned, now, and at most so far" },
    { .name = "json", .kind = LT_OPTION_BOOL, AT(json), .commands = PLAN | STATUS | VERIFY | DOCTOR | MODELS | BENCH, .section = "messages",
      .help = "Print JSON for machines" },
    { .name = "progress", .kind = LT_OPTION_CHOICE, AT(progress), .commands = RUN | MERGE, .section = "messages", .arg = "KIND",
      .preset = "auto", .choices = progresses, .help = "How progress is shown, on standard error" },
    { .name = "verbose", .letter = 'v', .kind = LT_OPTION_BOOL, AT(verbose), .commands = ALL, .section = "messages",
      .help = "Say more: times, one line a rank, where in the program an error arose" },
    { .name = "quiet", .letter = 'q', .kind = LT_OPTION_BOOL, AT(quiet), .commands = ALL, .section = "messages",
      .help = "Errors only" },
    { .name = "help", .letter = 'h', .kind = LT_OPTION_BOOL, AT(help), .commands = ALL, .section = "messages",
      .help = "Show the options of the command" },
    { .name = "version", .letter = 'V', .kind = LT_OPTION_BOOL, AT(version), .commands = ALL, .section = "messages",
      .help = "Show the versions of longtake and its libraries" },
};

static const lt_command_info commands[] = {
    [LT_COMMAND_RUN] = { .name = "run", .args = "VIDEO...", .n_max = -1, .summary = "Process videos",
        .details = "Each input becomes DIR/<name>.h5. A job that was stopped or killed continues where it was when the same "
                   "command is given again. Under mpirun all ranks share the job; the values of the result are the same for any number of them.\n\n"
                   "Inputs are files, directories of images (one sequence each), patterns such as %05d.png, and the lines of --input-list.",
        .example = "mpirun -n 4 longtake run --task flow --out out/ film.mp4" },
    [LT_COMMAND_PLAN] = { .name = "plan", .args = "[VIDEO...]", .n_max = -1, .summary = "Say beforehand what a job will hold, write and take",
        .details = "Prints the setting that run will take, those that it would have liked better and why they do not fit, and the bytes of everything, to the byte. "
                   "Touches no device and needs no weights. Frames are those of the inputs, or of --size with --frames.\n\n"
                   "Exit code 69 where it does not fit.",
        .example = "longtake plan --task depth --size 1280x720 --device-profile rtx4050" },
    [LT_COMMAND_INDEX] = { .name = "index", .args = "VIDEO...", .n_max = -1, .summary = "Count the frames of inputs and write the list of a job",
        .details = "Writes one line an input: path, frames, width x height, frames a second, and whether a seek is exact, with tabs "
                   "between. The list can be given to run as --input-list. run makes the same index of each video and keeps it in the job directory, as video.json.",
        .example = "longtake index --output clips.tsv clips/*.mp4" },
    [LT_COMMAND_STATUS] = { .name = "status", .args = "DIR", .n_min = 1, .n_max = 1, .summary = "Show how far a job is",
        .details = "Prints frames and segments done, failed and missing for each video, and the shards that still have work, "
                   "in the form that sbatch --array takes.",
        .example = "longtake status out/" },
    [LT_COMMAND_MERGE] = { .name = "merge", .args = "DIR [VIDEO...]", .n_min = 1, .n_max = -1, .summary = "Write results from finished segments",
        .details = "run does this by itself when the last segment is in. VIDEO is the name of an input in the job; none means all.",
        .example = "longtake merge out/ --partial" },
    [LT_COMMAND_VERIFY] = { .name = "verify", .args = "FILE|DIR...", .n_min = 1, .n_max = -1, .summary = "Check results",
        .details = "Reads every value of a result, its layout and its marks. Exit code 65 where something is wrong or missing.",
        .example = "longtake verify --hash out/film.h5" },
    [LT_COMMAND_VIEW] = { .name = "view", .args = "FILE", .n_min = 1, .n_max = 1, .summary = "Make a picture of a result",
        .example = "longtake view out/film.h5 --field flow --sheet --output sheet.png" },
    [LT_COMMAND_DOCTOR] = { .name = "doctor", .args = "", .summary = "Say what this machine has and what is missing",
        .details = "Shows devices, memory and limits, which models fit at full quality and what the others would need, and command lines to begin with. The options "
                   "of run that decide memory are taken into account. Under mpirun or srun it speaks for all ranks. With --profile it measures instead, "
                   "and writes a device profile.\n\n"
                   "Exit code 69 if a run would not work here.", .example = "longtake doctor --json" },
    [LT_COMMAND_MODELS] = { .name = "models", .args = "list|inspect|check|run [MODEL] [FILE]", .n_min = 1, .n_max = 3,
        .summary = "List the models, look into checkpoints, run one model once",
        .details = "list: each model's name, task, parameters, the licence of its released weights and where to get them. "
                   "inspect FILE: what a checkpoint holds, and a hash of it. check MODEL FILE: whether a checkpoint fits a model; exit code 65 where it does not. "
                   "run MODEL: one pass of the model over --input with --weights, written to --out, for comparing with other implementations.\n\n"
                   "Nothing in a checkpoint is ever executed: a file that would have to be is refused.",
        .example = "longtake models check vda-vits video_depth_anything_vits.pth" },
    [LT_COMMAND_BENCH] = { .name = "bench", .args = "", .summary = "Measure the time and memory of a task on drawn frames",
        .details = "Runs two windows of --task depth and prints, for the second, what each stage and each kernel took, GFLOP/s, the share of this "
                   "machine's own rate (one large product by oneDNN, measured in the same run), and planned and observed bytes. Weights are "
                   "synthetic unless --weights names some: they do not change the time.\n\n"
                   "--sweep runs at limits of device memory from too little to plenty, so that every way of running that takes less is met, and checks at each that "
                   "it fits where the plan says so, holds the bytes planned and gives the same maps; exit code 70 where one does not. Without more words it sweeps vits "
                   "at 518x518 in every precision that the device has; --model NAME sweeps that one at 518x518 and 924x518; --size and --precision narrow it. It says "
                   "first how long it will take. --output FILE.csv also draws FILE.png; Ctrl-C keeps what is done.\n\n"
                   "--compare refuses a bench of another task, model, size or precision, and warns where the machine, the device or the threads were others.",
        .example = "longtake bench --task depth --model vits --size 518x518 --json" },
    [LT_COMMAND_VERSION] = { .name = "version", .args = "", .summary = "Show the versions of longtake and its libraries" },
    [LT_COMMAND_HELP] = { .name = "help", .args = "[COMMAND]", .n_max = 1, .summary = "Show the options of a command",
        .words = "run|plan|index|status|merge|verify|view|doctor|models|bench|version|help|completion" },
    [LT_COMMAND_COMPLETION] = { .name = "completion", .args = "bash|zsh|fish", .n_min = 1, .n_max = 1, .summary = "Print a completion script for a shell",
        .details = "bash: source the output, or put it into ~/.local/share/bash-completion/completions/longtake. zsh: put it as _longtake "
                   "into a folder of $fpath. fish: put it into ~/.config/fish/completions/longtake.fish.",
        .words = "bash|zsh|fish", .example = "source <(longtake completion bash)" },
    [LT_COMMAND_MANUAL] = { .name = "manual", .args = "man|markdown", .n_min = 1, .n_max = 1, .summary = "Print the manual page or docs/commands.md",
        .words = "man|markdown", .hidden = true },
};

static const lt_option_table table = {
    .program = "longtake", .version = LT_VERSION,
    .purpose = "neural video models over takes of any length, under a hard memory budget",
    .epilog = "Exit codes: 0 done; 64 usage, or settings that do not match the job; 65 some inputs are bad, the rest is done; "
              "69 device absent or memory beyond the plan; 70 a fault in longtake; 74 output cannot be written, mend it and run again; "
              "75 stopped early, run again.",
    .options = options, .n_options = sizeof options / sizeof *options,
    .commands = commands, .n_commands = LT_COMMANDS,
    .given = offsetof(lt_settings, given),
    .positional = "inputs", .config = "config", .help_name = "help", .version_name = "version",
};

_Static_assert(sizeof options / sizeof *options <= LT_SETTINGS_OPTIONS_MAX, "raise LT_SETTINGS_OPTIONS_MAX");

const lt_option_table *lt_settings_table(void)
{
    return &table;
}

lt_status lt_settings_defaults(lt_settings *out)
{
    lt_log *log = out->log;
    memset(out, 0, sizeof *out);
    out->log = log;
    out->command = LT_COMMANDS;
    return lt_options_defaults(&table, out);
}

void lt_settings_free(lt_settings *s)
{
    lt_options_free(&table, s);
}

bool lt_settings_given(const lt_settings *s, const char *name)
{
    int i = lt_option_find(&table, name);
    return i >= 0 && s->given[i];
}

/* What one value cannot show and every use of `run` and `plan` needs. */
static lt_status check_task(const lt_settings *s)
{
    lt_status st = LT_OK;
    if (s->task != LT_TASK_FLOW && s->task != LT_TASK_DEPTH)
        LT_FAIL(LT_E_USAGE, "--task %s is not built in this version of longtake: it has flow and depth", lt_choice_name(tasks, s->task));
done:
    return st;
}

static lt_status check_plan(const lt_settings *s)
{
    lt_status st = LT_OK;
    LT_TRY(check_task(s));
    if (!s->inputs.n && !s->input_list && !s->size.width)
        LT_FAIL(LT_E_USAGE, "plan needs the size of the frames: name a VIDEO, --input-list FILE, or --size WxH with --frames N");
    if ((s->inputs.n || s->input_list) && s->size.width) LT_FAIL(LT_E_USAGE, "plan takes a VIDEO or --size, not both: the frames of a video have a size");
done:
    return st;
}

static lt_status check_run(const lt_settings *s)
{
    lt_status st = LT_OK;
    LT_TRY(check_task(s));
    if (!s->out) LT_FAIL(LT_E_USAGE, "run needs --out DIR, the directory for the results");
    if (s->end > 0 && s->end <= s->start)
        LT_FAIL(LT_E_USAGE, "--end (%g s) is not after --start (%g s): no frame lies between", s->end, s->start);
done:
    return st;
}

lt_status lt_settings_read(int argc, char *const *argv, lt_settings *out, lt_ask *ask)
{
    lt_status st = LT_OK;
    int command = LT_COMMANDS;
    *ask = LT_ASK_HELP;
    LT_TRY(lt_settings_defaults(out));
    if (argc < 2) goto done;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) goto done;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        *ask = LT_ASK_VERSION;
        goto done;
    }
    if (argv[1][0] == '-')
        LT_FAIL(LT_E_USAGE, "the command comes first, then '%.100s': longtake COMMAND [OPTIONS]; see longtake --help", argv[1]);
    LT_TRY(lt_command_find(&table, argv[1], &command));
    out->command = (lt_command)command;
    LT_TRY(lt_options_parse(&table, command, argc - 2, argv + 2, out, ask));
    if (*ask != LT_ASK_COMMAND) goto done;
    if (out->verbose && out->quiet) LT_FAIL(LT_E_USAGE, "--verbose and --quiet contradict each other: give one");
    if (command == LT_COMMAND_RUN || command == LT_COMMAND_INDEX)
        if (!out->inputs.n && !out->input_list)
            LT_FAIL(LT_E_USAGE, "%s needs a VIDEO or --input-list FILE", commands[command].name);
    if (command == LT_COMMAND_RUN) LT_TRY(check_run(out));
    if (command == LT_COMMAND_PLAN) LT_TRY(check_plan(out));
done:
    return st;
}

static lt_status add_listed(const char *list, char *text, lt_strings *out)
{
    lt_status st = LT_OK;
    const char *slash = strrchr(list, '/');
    int n_folder = slash ? (int)(slash - list) + 1 : 0;
    char *path = NULL;
    text[strcspn(text, "\t\r\n")] = 0;
    if (!*text || *text == '#') return LT_OK;
    if (*text == '/' || !n_folder) {
        LT_TRY(lt_strings_add(out, text));
        return LT_OK;
    }
    if (asprintf(&path, "%.*s%s", n_folder, list, text) < 0) {
        path = NULL;
        LT_FAIL(LT_E_MEMORY, "no memory to read '%s'", list);
    }
    LT_TRY(lt_strings_add(out, path));
done:
    free(path);
    return st;
}

lt_status lt_settings_inputs(const lt_settings *s, lt_strings *out)
{
    lt_status st = LT_OK;
    FILE *file = NULL;
    char *text = NULL;
    size_t room = 0;
    *out = (lt_strings){ 0 };
    for (int i = 0; i < s->inputs.n; i++) LT_TRY(lt_strings_add(out, s->inputs.item[i]));
    if (s->input_list) {
        file = fopen(s->input_list, "r");
        if (!file) LT_FAIL(LT_E_USAGE, "--input-list: '%s' cannot be opened: %s", s->input_list, strerror(errno));
        while (getline(&text, &room, file) >= 0) LT_TRY(add_listed(s->input_list, text, out));
        if (ferror(file)) LT_FAIL(LT_E_USAGE, "--input-list: '%s' cannot be read: %s", s->input_list, strerror(errno));
    }
    if (!out->n) LT_FAIL(LT_E_USAGE, "no input is named%s%s", s->input_list ? " in " : "", s->input_list ? s->input_list : "");
done:
    free(text);
    if (file) fclose(file);
    if (st < 0) lt_strings_free(out);
    return st;
}
