/* The option table: its own order, every kind of value, the command line, the settings file, and what is made of it. */
#include "check.h"

#include <longtake/settings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- longtake's own table ---- */

static size_t member_bytes(lt_option_kind kind)
{
    switch (kind) {
    case LT_OPTION_BOOL:                                           return sizeof(bool);
    case LT_OPTION_INT: case LT_OPTION_BYTES:                      return sizeof(int64_t);
    case LT_OPTION_REAL: case LT_OPTION_DURATION:                  return sizeof(double);
    case LT_OPTION_SIZE:                                           return sizeof(lt_size);
    case LT_OPTION_CHOICE: case LT_OPTION_FLAGS:                   return sizeof(int);
    case LT_OPTION_STRING: case LT_OPTION_PATH:                    return sizeof(char *);
    case LT_OPTION_LIST:                                           return sizeof(lt_strings);
    }
    return 0;
}

static void rows_are_whole(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    for (int i = 0; i < t->n_options; i++) {
        const lt_option *o = &t->options[i];
        if (!o->help || strlen(o->help) < 10) fail_msg("--%s has no help", o->name);
        if (o->help[strlen(o->help) - 1] == '.') fail_msg("--%s: the help ends with a full stop", o->name);
        if (!o->section) fail_msg("--%s has no section", o->name);
        if ((o->kind == LT_OPTION_BOOL) != (o->arg == NULL)) fail_msg("--%s: a value and its name go together", o->name);
        if (strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(o->name)) fail_msg("--%s: odd name", o->name);
        if (strncmp(o->name, "no-", 3) == 0) fail_msg("--%s would read as the negation of another", o->name);
        if (!o->commands && strcmp(o->name, t->positional) != 0) fail_msg("--%s belongs to no command", o->name);
        if (strpbrk(o->help, "\"$`\\")) fail_msg("--%s: the help has a character that completion scripts cannot hold", o->name);
        if (o->offset + member_bytes(o->kind) > sizeof(lt_settings)) fail_msg("--%s lies outside the settings", o->name);
        for (const lt_choice *c = o->choices; c && c->name; c++)
            for (const lt_choice *d = o->choices; d < c; d++)
                if (strcmp(c->name, d->name) == 0 || (o->kind != LT_OPTION_STRING && c->value == d->value))
                    fail_msg("--%s: '%s' twice", o->name, c->name);
    }
}

static void no_two_rows_meet(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    for (int i = 0; i < t->n_options; i++)
        for (int k = 0; k < i; k++) {
            const lt_option *a = &t->options[i], *b = &t->options[k];
            if (strcmp(a->name, b->name) == 0) fail_msg("--%s twice", a->name);
            if (a->letter && a->letter == b->letter) fail_msg("-%c is --%s and --%s", a->letter, a->name, b->name);
            if (a->offset < b->offset + member_bytes(b->kind) && b->offset < a->offset + member_bytes(a->kind))
                fail_msg("--%s and --%s share a member", a->name, b->name);
        }
}

