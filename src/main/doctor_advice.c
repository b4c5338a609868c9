/* What to type. A line that is given works when it is pasted: its programs are there, its memory was planned, and it needs no file but videos. */
#include "doctor.h"

#include <longtake/model.h>
#include <longtake/pool.h>
#include <longtake/segment.h>
#include <longtake/shell.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096, SHORTEST = 8, ARRAY = 8, TASK_CORES = 4, PARENTS = 4 };

/* Models from large to small, and their names in longtake/model.h. */
static const struct {
    int         model;
    const char *name;
} models[] = { { LT_MODEL_VITL, "vda-vitl" }, { LT_MODEL_VITB, "vda-vitb" }, { LT_MODEL_VITS, "vda-vits" } };

/* What all lines have in common. */
typedef struct {
    const lt_doctor *d;
    lt_settings  settings;           /* those of the user; the CPU where his device does not work */
    lt_place     place;
    bool         gpu;
    char         program[2 * PATH_MAX], words[LINE];     /* of a shell; what follows the program */
    lt_task_kind task;
    int          model;
} advice;

/* Appends a word as a shell reads it; `before` stays outside of its quotes. */
static void put_with(char *line, const char *before, const char *word)
{
    const size_t length = strlen(line), at = length + (size_t)snprintf(line + length, LINE - length, "%s%s", length ? " " : "", before);
    if (at + SHORTEST < LINE) lt_shell_word(word, line + at, LINE - at);
}

static void put(char *line, const char *word)
{
    put_with(line, "", word);
}

/* Appends text as it is. */
static void put_text(char *line, const char *text)
{
    const size_t at = strlen(line);
    snprintf(line + at, LINE - at, "%s%s", at ? " " : "", text);
}

/* Paths may be in any encoding; JSON has one, and a line that it cannot hold is not given. */
static json_t *line_json(const char *line)
{
    json_t *text = json_string(line);
    return text ? text : json_null();
}

/* "longtake" where that is this program, else its path. */
static void find_program(char *out, size_t n)
{
    char here[PATH_MAX] = "", path[1024], real[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);
    if (length > 0) here[length] = 0;
    lt_which("longtake", path, sizeof path);
    const bool named = *path && realpath(path, real) && !strcmp(real, here);
    snprintf(out, n, "%s", named || !*here ? "longtake" : here);
}

/* The path of a file that comes with the program, installed or in the source tree around a build folder; "" where it is not there. */
static void find_beside(const char *name, char *out, size_t n)
{
    static const char *const below[] = { "share/longtake/", "" };
    char here[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);
    *out = 0;
    if (length <= 0) return;
    here[length] = 0;
    for (int up = 0; up <= PARENTS; up++) {
        char *slash = strrchr(here, '/');
        if (!slash) return;
        *slash = 0;
        for (int i = 0; i < 2; i++) {
            snprintf(out, n, "%s/%s%s", here, below[i], name);
            if (access(out, R_OK) == 0) return;
        }
    }
    *out = 0;
}

/* ---- what fits ---- */

/* So many ranks on this machine, each with a GPU of its own or its part of the cores. */
static bool fits(const advice *a, int n_ranks, lt_task_kind task, int model)
{
    lt_place place = a->place;
    lt_doctor_target t = { .n_ranks = n_ranks };
    lt_ladder *l = calloc(1, sizeof *l);
    lt_status st = l ? LT_OK : LT_E_MEMORY;
    const int cores = lt_cpus_allowed() / n_ranks;
    t.n_threads = a->settings.threads > 0 ? (int)a->settings.threads : cores > 0 ? cores : 1;
    place.machine.n_threads = t.n_threads;
    if (st >= 0) st = lt_place_precision(&place, &a->settings, &t.precision);
    if (st >= 0) st = lt_place_budget(&place, &a->settings, 1, n_ranks);
    t.machine = place.machine;
    t.budget = place.budget;
    t.overhead = place.device ? lt_device_overhead(lt_device_get_facts(place.device)) : 0;
    if (st >= 0) st = lt_doctor_plan(&a->settings, &t, task, model, 1280, 720, l);
    if (st < 0) lt_error_clear();
    free(l);
    return st >= 0;
}

/* The usual file of a model, in this folder. */
static const char *checkpoint(int i)
{
    const lt_model *m = NULL;
    if (lt_model_find(models[i].name, &m) >= 0 && access(m->file, R_OK) == 0) return m->file;
    lt_error_clear();
    return NULL;
}

/* Depth by the largest model that fits and whose checkpoint lies here; else flow, which needs none. False: nothing fits. */
static bool choose(advice *a, const char **weights)
{
    *weights = NULL;
    a->task = LT_TASK_DEPTH;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        a->model = models[i].model;
        if ((*weights = checkpoint((int)i)) && fits(a, 1, LT_TASK_DEPTH, a->model)) return true;
    }
    *weights = NULL;
    a->task = LT_TASK_FLOW;
    return fits(a, 1, LT_TASK_FLOW, 0);
}

static void tell_of_depth(const lt_doctor *d)
{
    if (d->full_model < 0) return;
    lt_finding(d->found.notes, "no checkpoint of a model lies in this folder, so the command lines are of flow, which needs none; "
               "of depth: --task depth --model %s --weights FILE in place of --task flow (longtake models list says where to get the file)",
               lt_model_choice_name(d->full_model));
}

