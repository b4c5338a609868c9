#include <longtake/profile.h>

#include <longtake/file.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) .offset = offsetof(lt_profile, member)
#define ONE .commands = 1

static const lt_choice backends[] = { { "cpu", LT_BACKEND_CPU, NULL }, { "cuda", LT_BACKEND_CUDA, NULL }, { 0 } };

/* The keys of a profile, in the form of the table of options, which reads YAML. */
static const lt_option keys[] = {
    { .name = "name", .kind = LT_OPTION_STRING, AT(name), ONE, .section = "device" },
    { .name = "device", .kind = LT_OPTION_CHOICE, AT(device), ONE, .section = "device", .preset = "cpu", .choices = backends },
    { .name = "capability", .kind = LT_OPTION_REAL, AT(capability), ONE, .section = "device", .preset = "0", .max = 99 },
    { .name = "multiprocessors", .kind = LT_OPTION_INT, AT(multiprocessors), ONE, .section = "device", .preset = "0", .max = 4096 },
    { .name = "memory", .kind = LT_OPTION_BYTES, AT(memory), ONE, .section = "device", .preset = "0", .max = 0x1p62 },
    { .name = "usable", .kind = LT_OPTION_BYTES, AT(usable), ONE, .section = "device", .preset = "0", .max = 0x1p62 },
    { .name = "overhead", .kind = LT_OPTION_BYTES, AT(overhead), ONE, .section = "device", .preset = "0", .max = 0x1p62 },
    { .name = "f32", .kind = LT_OPTION_REAL, AT(f32), ONE, .section = "rates", .preset = "0", .max = 1e6 },
    { .name = "tf32", .kind = LT_OPTION_REAL, AT(tf32), ONE, .section = "rates", .preset = "0", .max = 1e6 },
    { .name = "f16", .kind = LT_OPTION_REAL, AT(f16), ONE, .section = "rates", .preset = "0", .max = 1e6 },
    { .name = "bf16", .kind = LT_OPTION_REAL, AT(bf16), ONE, .section = "rates", .preset = "0", .max = 1e6 },
    { .name = "bandwidth", .kind = LT_OPTION_REAL, AT(bandwidth), ONE, .section = "rates", .preset = "0", .max = 1e6 },
    { .name = "chip-source", .kind = LT_OPTION_STRING, AT(chip_source), ONE, .section = "source" },
    { .name = "memory-source", .kind = LT_OPTION_STRING, AT(memory_source), ONE, .section = "source" },
    { .name = "usable-source", .kind = LT_OPTION_STRING, AT(usable_source), ONE, .section = "source" },
    { .name = "overhead-source", .kind = LT_OPTION_STRING, AT(overhead_source), ONE, .section = "source" },
    { .name = "rates-source", .kind = LT_OPTION_STRING, AT(rates_source), ONE, .section = "source" },
    { .name = "bandwidth-source", .kind = LT_OPTION_STRING, AT(bandwidth_source), ONE, .section = "source" },
};

_Static_assert(sizeof keys / sizeof *keys <= sizeof((lt_profile *)0)->given, "raise lt_profile.given");

static const lt_command_info command[] = { { .name = "profile" } };
static const lt_option_table table = {
    .options = keys, .n_options = sizeof keys / sizeof *keys, .commands = command, .n_commands = 1, .given = offsetof(lt_profile, given), .positional = "",
    .help_name = "", .version_name = "",
};

enum { PATH_BYTES = 4096, PARENTS = 4 };