/* Giving an option changes its own member and no other. */
static void rows_reach_their_members(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } values[] = {
        { "task", "map" }, { "preset", "fast" }, { "segment-frames", "17" }, { "config", "c" }, { "inputs", "i" },
        { "input-list", "l" }, { "fps", "12.5" }, { "max-res", "99" }, { "start", "1m" }, { "end", "2m" }, { "frames", "5" },
        { "prefetch", "6" }, { "decoder", "nvdec" }, { "out", "o" }, { "name-by", "path" }, { "type", "f16" }, { "compression", "7" },
        { "keep-segments", "true" }, { "weights", "w" }, { "precision", "bf16" },
        { "model", "vitl" }, { "metric", "true" }, { "input-size", "70" }, { "micro-batch", "2" }, { "tile", "5" }, { "band", "6" }, { "anchor-frame", "4" }, { "size", "98x70" },
        { "input", "n" }, { "probes", "on" },
        { "device", "cuda" }, { "cpu-isa", "avx2" }, { "threads", "3" }, { "memory-limit", "8GiB" },
        { "memory-fraction", "0.25" }, { "host-memory-limit", "3K" }, { "allow", "mixed-devices,size,model" },
        { "device-profile", "rtx4050" }, { "ranks", "2" }, { "picture", "x.png" }, { "shard", "1/2" },
        { "shard-by", "video" }, { "peer-timeout", "7" }, { "stop-file", "s" }, { "field", "f" },
        { "frame", "8" }, { "sheet", "on" }, { "rows", "9" }, { "width", "10" }, { "output", "p" }, { "partial", "true" },
        { "hash", "true" }, { "json", "true" }, { "progress", "json" }, { "verbose", "true" }, { "quiet", "true" },
        { "help", "true" }, { "version", "true" }, { "trace", "t" }, { "stream-weights", "on" }, { "scratch", "x" }, { "profile", "on" },
        { "sweep", "on" }, { "compare", "y" }, { "monitor", "2" },
    };
    const lt_option_table *t = lt_settings_table();
    assert_int_equal(sizeof values / sizeof *values, t->n_options);
    for (int v = 0; v < t->n_options; v++) {
        lt_settings s = { 0 }, d = { 0 };
        char set[64], preset[64];
        int option = lt_option_find(t, values[v].name);
        assert_true(option >= 0);
        assert_ok(lt_settings_defaults(&d));
        assert_ok(lt_settings_defaults(&s));
        assert_ok(lt_option_set(t, option, values[v].text, "test", &s));
        for (int i = 0; i < t->n_options; i++) {
            lt_option_text(t, i, &s, set, sizeof set);
            lt_option_text(t, i, &d, preset, sizeof preset);
            if ((strcmp(set, preset) != 0) != (i == option)) fail_msg("--%s changes --%s", values[v].name, t->options[i].name);
            assert_int_equal(s.given[i], i == option);
        }
        assert_true(lt_settings_given(&s, values[v].name));
        lt_settings_free(&s);
        lt_settings_free(&d);
    }
}

static void defaults_are_those_of_the_header(void **state)
{
    (void)state;
    lt_settings s = { 0 };
    assert_ok(lt_settings_defaults(&s));
    assert_int_equal(s.segment_frames, 0);
    assert_int_equal(s.input_size, 518);
    assert_int_equal(s.task, LT_TASK_FLOW);
    assert_int_equal(s.compression, 4);
    assert_string_equal(s.cpu_isa, "auto");
    assert_true(s.peer_timeout == 60);
    assert_true(s.memory_fraction == 0.9);
    assert_null(s.out);
    assert_int_equal(s.allow, 0);
    lt_settings_free(&s);
}

/* ---- values of every kind, by a table of its own ---- */

typedef struct {
    bool       flag;
    int64_t    count;
    double     ratio, time;
    uint64_t   bytes;
    lt_size    size;
    int        color;
    unsigned   parts;
    char      *word, *path, *config;
    lt_strings list, files;
    bool       help, version;
    uint8_t    given[16];
} toy;

static const lt_choice colors[] = { { "red", 5, NULL }, { "green", 3, "like grass" }, { "blue", 9, NULL }, { 0 } };
static const lt_choice parts[] = { { "head", 1, NULL }, { "tail", 4, NULL }, { 0 } };