/* ---- lines ---- */

static void make_words(advice *a, const char *weights)
{
    static const char *const given[] = { "precision", "cpu-isa", "threads", "memory-limit", "memory-fraction", "host-memory-limit", "allow" };
    const lt_settings *s = &a->settings;
    const lt_option_table *t = lt_settings_table();
    const char *source;
    lt_shard shard;
    char text[256];
    put_text(a->words, a->task == LT_TASK_DEPTH ? "--task depth --model" : "--task flow");
    if (a->task == LT_TASK_DEPTH) put(a->words, lt_model_choice_name(a->model));
    if (weights) put_text(a->words, "--weights"), put(a->words, weights);
    if (a->gpu) put_text(a->words, "--device cuda");
    else if (s->device == LT_DEVICE_CPU) put_text(a->words, "--device cpu");
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!lt_settings_given(s, given[i])) continue;
        snprintf(text, sizeof text, "--%s", given[i]);
        put_text(a->words, text);
        lt_option_text(t, lt_option_find(t, given[i]), s, text, sizeof text);
        put(a->words, text);
    }
    if (lt_shard_from_env(getenv, 0, &shard, &source) < 0) lt_error_clear();
    else if (shard.index >= 0) put_text(a->words, "--shard auto");
    put_text(a->words, "--out");
    put(a->words, s->out ? s->out : "out/");
    put_text(a->words, "*.mp4");
}

/* One process uses all of its cores; more of them help where decoding or writing keeps one busy. On GPUs each has one. */
static json_t *all_devices(const advice *a)
{
    char line[LINE] = "", script[2 * PATH_MAX], number[16], path[1024];
    const int cores = lt_cpus_allowed(), gpus = lt_doctor_usable(a->d);
    int n = a->gpu ? gpus : cores >= 8 ? cores / 4 : cores;
    if (n > 2 && !a->gpu && cores < 8) n = 2;
    while (n > 1 && !fits(a, n, a->task, a->model)) n /= 2;
    lt_which("mpirun", path, sizeof path);
    if (n < 2 || !*path) return json_null();
    find_beside("launch/mpirun.sh", script, sizeof script);
    if (*script && access(script, X_OK) == 0) {
        put(line, script);
    } else {
        put_text(line, "mpirun --bind-to none --oversubscribe --mca btl_vader_single_copy_mechanism none");
        if (geteuid() == 0) put_text(line, "--allow-run-as-root");
    }
    put_text(line, "-n");
    snprintf(number, sizeof number, "%d", n);
    put_text(line, number);
    put(line, a->program);
    put_text(line, "run");
    put_text(line, a->words);
    return line_json(line);
}

static json_t *slurm_array(const advice *a)
{
    char line[LINE] = "", script[2 * PATH_MAX], text[64], path[1024];
    const int cores = lt_cpus_allowed();
    lt_which("sbatch", path, sizeof path);
    if (!*path) return json_null();
    find_beside("cluster/slurm/array.sbatch", script, sizeof script);
    snprintf(line, sizeof line, "LONGTAKE_SHARD_COUNT=%d", ARRAY);
    if (*script) {
        char home[2 * PATH_MAX];
        snprintf(home, sizeof home, "%.*s", (int)(strlen(script) - strlen("/cluster/slurm/array.sbatch")), script);
        put_with(line, "LONGTAKE_HOME=", home);
        if (strchr(a->program, '/')) put_with(line, "LONGTAKE=", a->program);
    }
    snprintf(text, sizeof text, "sbatch --array=0-%d --cpus-per-task=%d%s", ARRAY - 1, cores < TASK_CORES ? cores : TASK_CORES, a->gpu ? " --gres=gpu:1" : "");
    put_text(line, text);
    if (*script) {
        put(line, script);
        put_text(line, a->words);
    } else {
        char inner[LINE] = "";
        put(inner, a->program);
        put_text(inner, "run --shard auto");
        put_text(inner, a->words);
        put_text(line, "--wrap");
        put(line, inner);
    }
    return line_json(line);
}

json_t *lt_doctor_advice(lt_doctor *d)
{
    advice *a = calloc(1, sizeof *a);
    json_t *o = json_object(), *one = json_null(), *all = json_null(), *array = json_null();
    const char *weights;
    lt_place own = { .device = NULL };
    if (!a) goto done;
    *a = (advice){ .d = d, .settings = *d->s, .place = d->place, .gpu = d->works && d->place.device };
    /* Where the device does not work the CPU may. */
    if (!d->works) {
        a->settings.device = LT_DEVICE_CPU;
        if (lt_place_open(&a->settings, 0, 1, &own) < 0) lt_error_clear();
        a->place = own;
    }
    if ((d->works || own.machine.n_threads) && choose(a, &weights)) {
        char line[LINE] = "";
        find_program(a->program, sizeof a->program);
        make_words(a, weights);
        put(line, a->program);
        put_text(line, "run");
        put_text(line, a->words);
        one = line_json(line);
        all = all_devices(a);
        array = slurm_array(a);
        if (!weights) tell_of_depth(d);
    }
done:
    lt_place_close(&own);
    free(a);
    json_object_set_new(o, "one_process", one);
    json_object_set_new(o, "all_devices", all);
    json_object_set_new(o, "slurm_array", array);
    return o;
}