/* The folder of profiles: that of an installed program (bin/longtake, share/longtake), or of a source tree with its build folder inside. */
static bool find_folder(char out[PATH_BYTES])
{
    static const char *const below[] = { "share/longtake/configs/devices", "configs/devices" };
    char here[PATH_BYTES - 64];
    struct stat sb;
    const ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    if (n <= 0) return false;
    here[n] = 0;
    for (int up = 0; up <= PARENTS; up++) {
        char *slash = strrchr(here, '/');
        if (!slash) return false;
        *slash = 0;
        for (int i = 0; i < 2; i++) {
            snprintf(out, PATH_BYTES, "%s/%s", here, below[i]);
            if (!stat(out, &sb) && S_ISDIR(sb.st_mode)) return true;
        }
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

lt_status lt_profile_names(lt_strings *out)
{
    lt_status st = LT_OK;
    char folder[PATH_BYTES];
    DIR *dir = NULL;
    *out = (lt_strings){ 0 };
    if (!find_folder(folder) || !(dir = opendir(folder))) goto done;
    for (struct dirent *e; (e = readdir(dir));) {
        char *dot = strrchr(e->d_name, '.');
        if (!dot || dot == e->d_name || strcmp(dot, ".yaml") != 0) continue;
        *dot = 0;
        LT_TRY(lt_strings_add(out, e->d_name));
    }
    if (out->n) qsort(out->item, (size_t)out->n, sizeof *out->item, by_name);
done:
    if (dir) closedir(dir);
    if (st < 0) lt_strings_free(out);
    return st;
}

static lt_status unknown(const char *name)
{
    lt_status st = LT_OK;
    lt_strings names = { 0 };
    char list[1024] = "";
    LT_TRY(lt_profile_names(&names));
    if (!names.n) LT_FAIL(LT_E_USAGE, "--device-profile %.100s: the profiles that come with longtake (configs/devices) are not beside this program: give the path of one", name);
    for (int i = 0; i < names.n; i++) {
        const size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", names.item[i]);
    }
    const char *near = lt_nearest(name, (const char *const *)names.item, names.n);
    LT_FAIL(LT_E_USAGE, "--device-profile: there is no '%.100s'%s%s%s; there are %s, or give the path of a YAML file", name, near ? ", did you mean '" : "",
            near ? near : "", near ? "'?" : "", list);
done:
    lt_strings_free(&names);
    return st;
}

static lt_status check(const lt_profile *p, const char *path)
{
    lt_status st = LT_OK;
    if (p->device == LT_BACKEND_CPU) return LT_OK;
    if (p->capability < 7.5 || !p->multiprocessors || !p->memory)
        LT_FAIL(LT_E_USAGE, "%s: a GPU needs capability (at least 7.5), multiprocessors and memory", path);
    if (p->usable > p->memory) LT_FAIL(LT_E_USAGE, "%s: usable is more than memory", path);
done:
    return st;
}

static lt_status read_file(const char *path, lt_profile *out)
{
    lt_status st = LT_OK;
    char *text = NULL;
    size_t n = 0;
    LT_TRY(lt_file_read(path, 1 << 20, &text, &n));
    LT_TRY(lt_options_yaml(&table, 0, path, text, n, out));
    LT_TRY(check(out, path));
    if (!out->usable) out->usable = out->memory;
done:
    free(text);
    return st;
}

lt_status lt_profile_read(const char *name, lt_profile *out)
{
    lt_status st = LT_OK;
    char folder[PATH_BYTES], path[PATH_BYTES + 256];
    const size_t n = strlen(name);
    memset(out, 0, sizeof *out);
    LT_TRY(lt_options_defaults(&table, out));
    if (strchr(name, '/') || (n > 5 && !strcmp(name + n - 5, ".yaml"))) {
        st = read_file(name, out);
        if (st == LT_E_ABSENT) LT_FAIL(LT_E_USAGE, "--device-profile: there is no file '%s'", name);
        LT_TRY(st);
        return LT_OK;
    }
    if (n > 200 || !find_folder(folder)) LT_TRY(unknown(name));
    snprintf(path, sizeof path, "%s/%s.yaml", folder, name);
    st = read_file(path, out);
    if (st == LT_E_ABSENT) st = unknown(name);
    LT_TRY(st);
done:
    return st;
}

/* ---- writing ---- */

/* In the largest unit that it is a whole number of. */
static void put_bytes(FILE *f, const char *key, uint64_t n)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB" };
    int u = 0;
    while (u < 3 && n && n % 1024 == 0) n /= 1024, u++;
    fprintf(f, "%s: %llu%s\n", key, (unsigned long long)n, units[u]);
}

/* The fewest digits that read back as the same number. */
static void put_real(FILE *f, const char *key, double v)
{
    char text[40];
    int digits = 1;
    do snprintf(text, sizeof text, "%.*g", digits, v);
    while (strtod(text, NULL) != v && ++digits <= 17);
    fprintf(f, "%s: %s\n", key, text);
}

/* Double-quoted, as YAML 1.1 has it; what is no character of a text is left out. */
static void put_text(FILE *f, const char *key, const char *text)
{
    if (!text || !*text) return;
    fprintf(f, "%s: \"", key);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') fputc('\\', f);
        if ((unsigned char)*c >= ' ' && *c != 127) fputc(*c, f);
    }
    fputs("\"\n", f);
}