#define AT(m) .offset = offsetof(toy, m)
static const lt_option toy_options[] = {
    { .name = "flag", .letter = 'f', .kind = LT_OPTION_BOOL, AT(flag), .commands = 3, .section = "one", .help = "A switch" },
    { .name = "count", .letter = 'n', .kind = LT_OPTION_INT, AT(count), .commands = 3, .section = "one", .arg = "N", .preset = "7",
      .min = -5, .max = 100, .help = "A number" },
    { .name = "ratio", .kind = LT_OPTION_REAL, AT(ratio), .commands = 3, .section = "one", .arg = "X", .min = -1, .max = 1, .help = "A number" },
    { .name = "time", .kind = LT_OPTION_DURATION, AT(time), .commands = 3, .section = "two", .arg = "T", .max = 1e9, .help = "A time" },
    { .name = "bytes", .kind = LT_OPTION_BYTES, AT(bytes), .commands = 3, .section = "two", .arg = "B", .max = 0x1p62, .help = "Bytes" },
    { .name = "size", .kind = LT_OPTION_SIZE, AT(size), .commands = 3, .section = "two", .arg = "WxH", .min = 1, .max = 4096, .help = "A size" },
    { .name = "color", .kind = LT_OPTION_CHOICE, AT(color), .commands = 3, .section = "two", .arg = "C", .preset = "green",
      .choices = colors, .help = "A color" },
    { .name = "parts", .kind = LT_OPTION_FLAGS, AT(parts), .commands = 3, .section = "two", .arg = "LIST", .choices = parts, .help = "Parts" },
    { .name = "word", .kind = LT_OPTION_STRING, AT(word), .commands = 3, .section = "two", .arg = "W", .help = "A word" },
    { .name = "path", .kind = LT_OPTION_PATH, AT(path), .commands = 2, .section = "two", .arg = "FILE", .help = "A path" },
    { .name = "list", .kind = LT_OPTION_LIST, AT(list), .commands = 3, .section = "two", .arg = "W", .help = "Words" },
    { .name = "files", .kind = LT_OPTION_LIST, AT(files), .section = "two", .arg = "FILE", .help = "Files" },
    { .name = "config", .kind = LT_OPTION_PATH, AT(config), .commands = 3, .section = "two", .arg = "FILE", .help = "A file" },
    { .name = "help", .kind = LT_OPTION_BOOL, AT(help), .commands = 3, .section = "two", .help = "Help" },
    { .name = "version", .kind = LT_OPTION_BOOL, AT(version), .commands = 3, .section = "two", .help = "Version" },
};
static const lt_command_info toy_commands[] = {
    { .name = "go", .args = "FILE...", .n_max = -1, .summary = "Goes" },
    { .name = "halt", .args = "FILE", .n_min = 1, .n_max = 1, .summary = "Halts" },
};
static const lt_option_table toys = {
    .program = "toy", .version = "1", .purpose = "a toy",
    .options = toy_options, .n_options = sizeof toy_options / sizeof *toy_options, .commands = toy_commands, .n_commands = 2,
    .given = offsetof(toy, given), .positional = "files", .config = "config", .help_name = "help", .version_name = "version",
};

static lt_status toy_line(toy *s, lt_ask *ask, int command, int n, char **words)
{
    memset(s, 0, sizeof *s);
    lt_status st = lt_options_defaults(&toys, s);
    return st < 0 ? st : lt_options_parse(&toys, command, n, words, s, ask);
}

#define LINE(s, command, ...)                                                                              \
    toy_line((s), &(lt_ask){ LT_ASK_COMMAND }, (command), (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
             (char *[]){ __VA_ARGS__, NULL })

/* What is said about a text: the value in the words of lt_option_text, or (NULL) a refusal. */
static const struct {
    const char *option, *text, *value;
} values[] = {
    { "count", "12", "12" }, { "count", "-5", "-5" }, { "count", "+8", "8" }, { "count", "101", NULL }, { "count", "-6", NULL },
    { "count", "", NULL }, { "count", "3.5", NULL }, { "count", "0x10", NULL }, { "count", "1e1", NULL }, { "count", " 1", NULL },
    { "count", "1 ", NULL }, { "count", "99999999999999999999", NULL }, { "count", "-", NULL },
    { "ratio", "0.5", "0.5" }, { "ratio", "-.25", "-0.25" }, { "ratio", "1e-3", "0.001" }, { "ratio", "nan", NULL },
    { "ratio", "inf", NULL }, { "ratio", "-inf", NULL }, { "ratio", "0x1p-1", NULL }, { "ratio", "1.1", NULL }, { "ratio", ".", NULL },
    { "ratio", "0.1x", NULL }, { "ratio", "1e999", NULL }, { "ratio", "0.1", "0.1" },
    { "time", "30", "30s" }, { "time", "30s", "30s" }, { "time", "250ms", "0.25s" }, { "time", "1.5m", "90s" }, { "time", "2h", "7200s" },
    { "time", "1d", "86400s" }, { "time", "2min", "120s" }, { "time", "1:30", "90s" }, { "time", "1:02:03.5", "3723.5s" },
    { "time", "90:00", "5400s" }, { "time", "1:60", NULL }, { "time", "1:-5", NULL }, { "time", "1:2:3:4", NULL }, { "time", "1.5:00", NULL },
    { "time", ":30", NULL }, { "time", "1:", NULL }, { "time", "1e1:00", NULL }, { "time", "-1", NULL }, { "time", "3 s", NULL },
    { "time", "3y", NULL },
    { "bytes", "0", "0" }, { "bytes", "1023", "1023" }, { "bytes", "1K", "1KiB" }, { "bytes", "800M", "800MiB" },
    { "bytes", "1.5GiB", "1536MiB" }, { "bytes", "2gib", "2GiB" }, { "bytes", "1GB", "1000000000" }, { "bytes", "3T", "3TiB" },
    { "bytes", "7B", "7" }, { "bytes", "-1", NULL }, { "bytes", "1X", NULL }, { "bytes", "1e30", NULL }, { "bytes", "GiB", NULL },
    { "size", "1280x720", "1280x720" }, { "size", "1x1", "1x1" }, { "size", "0x5", NULL }, { "size", "4097x5", NULL },
    { "size", "5x", NULL }, { "size", "x5", NULL }, { "size", "5", NULL }, { "size", "5x5x5", NULL }, { "size", "5X5", NULL },
    { "size", "4294967297x1", NULL },
    { "color", "red", "red" }, { "color", "blue", "blue" }, { "color", "re", NULL }, { "color", "redd", NULL }, { "color", "", NULL },
    { "parts", "tail", "tail" }, { "parts", "tail,head", "head,tail" }, { "parts", "tail,", NULL }, { "parts", "tail,hand", NULL },
    { "flag", "on", "true" }, { "flag", "No", "false" }, { "flag", "1", NULL },
    { "word", "some thing", "some thing" }, { "word", "", NULL }, { "path", "", NULL }, { "path", "-", "-" }, { "list", "", NULL },
};

static void values_of_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        toy s;
        char text[64], before[64];
        int option = lt_option_find(&toys, values[i].option);
        memset(&s, 0, sizeof s);
        assert_ok(lt_options_defaults(&toys, &s));
        lt_option_text(&toys, option, &s, before, sizeof before);
        lt_status st = lt_option_set(&toys, option, values[i].text, "here", &s);
        lt_option_text(&toys, option, &s, text, sizeof text);
        if (values[i].value) {
            if (st < 0) fail_msg("%s '%s': %s", values[i].option, values[i].text, lt_error_last()->text);
            if (strcmp(text, values[i].value) != 0)
                fail_msg("%s '%s' is '%s', not '%s'", values[i].option, values[i].text, text, values[i].value);
        } else {
            if (st != LT_E_USAGE) fail_msg("%s '%s' is allowed", values[i].option, values[i].text);
            if (strcmp(text, before) != 0) fail_msg("%s '%s' was refused and yet changed it", values[i].option, values[i].text);
            assert_ptr_equal(strstr(lt_error_last()->text, "here: '"), lt_error_last()->text);
        }
        lt_options_free(&toys, &s);
    }
}

static void choices_have_values_not_places(void **state)
{
    (void)state;
    toy s;
    assert_ok(LINE(&s, 0, "--color", "blue", "--parts=head", "--parts", "tail"));
    assert_int_equal(s.color, 9);
    assert_int_equal(s.parts, 5);
    lt_options_free(&toys, &s);
}

static void line_forms(void **state)
{
    (void)state;
    toy s;
    assert_ok(LINE(&s, 0, "a", "--count=3", "b", "-fn", "4", "--word", "-x", "--list", "p", "--list=q", "--", "--count"));
    assert_int_equal(s.count, 4);
    assert_true(s.flag);
    assert_string_equal(s.word, "-x");
    assert_int_equal(s.list.n, 2);
    assert_string_equal(s.list.item[1], "q");
    assert_int_equal(s.files.n, 3);
    assert_string_equal(s.files.item[2], "--count");
    lt_options_free(&toys, &s);
    assert_ok(LINE(&s, 0, "--flag", "--no-flag"));
    assert_false(s.flag);
    lt_options_free(&toys, &s);
    assert_ok(toy_line(&s, &(lt_ask){ LT_ASK_COMMAND }, 0, 0, (char *[]){ NULL }));
    assert_int_equal(s.count, 7);
    assert_int_equal(s.color, 3);
    lt_options_free(&toys, &s);
}

static void help_wins_over_missing_arguments(void **state)
{
    (void)state;
    toy s;
    lt_ask ask;
    assert_ok(toy_line(&s, &ask, 1, 2, (char *[]){ "--help", "--count=abc", NULL }));
    assert_int_equal(ask, LT_ASK_HELP);
    lt_options_free(&toys, &s);
    assert_ok(toy_line(&s, &ask, 1, 1, (char *[]){ "--version", NULL }));
    assert_int_equal(ask, LT_ASK_VERSION);
    lt_options_free(&toys, &s);
}