static void put(FILE *f, const lt_profile *p)
{
    const struct {
        const char *key;
        double      rate;
    } rates[] = { { "  f32", p->f32 }, { "  tf32", p->tf32 }, { "  f16", p->f16 }, { "  bf16", p->bf16 }, { "  bandwidth", p->bandwidth } };
    const struct {
        const char *key, *text;
    } sources[] = { { "  chip-source", p->chip_source }, { "  memory-source", p->memory_source }, { "  usable-source", p->usable_source },
                    { "  overhead-source", p->overhead_source }, { "  rates-source", p->rates_source }, { "  bandwidth-source", p->bandwidth_source } };
    const bool gpu = p->device != LT_BACKEND_CPU;
    bool rated = false, sourced = false;
    fputs("# A device to plan for: longtake plan --device-profile FILE. Rates are of products of dense matrices.\n", f);
    put_text(f, "name", p->name);
    fprintf(f, "device: %s\n", gpu ? "cuda" : "cpu");
    if (gpu) fprintf(f, "capability: %.1f\n", p->capability);
    if (gpu) fprintf(f, "multiprocessors: %lld\n", (long long)p->multiprocessors);
    if (p->memory) put_bytes(f, "memory", p->memory);
    if (p->usable) put_bytes(f, "usable", p->usable);
    put_bytes(f, "overhead", p->overhead);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        if (!(rates[i].rate > 0)) continue;
        if (!rated) fputs("rates:                         # TFLOP/s; bandwidth in GB/s\n", f);
        rated = true;
        put_real(f, rates[i].key, rates[i].rate);
    }
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!sources[i].text || !*sources[i].text) continue;
        if (!sourced) fputs("source:\n", f);
        sourced = true;
        put_text(f, sources[i].key, sources[i].text);
    }
}

lt_status lt_profile_text(const lt_profile *p, char **out)
{
    lt_status st = LT_OK;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    *out = NULL;
    if (!f) LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    put(f, p);
    const bool lost = ferror(f) != 0;
    if (fclose(f) != 0 || lost) {
        free(text);
        LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    }
    *out = text;
done:
    return st;
}

lt_status lt_profile_write(const lt_profile *p, const char *path)
{
    lt_status st = LT_OK;
    char *text = NULL;
    LT_TRY(lt_profile_text(p, &text));
    LT_TRY(lt_file_replace(path, text, strlen(text)));
done:
    free(text);
    return st;
}

lt_machine lt_profile_machine(const lt_profile *p, lt_isa isa, int n_threads)
{
    lt_machine m = lt_machine_here(isa, n_threads);
    if (p->device == LT_BACKEND_CPU) return m;
    m.backend = LT_BACKEND_CUDA;
    m.sm = (int)(p->capability * 10 + 0.5);
    m.multiprocessors = (int)p->multiprocessors;
    m.bf16_units = m.sm >= 80;
    return m;
}

double lt_profile_rate(const lt_profile *p, lt_dtype type, bool tf32)
{
    return type == LT_F16 ? p->f16 : type == LT_BF16 ? p->bf16 : tf32 ? p->tf32 : p->f32;
}

void lt_profile_free(lt_profile *p)
{
    lt_options_free(&table, p);
}