#define REFUSED(says, command, ...)                                                                           \
    do {                                                                                                      \
        toy refused_;                                                                                         \
        assert_int_equal(LINE(&refused_, command, __VA_ARGS__), LT_E_USAGE);                                  \
        if (!strstr(lt_error_last()->text, says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, says); \
        lt_options_free(&toys, &refused_);                                                                    \
    } while (0)

static void line_errors(void **state)
{
    (void)state;
    REFUSED("did you mean '--count'", 0, "--cuont", "3");
    REFUSED("did you mean '--count'", 0, "--cou=3");
    REFUSED("did you mean '--no-flag'", 0, "--no-falg");
    REFUSED("there is no option '--zzzzzzzz': see --help", 0, "--zzzzzzzz");
    REFUSED("has no option '-z'", 0, "-z");
    REFUSED("--path is not an option of go; it belongs to: halt", 0, "--path", "x");
    REFUSED("only switches have a --no- form", 0, "--no-count");
    REFUSED("--flag is a switch", 0, "--flag=3");
    REFUSED("--count needs a value", 0, "--count");
    REFUSED("'--flag' is an option", 0, "--word", "--flag");
    REFUSED("--count: '300' is not allowed: give a whole number from -5 to 100", 0, "--count", "300");
    REFUSED("--color: 'gren' is not allowed, did you mean 'green'? Else give red, green or blue", 0, "--color=gren");
    REFUSED("halt needs FILE", 1, "--flag");
    REFUSED("'b' is one too many", 1, "a", "b");
    REFUSED("without an option name", 0, "--files", "a");
}

static void nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = { "run", "index", "status", "merge", "verify", "memory-limit", "memory-fraction" };
    const int n = sizeof names / sizeof *names;
    assert_string_equal(lt_nearest("rnu", names, n), "run");
    assert_string_equal(lt_nearest("vreify", names, n), "verify");
    assert_string_equal(lt_nearest("memroy-limit", names, n), "memory-limit");
    assert_string_equal(lt_nearest("memory-f", names, n), "memory-fraction");
    assert_null(lt_nearest("banana", names, n));
    assert_null(lt_nearest("", names, n));
    char big[4096];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_null(lt_nearest(big, names, n));
}

/* ---- settings file ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void command_line_wins(void **state)
{
    (void)state;
    char path[] = "/tmp/longtake-test-XXXXXX";
    toy s;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "count: 11\ntwo:\n  color: red\n  parts: [head, tail]\n  list: [a, b]\n  path: for halt\nword: \"file\"\nflag: yes\nfiles: x\n");
    assert_ok(LINE(&s, 0, "--count", "12", "--config", path, "--list", "c", "--no-flag"));
    assert_int_equal(s.count, 12);
    assert_int_equal(s.color, 5);
    assert_int_equal(s.parts, 5);
    assert_string_equal(s.word, "file");
    assert_int_equal(s.list.n, 1);
    assert_string_equal(s.list.item[0], "c");
    assert_false(s.flag);
    assert_int_equal(s.files.n, 1);
    assert_null(s.path);
    assert_int_equal(s.given[2], 0);
    assert_int_equal(s.given[6], 1);
    lt_options_free(&toys, &s);
    assert_ok(LINE(&s, 1, "--config", path, "y"));
    assert_string_equal(s.files.item[0], "y");
    assert_int_equal(s.files.n, 1);
    assert_string_equal(s.path, "for halt");
    lt_options_free(&toys, &s);
    REFUSED("'b' is one too many", 1, "--config", path, "a", "b");
    unlink(path);
    REFUSED("cannot be opened: No such file", 0, "--config", path);
    REFUSED("cannot be read", 0, "--config", "/tmp");
}

static const struct {
    const char *text, *says;
} bad_files[] = {
    { "count: 3\n\n# a\ncuont: 4\n", "f.yaml:4: there is no setting 'cuont', did you mean 'count'?" },
    { "two:\n  count: 3\n", "f.yaml:2: 'count' belongs in the section 'one', not 'two'" },
    { "tow:\n  color: red\n", "f.yaml:1: there is no section 'tow', did you mean 'two'?" },
    { "two:\n  one:\n    count: 1\n", "f.yaml:2: there is no setting 'one'" },
    { "count: 300\n", "f.yaml:1: count: '300' is not allowed: give a whole number from -5 to 100" },
    { "count: 3\none:\n  count: 4\n", "f.yaml:3: 'count' was given already in line 1" },
    { "count:\n", "f.yaml:1: count has no value" },
    { "count: ~\n", "f.yaml:1: count has no value" },
    { "count: [1]\n", "f.yaml:1: 'count' takes one value" },
    { "count: {a: 1}\n", "f.yaml:1: 'count' takes one value" },
    { "list: [[a]]\n", "f.yaml:1: 'list' takes a plain list of values" },
    { "list:\n  - a\n  - \"\"\n", "f.yaml:3: list: '' is not allowed" },
    { "word: &a x\nlist: *a\n", "f.yaml:2: aliases" },
    { "count: 3\n---\ncount: 4\n", "f.yaml:2: a second document" },
    { "- count\n", "f.yaml:1: lines of the form" },
    { "3\n", "f.yaml:1: lines of the form" },
    { "count: 3\nword x\nlist: y\n", "f.yaml:3: not valid YAML" },
    { "count: \"3\n\n", "not valid YAML" },
    { "? [a]\n: b\n", "f.yaml:1: the name of a setting" },
    { "word: \"a\\0b\"\n", "f.yaml:1: a value must not contain a NUL" },
    { "help: true\n", "f.yaml:1: 'help' belongs on the command line" },
    { "config: other.yaml\n", "f.yaml:1: 'config' belongs on the command line" },
    { "word: \xff\xfe\x01\n", "not valid YAML" },
};

static void files_with_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        toy s;
        memset(&s, 0, sizeof s);
        assert_ok(lt_options_defaults(&toys, &s));
        lt_status st = lt_options_yaml(&toys, 0, "f.yaml", bad_files[i].text, strlen(bad_files[i].text), &s);
        if (st != LT_E_USAGE) fail_msg("accepted: %s", bad_files[i].text);
        if (!strstr(lt_error_last()->text, bad_files[i].says))
            fail_msg("'%s' does not say '%s'", lt_error_last()->text, bad_files[i].says);
        lt_options_free(&toys, &s);
    }
}

static void empty_files_are_files(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "# nothing\n", "\n\n", "{}\n", "one: {}\n", "list: []\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        toy s;
        memset(&s, 0, sizeof s);
        assert_ok(lt_options_defaults(&toys, &s));
        assert_ok(lt_options_yaml(&toys, 0, "f.yaml", texts[i], strlen(texts[i]), &s));
        assert_int_equal(s.count, 7);
        lt_options_free(&toys, &s);
    }
}

/* configs/flow.yaml promises that it holds the defaults. */
static void example_file_is_the_defaults(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    lt_settings s = { 0 }, d = { 0 };
    lt_ask ask;
    int n = 0;
    char *argv[] = { "longtake", "run", "--config", "../configs/flow.yaml", "--out", "o", "film.mp4", NULL };
    assert_ok(lt_settings_read(7, argv, &s, &ask));
    assert_ok(lt_settings_defaults(&d));
    for (int i = 0; i < t->n_options; i++) {
        char a[64], b[64];
        const char *name = t->options[i].name;
        if (strcmp(name, "config") == 0 || strcmp(name, "out") == 0 || strcmp(name, "inputs") == 0) continue;
        lt_option_text(t, i, &s, a, sizeof a);
        lt_option_text(t, i, &d, b, sizeof b);
        if (strcmp(a, b) != 0) fail_msg("%s is '%s', the default is '%s'", name, a, b);
        n += s.given[i];
    }
    assert_true(n >= 15);
    lt_settings_free(&s);
    lt_settings_free(&d);
}

/* The example of depth says what the program does without it. */
static void depth_file_is_what_depth_does(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    static const char *const own[] = { "task", "max-res", "config", "out", "weights", "inputs" };
    lt_settings s = { 0 }, d = { 0 };
    lt_ask ask;
    char *argv[] = { "longtake", "run", "--config", "../configs/depth.yaml", "--weights", "w", "--out", "o", "film.mp4", NULL };
    assert_ok(lt_settings_read(9, argv, &s, &ask));
    assert_ok(lt_settings_defaults(&d));
    assert_int_equal(s.task, LT_TASK_DEPTH);
    assert_int_equal(s.max_res, 1280);
    for (int i = 0; i < t->n_options; i++) {
        char a[64], b[64];
        bool skip = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++) skip = skip || strcmp(t->options[i].name, own[k]) == 0;
        if (skip) continue;
        lt_option_text(t, i, &s, a, sizeof a);
        lt_option_text(t, i, &d, b, sizeof b);
        if (strcmp(a, b) != 0) fail_msg("%s is '%s', the default is '%s'", t->options[i].name, a, b);
    }
    lt_settings_free(&s);
    lt_settings_free(&d);
}

/* ---- longtake's command line ---- */

static lt_status read_line(lt_settings *s, lt_ask *ask, char **argv)
{
    int n = 0;
    while (argv[n]) n++;
    *s = (lt_settings){ 0 };
    return lt_settings_read(n, argv, s, ask);
}

static void programs_line(void **state)
{
    (void)state;
    lt_settings s;
    lt_ask ask;
    assert_ok(read_line(&s, &ask, (char *[]){ "longtake", "run", "-o", "out", "a.mp4", "--memory-limit", "5.6GiB", "--end=1:00", NULL }));
    assert_int_equal(s.command, LT_COMMAND_RUN);
    assert_int_equal(ask, LT_ASK_COMMAND);
    assert_int_equal(s.memory_limit, (uint64_t)(5.6 * 1073741824));
    assert_true(s.end == 60);
    assert_true(lt_settings_given(&s, "memory-limit"));
    assert_false(lt_settings_given(&s, "fps"));
    lt_settings_free(&s);
    assert_ok(read_line(&s, &ask, (char *[]){ "longtake", "--version", NULL }));
    assert_int_equal(ask, LT_ASK_VERSION);
    lt_settings_free(&s);
    assert_ok(read_line(&s, &ask, (char *[]){ "longtake", "view", "--help", NULL }));
    assert_int_equal(ask, LT_ASK_HELP);
    assert_int_equal(s.command, LT_COMMAND_VIEW);
    lt_settings_free(&s);
    static const struct {
        char       *words[8];
        const char *says;
    } bad[] = {
        { { "longtake", "rum" }, "did you mean 'run'?" },
        { { "longtake", "run", "--out", "o" }, "run needs a VIDEO or --input-list" },
        { { "longtake", "run", "a" }, "run needs --out" },
        { { "longtake", "run", "a", "-o", "o", "--task", "track" }, "not built in this version" },
        { { "longtake", "run", "a", "-o", "o", "--start=9", "--end=9" }, "not after" },
        { { "longtake", "run", "a", "-o", "o", "-q", "-v" }, "contradict" },
        { { "longtake", "-o", "o", "run" }, "the command comes first" },
        { { "longtake", "status" }, "status needs DIR" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_line(&s, &ask, (char **)bad[i].words), LT_E_USAGE);
        if (!strstr(lt_error_last()->text, bad[i].says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, bad[i].says);
        lt_settings_free(&s);
    }
}

static void input_lists(void **state)
{
    (void)state;
    char folder[] = "/tmp/longtake-test-XXXXXX", path[64], first[64];
    lt_settings s;
    lt_ask ask;
    lt_strings inputs;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/list.tsv", folder);
    snprintf(first, sizeof first, "%s/one film.mp4", folder);
    write_file(path, "# videos\n\none film.mp4\t120\t640x480\r\n/abs/two.mp4\n#three\nfour.mp4");
    assert_ok(read_line(&s, &ask, (char *[]){ "longtake", "run", "zero.mp4", "-o", "o", "--input-list", path, NULL }));
    assert_ok(lt_settings_inputs(&s, &inputs));
    assert_int_equal(inputs.n, 4);
    assert_string_equal(inputs.item[0], "zero.mp4");
    assert_string_equal(inputs.item[1], first);
    assert_string_equal(inputs.item[2], "/abs/two.mp4");
    lt_strings_free(&inputs);
    lt_settings_free(&s);
    write_file(path, "# none\n");
    assert_ok(read_line(&s, &ask, (char *[]){ "longtake", "run", "-o", "o", "--input-list", path, NULL }));
    assert_int_equal(lt_settings_inputs(&s, &inputs), LT_E_USAGE);
    assert_non_null(strstr(lt_error_last()->text, "no input is named"));
    unlink(path);
    assert_int_equal(lt_settings_inputs(&s, &inputs), LT_E_USAGE);
    assert_non_null(strstr(lt_error_last()->text, "cannot be opened"));
    lt_settings_free(&s);
    rmdir(folder);
}

/* ---- what is made from the table ---- */

static char *written(void (*write)(const lt_option_table *t, FILE *out))
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    write(lt_settings_table(), f);
    fclose(f);
    return text;
}

static void help_has_every_option(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    char mark[64];
    for (int c = 0; c < t->n_commands; c++) {
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);
        lt_options_help(t, c, f);
        fclose(f);
        for (int i = 0; i < t->n_options; i++) {
            const lt_option *o = &t->options[i];
            snprintf(mark, sizeof mark, " --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
            bool there = strstr(text, mark), due = o->commands >> c & 1u;
            if (due && !there) fail_msg("help of %s lacks%s", t->commands[c].name, mark);
        }
        /* 80 columns, in bytes, since the help is ASCII. */
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (strlen(line) > 80) fail_msg("%zu columns: %s", strlen(line), line);
        free(text);
    }
}

static void manual_and_docs_have_every_option(void **state)
{
    (void)state;
    const lt_option_table *t = lt_settings_table();
    char *manual = written(lt_options_man), *markdown = written(lt_options_markdown), mark[64];
    for (int i = 0; i < t->n_options; i++) {
        char *at = mark;
        if (!t->options[i].commands) continue;
        snprintf(mark, sizeof mark, "`--%s`", t->options[i].name);
        if (!strstr(markdown, mark)) fail_msg("Markdown lacks %s", mark);
        at += sprintf(at, "\\fB\\-\\-");
        for (const char *c = t->options[i].name; *c; c++) at += sprintf(at, *c == '-' ? "\\-" : "%c", *c);
        sprintf(at, "\\fR");
        if (!strstr(manual, mark)) fail_msg("the manual lacks %s", mark);
    }
    free(manual);
    free(markdown);
}

/* ---- log ---- */

static void bar_clear(void *ctx, FILE *out)
{
    (void)ctx;
    fputs("<", out);
}

static void bar_draw(void *ctx, FILE *out)
{
    fprintf(out, "%s>", (const char *)ctx);
}

static void log_lines(void **state)
{
    (void)state;
    char *text = NULL, bar[] = "bar";
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    lt_log *log = NULL;
    assert_ok(lt_log_create(f, LT_LOG_INFO, &log));
    lt_log_info(log, "one\ntwo %d", 3);
    lt_log_debug(log, "unseen");
    lt_log_set_rank(log, 2, 4, "host");
    lt_log_set_bar(log, bar_clear, bar_draw, bar);
    lt_log_warn(log, "four");
    lt_log_set_bar(log, NULL, NULL, NULL);
    lt_log_set_rank(log, 0, 1, "host");
    lt_status st = lt_raise(LT_E_DATA, "file.c", 7, "f", "bad");
    assert_int_equal(st, LT_E_DATA);
    lt_trace("file.c", 9, "g", "f()");
    lt_log_failure(log, lt_error_last(), 0);
    lt_log_failure(log, lt_error_last(), 1);
    lt_log_info(NULL, "nobody hears");
    lt_log_failure(NULL, lt_error_last(), 1);
    lt_log_destroy(&log);
    fclose(f);
    assert_string_equal(text, "longtake: one two 3\nbar><longtake: rank 2@host: warning: four\nbar><longtake: bad\n"
                        "longtake: bad\nlongtake:     file.c:7 f\nlongtake:     file.c:9 g: f()\n");
    free(text);
}

static void log_of_long_lines_and_times(void **state)
{
    (void)state;
    char *text = NULL, big[4000];
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    lt_log *log = NULL;
    memset(big, 'y', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_ok(lt_log_create(f, LT_LOG_DEBUG, &log));
    lt_log_debug(log, "%s", big);
    lt_log_destroy(&log);
    fclose(f);
    assert_int_equal(text[n - 1], '\n');
    assert_true(n > 1000 && n < 1400);
    int h, m;
    float s;
    assert_int_equal(sscanf(text, "%d:%d:%f longtake: y", &h, &m, &s), 3);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(no_two_rows_meet),
        cmocka_unit_test(rows_reach_their_members),
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(values_of_each_kind),
        cmocka_unit_test(choices_have_values_not_places),
        cmocka_unit_test(line_forms),
        cmocka_unit_test(help_wins_over_missing_arguments),
        cmocka_unit_test(line_errors),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(command_line_wins),
        cmocka_unit_test(files_with_errors),
        cmocka_unit_test(empty_files_are_files),
        cmocka_unit_test(example_file_is_the_defaults),
        cmocka_unit_test(depth_file_is_what_depth_does),
        cmocka_unit_test(programs_line),
        cmocka_unit_test(input_lists),
        cmocka_unit_test(help_has_every_option),
        cmocka_unit_test(manual_and_docs_have_every_option),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(log_of_long_lines_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
