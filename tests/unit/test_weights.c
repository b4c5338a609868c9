/* Checkpoints in every container: values, refusals, damage. Golden files: tests/data/checkpoints, written by PyTorch 2.7.1 and safetensors. */
#include "check.h"

#include <longtake/weights.h>

#include "weights/private.h"

#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOLDEN "data/checkpoints/"

/* ---- golden files ---- */

static const struct {
    const char *file, *kind;
} good[] = {
    { GOLDEN "zip.pth", "PyTorch zip" }, { GOLDEN "dict_protocol4.pth", "PyTorch zip" }, { GOLDEN "nested.pth", "PyTorch zip" },
    { GOLDEN "model_key.pt", "PyTorch zip" }, { GOLDEN "legacy.pth", "PyTorch legacy" }, { GOLDEN "module_prefix_legacy.pth", "PyTorch legacy" },
    { GOLDEN "tensors.safetensors", "safetensors" },
};

static const struct {
    const char *name;
    lt_dtype    dtype;
} tensors[] = {
    { "a.bias", LT_F32 }, { "a.weight", LT_F32 }, { "bf", LT_BF16 }, { "big", LT_F32 }, { "count", LT_I64 }, { "empty", LT_F32 },
    { "f64", LT_F64 }, { "half", LT_F16 }, { "ids", LT_I32 }, { "mask", LT_BOOL }, { "param", LT_F32 }, { "scalar", LT_F32 },
    { "shared.rows", LT_F32 }, { "shared.strided", LT_F32 }, { "shared.transposed", LT_F32 }, { "u8", LT_U8 },
};
enum { TENSORS = sizeof tensors / sizeof *tensors };

/* A dataset as floats; shape into dim. */
static float *expected(hid_t file, const char *name, int *n_dims, int64_t *dim, int64_t *count)
{
    hsize_t size[LT_WEIGHT_DIMS];
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set), type = H5Dget_type(set);
    *n_dims = H5Sget_simple_extent_dims(space, size, NULL);
    *count = 1;
    for (int i = 0; i < *n_dims; i++) *count *= dim[i] = (int64_t)size[i];
    float *out = malloc((size_t)(*count + 1) * sizeof *out);
    if (H5Tget_class(type) == H5T_ENUM) {
        int8_t *bytes = malloc((size_t)*count);
        assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
        for (int64_t i = 0; i < *count; i++) out[i] = bytes[i];
        free(bytes);
    } else {
        assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
    return out;
}

static void golden_files_hold_what_they_should(void **state)
{
    (void)state;
    hid_t file = H5Fopen(GOLDEN "expected.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    for (size_t f = 0; f < sizeof good / sizeof *good; f++) {
        lt_weights *w;
        assert_ok(lt_weights_open(good[f].file, &w));
        assert_string_equal(lt_weights_kind(w), good[f].kind);
        assert_false(lt_weights_is_synthetic(w));
        assert_int_equal(lt_weights_count(w), TENSORS);
        for (int t = 0; t < TENSORS; t++) {
            int n_dims;
            int64_t dim[LT_WEIGHT_DIMS], count;
            float *want = expected(file, tensors[t].name, &n_dims, dim, &count), *got = malloc((size_t)(count + 1) * sizeof *got);
            const lt_weight_info *x = lt_weights_find(w, tensors[t].name);
            assert_non_null(x);
            assert_int_equal(x->dtype, tensors[t].dtype);
            assert_int_equal(x->n_dims, n_dims);
            assert_memory_equal(x->dim, dim, (size_t)n_dims * sizeof *dim);
            got[count] = -7;
            assert_ok(lt_weights_read(w, tensors[t].name, n_dims, dim, got));
            /* Widening is exact, rounding the one of the processor: no tolerance. */
            if (memcmp(got, want, (size_t)count * sizeof *got) != 0) fail_msg("%s: %s differs", good[f].file, tensors[t].name);
            assert_true(got[count] == -7);
            free(want);
            free(got);
        }
        lt_weights_close(&w);
        assert_null(w);
    }
    H5Fclose(file);
}

static void golden_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *says;
    } bad[] = {
        { "evil_zip.pth", "it wants Python to call posix.system, which longtake never does" },
        { "evil_legacy.pth", "it wants Python to call posix.system, which longtake never does" },
        { "truncated_zip.pth", "damaged or cut off" },
        { "truncated_legacy.pth", "the file is cut off: storage 1 of 14 ends 304 bytes behind its end" },
        { "truncated.safetensors", "the file is cut off or its header damaged: tensor 'big'" },
        { "huge_header.safetensors", "its header would be 4611686018427387904 bytes long" },
        { "offset_outside.safetensors", "tensor 'big' ends at byte 1000308648 of 309124" },
        { "expected.h5", "neither a PyTorch checkpoint nor a safetensors file" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[128];
        lt_weights *w = (lt_weights *)1;
        snprintf(path, sizeof path, GOLDEN "%s", bad[i].file);
        assert_int_equal(lt_weights_open(path, &w), LT_E_DATA);
        assert_null(w);
        if (!strstr(lt_error_last()->text, bad[i].says) || strncmp(lt_error_last()->text, path, strlen(path)) != 0)
            fail_msg("'%s' does not say '%s'", lt_error_last()->text, bad[i].says);
    }
    assert_int_equal(access("EVIL_RAN", F_OK), -1);
}

/* ---- files made here ---- */

typedef struct {
    uint8_t bytes[16384];
    size_t  n;
} buffer;

static void put(buffer *b, const void *bytes, size_t n)
{
    assert_true(b->n + n <= sizeof b->bytes);
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

static void byte(buffer *b, int value)
{
    uint8_t v = (uint8_t)value;
    put(b, &v, 1);
}

static void words(buffer *b, const char *text)
{
    put(b, text, strlen(text));
}

static void text(buffer *b, const char *value)
{
    uint32_t n = (uint32_t)strlen(value);
    byte(b, 'X');
    put(b, &n, 4);
    put(b, value, n);
}

static void number(buffer *b, int64_t value)
{
    int n_bytes = value >= -128 && value < 128 ? 1 : 8;      /* both forms that Python writes: sign-extended, and whole */
    byte(b, 0x8a);
    byte(b, n_bytes);
    put(b, &value, (size_t)n_bytes);
}

static void tuple(buffer *b, int n, const int64_t *values)
{
    byte(b, '(');
    for (int i = 0; i < n; i++) number(b, values[i]);
    byte(b, 't');
}

/* A key and its tensor, as torch.save writes them. `view`: NULL or (first, count). */
static void tensor(buffer *b, const char *name, const char *type, const char *key, int64_t start, int n, const int64_t *dim, const int64_t *stride,
                   const int64_t *view)
{
    text(b, name);
    words(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    text(b, "storage");
    words(b, "ctorch\n");
    words(b, type);
    words(b, "\n");
    text(b, key);
    text(b, "cpu");
    number(b, 24);
    if (view) {
        byte(b, '(');
        text(b, "view");
        number(b, view[0]);
        number(b, view[1]);
        byte(b, 't');
    } else {
        byte(b, 'N');
    }
    words(b, "tQ");
    number(b, start);
    tuple(b, n, dim);
    tuple(b, n, stride);
    words(b, "\x89" "ccollections\nOrderedDict\n)RtR");
}

/* The values of the one storage, f32. */
static float value_at(int i)
{
    return (float)(i * i) * 0.5f - 3;
}

enum { VALUES = 24 };

/* A legacy checkpoint around one pickle of values. */
static void legacy(buffer *out, const buffer *pickle)
{
    const int64_t n = VALUES;
    out->n = 0;
    put(out, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.", 21);
    words(out, "\x80\x02}(");
    text(out, "little_endian");
    words(out, "\x88u.");
    put(out, pickle->bytes, pickle->n);
    words(out, "\x80\x02](");
    text(out, "0");
    words(out, "e.");
    put(out, &n, 8);
    for (int i = 0; i < VALUES; i++) put(out, &(float){ value_at(i) }, 4);
}

static int memory_file(const void *bytes, size_t n, char *path)
{
    int fd = memfd_create("weights", 0);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static lt_status open_bytes(const void *bytes, size_t n, lt_weights **w)
{
    char path[64];
    int fd = memory_file(bytes, n, path);
    lt_status st = lt_weights_open(path, w);
    close(fd);
    return st;
}

static lt_status open_legacy(const buffer *pickle, lt_weights **w)
{
    static buffer file;
    legacy(&file, pickle);
    return open_bytes(file.bytes, file.n, w);
}

static void zip_entry(zip_t *z, const char *name, const void *bytes, size_t n, int method)
{
    zip_source_t *s = zip_source_buffer(z, bytes, n, 0);
    zip_int64_t i = zip_file_add(z, name, s, 0);
    assert_true(i >= 0 && zip_set_file_compression(z, (zip_uint64_t)i, method, 0) == 0);
}

/* A zip checkpoint around one pickle, read back into `out`. NULL for what it shall not have. */
static void make_zip(const buffer *pickle, const char *order, const char *storage, int method, buffer *out)
{
    char path[] = "/tmp/longtake-weights-XXXXXX";
    int fd = mkstemp(path), error;
    float values[VALUES];
    for (int i = 0; i < VALUES; i++) values[i] = value_at(i);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &error);
    assert_non_null(z);
    zip_entry(z, "made/data.pkl", pickle->bytes, pickle->n, method);
    if (order) zip_entry(z, "made/byteorder", order, strlen(order), method);
    if (storage) zip_entry(z, storage, values, sizeof values, method);
    assert_int_equal(zip_close(z), 0);
    close(fd);
    fd = open(path, O_RDONLY);
    ssize_t n = read(fd, out->bytes, sizeof out->bytes);
    assert_true(n > 0 && n < (ssize_t)sizeof out->bytes);
    out->n = (size_t)n;
    close(fd);
    unlink(path);
}

static void small_pickle(buffer *b)
{
    b->n = 0;
    words(b, "\x80\x02}(");
    tensor(b, "w", "FloatStorage", "0", 0, 2, (int64_t[]){ 4, 6 }, (int64_t[]){ 6, 1 }, NULL);
    tensor(b, "t", "FloatStorage", "0", 1, 2, (int64_t[]){ 5, 3 }, (int64_t[]){ 1, 6 }, NULL);
    words(b, "u.");
}

static void assert_values(lt_weights *w, const char *name, int n, const int64_t *dim, int start, const int64_t *stride)
{
    float got[64];
    int64_t at[LT_WEIGHT_DIMS] = { 0 }, count = 1;
    for (int d = 0; d < n; d++) count *= dim[d];
    assert_true(count <= 64);
    assert_ok(lt_weights_read(w, name, n, dim, got));
    for (int64_t i = 0; i < count; i++) {
        int64_t from = start;
        for (int d = 0; d < n; d++) from += at[d] * stride[d];
        if (got[i] != value_at((int)from)) fail_msg("%s[%lld] is %g, not %g", name, (long long)i, (double)got[i], (double)value_at((int)from));
        for (int d = n; d-- && ++at[d] == dim[d];) at[d] = 0;
    }
}

static void layouts(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int         n;
        int64_t     dim[4], stride[4], start, view[2];
    } cases[] = {
        { "dense", 2, { 4, 6 }, { 6, 1 }, 0, { -1 } },
        { "transposed", 2, { 6, 4 }, { 1, 6 }, 0, { -1 } },
        { "an offset", 3, { 2, 2, 3 }, { 6, 3, 1 }, 7, { -1 } },
        { "expanded: stride 0", 2, { 5, 6 }, { 0, 1 }, 18, { -1 } },
        { "gaps", 2, { 4, 2 }, { 6, 3 }, 2, { -1 } },
        { "a size of 1 with a stride that means nothing", 3, { 1, 4, 6 }, { 999, 6, 1 }, 0, { -1 } },
        { "a scalar", 0, { 0 }, { 0 }, 23, { -1 } },
        { "empty, beyond every value", 2, { 0, 9 }, { 9, 1 }, 24, { -1 } },
        { "a view of a storage", 1, { 4 }, { 1 }, 2, { 10, 8 } },
        { "channels last", 4, { 2, 3, 2, 2 }, { 12, 1, 6, 3 }, 0, { -1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int container = 0; container < 3; container++) {
            buffer b = { .n = 0 }, file;
            lt_weights *w;
            bool view = cases[i].view[0] >= 0;
            words(&b, "\x80\x03}(");
            tensor(&b, cases[i].what, "FloatStorage", "0", cases[i].start, cases[i].n, cases[i].dim, cases[i].stride, view ? cases[i].view : NULL);
            words(&b, "u.");
            if (container == 0) legacy(&file, &b);
            else make_zip(&b, "little", "made/data/0", container == 1 ? ZIP_CM_STORE : ZIP_CM_DEFLATE, &file);
            assert_ok(open_bytes(file.bytes, file.n, &w));
            assert_values(w, cases[i].what, cases[i].n, cases[i].dim, (int)(cases[i].start + (view ? cases[i].view[0] : 0)), cases[i].stride);
            lt_weights_close(&w);
        }
}

/* What a pickle may hold beside its tensors, and every way of writing it. */
static void pickles_that_are_read(void **state)
{
    (void)state;
    const int64_t dim[] = { 3 }, one[] = { 1 };
    static const struct {
        const char *head, *tail;
        size_t      n_head, n_tail;
    } around[] = {
#define AROUND(h, t) { h, t, sizeof h - 1, sizeof t - 1 }
        AROUND("\x80\x02}(", "u."),
        AROUND("\x80\x05\x95\0\0\0\0\0\0\0\0}\x94(\x8c\x05" "epochK\x0c\x8c\x02lrG?\xf0\0\0\0\0\0\0\x8c\x01n\x8a\x01\xff\x8c\x04name\x8d\x02\0\0\0\0\0\0\0ab", "u."),
        AROUND("\x80\x02}(X\5\0\0\0model}(", "uX\5\0\0\0extra]q\5(K\1M\2\1J\xff\xff\xff\xff" "eu."),
        AROUND("\x80\x02}(X\6\0\0\0paramsNX\x0a\0\0\0params_ema}(", "uu."),
        AROUND("\x80\x02}(U\x0astate_dict}(X\5\0\0\0model}(", "uuU\4argsNU\1tK\1\x85U\2tt(K\1K\2\x86K\3K\4\x87lu."),
        /* Attributes of a state_dict (torch adds _metadata). */
        AROUND("\x80\x02" "ccollections\nOrderedDict\n)Rq\0(", "u}X\x09\0\0\0_metadataccollections\nOrderedDict\n)Rsb."),
        /* Python 2 wrote an OrderedDict as a list of pairs. */
        AROUND("\x80\x02" "ccollections\nOrderedDict\n](](", "ee\x85R."),
        /* Every other instruction: bytes of all lengths, constants, a value dropped, a mark dropped, a value twice, d and l. */
        AROUND("\x80\x04}(C\2ab\x8e\1\0\0\0\0\0\0\0xB\1\0\0\0y\x96\1\0\0\0\0\0\0\0z\x8c\1m\x88N0(1K\1""2\x8c\1d(d\x8c\1l(l\x8c\1n\x89", "u."),
#undef AROUND
    };
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        buffer b = { .n = 0 };
        lt_weights *w;
        put(&b, around[i].head, around[i].n_head);
        tensor(&b, "x", "FloatStorage", "0", 4, 1, dim, one, NULL);
        put(&b, around[i].tail, around[i].n_tail);
        lt_status st = open_legacy(&b, &w);
        if (st < 0) fail_msg("case %zu: %s", i, lt_error_last()->text);
        assert_int_equal(lt_weights_count(w), 1);
        assert_values(w, "x", 1, dim, 4, one);
        lt_weights_close(&w);
    }
}

static void prefix_is_stripped_only_from_all(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        buffer b = { .n = 0 };
        lt_weights *w;
        words(&b, "\x80\x02}(");
        tensor(&b, "module.x", "FloatStorage", "0", 4, 0, NULL, NULL, NULL);
        tensor(&b, both ? "module.y" : "y", "FloatStorage", "0", 5, 0, NULL, NULL, NULL);
        words(&b, "u.");
        assert_ok(open_legacy(&b, &w));
        assert_true((lt_weights_find(w, "x") != NULL) == both);
        assert_true((lt_weights_find(w, "module.x") != NULL) == !both);
        assert_non_null(lt_weights_find(w, "y"));
        assert_null(lt_weights_find(w, "z"));
        lt_weights_close(&w);
    }
}

static void pickles_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t      n;
        const char *says;
    } bad[] = {
#define BAD(b, says) { b, sizeof b - 1, says }
        BAD("\x80\x02" "cos\nsystem\n(X\4\0\0\0trueVtR.", "call os.system, which longtake never does"),
        BAD("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93.", "call builtins.eval, which longtake never does"),
        BAD("\x80\x02" "ctorch._utils\n_rebuild_tensor\n.", "call torch._utils._rebuild_tensor, which"),
        BAD("\x80\x02" "ctorch\nFloatStorage\n)R.", "call torch.FloatStorage, which longtake never does"),
        BAD("\x80\x02" "ca\x1b[31m\nb\n.", "call a?[31m.b, which"),
        BAD("\x80\x02" "ccollections\nOrderedDict\n)\x81.", "the instruction 0x81"),
        BAD("\x80\x02(ios\nsystem\n.", "the instruction 0x69"),
        BAD("\x80\x02\x82\x01.", "the instruction 0x82"),
        BAD("\x80\x04\x8f.", "the instruction 0x8f"),
        BAD("\x80\x02Ppersistent\n.", "the instruction 0x50"),
        BAD("\x80\x01}.", "protocol 1; longtake reads 2 to 5"),
        BAD("\x80\x06}.", "protocol 6; longtake reads 2 to 5"),
        BAD("\x80\x02}u.", "ends a list that was not begun"),
        BAD("\x80\x02}(K\1u.", "a key without a value"),
        BAD("\x80\x02]K\1K\2s.", "adds a key to what is none"),
        BAD("\x80\x02}K\1" "a.", "adds an item to what is none"),
        BAD("\x80\x02K\1}b.", "gives attributes to what is none"),
        BAD("\x80\x02h\1.", "recalls a value that was not kept"),
        BAD("\x80\x02" "0.", "takes a value that is not there"),
        BAD("\x80\x02" "K\1(\x85.", "takes a value that is not there"),
        BAD("\x80\x02q\0.", "keeps a value that is not there"),
        BAD("\x80\x02K\1K\2.", "ends with 2 values instead of one"),
        BAD("\x80\x02(.", "ends with 0 values instead of one"),
        BAD("\x80\x02K\1)R.", "calls what is no function"),
        BAD("\x80\x02K\1Q.", "outside data that is no tensor storage"),
        BAD("\x80\x02(K\1K\2K\3K\4K\5tQ.", "outside data that is no tensor storage"),
        BAD("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n)R.", "a tensor without a storage or sizes"),
        BAD("\x80\x02" "ctorch._utils\n_rebuild_parameter\n)R.", "a parameter without a tensor"),
        BAD("\x80\x02X\xff\xff\xff\x7f.", "a string of 2147483647 bytes"),
        BAD("\x80\x02X\xff\xff\xff\1.", "cut off: its pickle ends in the middle of a string"),
        BAD("\x80\x02r\xff\xff\xff\xff.", "more than 4194304 values"),
        BAD("\x80\x02\x8b\xff\xff\xff\xff.", "an integer of 4294967295 bytes"),
        BAD("\x80\x02K\1.", "does not hold a state_dict"),
        BAD("\x80\x02].", "does not hold a state_dict"),
        BAD("\x80\x02}.", "holds no tensors"),
        BAD("\x80\x02" "ccollections\nOrderedDict\n](K\1e\x85R.", "a key without a value"),
#undef BAD
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buffer b = { .n = 0 }, file;
        lt_weights *w;
        put(&b, bad[i].bytes, bad[i].n);
        make_zip(&b, "little", NULL, ZIP_CM_STORE, &file);
        assert_int_equal(open_bytes(file.bytes, file.n, &w), LT_E_DATA);
        if (!strstr(lt_error_last()->text, bad[i].says)) fail_msg("case %zu: '%s' does not say '%s'", i, lt_error_last()->text, bad[i].says);
    }
}

#define TEN "0123456789"
#define LONG_KEY TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void tensors_that_are_refused(void **state)
{
    (void)state;
    const int64_t big = (int64_t)1 << 40;
    const struct {
        const char *name, *type, *key;
        int64_t     start;
        int         n;
        int64_t     dim[9], stride[9], view[2];
        const char *says;
    } bad[] = {
        { "x", "FloatStorage", "0", 0, 1, { 25 }, { 1 }, { -1 }, "reaches outside its storage: 25 values from value 0 on, of 24" },
        { "x", "FloatStorage", "0", 1, 2, { 4, 6 }, { 6, 1 }, { -1 }, "reaches outside its storage" },
        { "x", "DoubleStorage", "0", 0, 1, { 13 }, { 1 }, { -1 }, "of two types|reaches outside|cut off" },
        { "x", "FloatStorage", "0", 25, 1, { 0 }, { 1 }, { -1 }, "begins outside its storage" },
        { "x", "FloatStorage", "0", -1, 1, { 2 }, { 1 }, { -1 }, "begins outside its storage" },
        { "x", "FloatStorage", "0", INT64_MAX, 1, { 2 }, { 1 }, { 3, 4 }, "begins outside its storage" },
        { "x", "FloatStorage", "0", 0, 1, { -2 }, { 1 }, { -1 }, "negative size" },
        { "x", "FloatStorage", "0", 4, 1, { 2 }, { -1 }, { -1 }, "negative stride" },
        { "x", "FloatStorage", "0", 0, 2, { big, big }, { 0, 0 }, { -1 }, "more values than a tensor may have" },
        { "x", "FloatStorage", "0", 0, 2, { 3, 3 }, { INT64_MAX, 1 }, { -1 }, "reaches outside its storage" },
        { "x", "FloatStorage", "0", 0, 9, { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 1 }, { -1 }, "9 dimensions; longtake reads up to 8" },
        { "x", "FloatStorage", "0", 0, 1, { 2 }, { 1 }, { 23, 2 }, "a view lies outside its storage" },
        { "x", "FloatStorage", "1", 0, 1, { 2 }, { 1 }, { -1 }, "no value refers to|no entry made/data/1" },
        { "x", "FloatStorage", LONG_KEY, 0, 1, { 2 }, { 1 }, { -1 }, "key of a storage is too long" },
        { "", "FloatStorage", "0", 0, 1, { 2 }, { 1 }, { -1 }, "name is empty" },
        { "a\nb", "FloatStorage", "0", 0, 1, { 2 }, { 1 }, { -1 }, "not plain text" },
        { "x", "ComplexFloatStorage", "0", 0, 1, { 2 }, { 1 }, { -1 }, "torch.ComplexFloatStorage" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int zip = 0; zip < 2; zip++) {
            buffer b = { .n = 0 }, file;
            lt_weights *w;
            words(&b, "\x80\x02}(");
            tensor(&b, bad[i].name, bad[i].type, bad[i].key, bad[i].start, bad[i].n, bad[i].dim, bad[i].stride, bad[i].view[0] >= 0 ? bad[i].view : NULL);
            words(&b, "u.");
            if (zip) make_zip(&b, NULL, "made/data/0", ZIP_CM_STORE, &file);
            else legacy(&file, &b);
            assert_int_equal(open_bytes(file.bytes, file.n, &w), LT_E_DATA);
            char all[128], *rest = all, *one;
            bool said = false;
            snprintf(all, sizeof all, "%s", bad[i].says);
            while ((one = strsep(&rest, "|"))) said |= strstr(lt_error_last()->text, one) != NULL;
            if (!said) fail_msg("case %zu, zip %d: '%s' does not say '%s'", i, zip, lt_error_last()->text, bad[i].says);
        }
    buffer b = { .n = 0 };
    lt_weights *w;
    words(&b, "\x80\x02}(");
    tensor(&b, "x", "FloatStorage", "0", 0, 0, NULL, NULL, NULL);
    tensor(&b, "x", "FloatStorage", "0", 1, 0, NULL, NULL, NULL);
    words(&b, "u.");
    assert_int_equal(open_legacy(&b, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "holds tensor 'x' twice"));
}

static void zips_that_are_refused(void **state)
{
    (void)state;
    buffer b, file;
    lt_weights *w;
    small_pickle(&b);
    make_zip(&b, "big", "made/data/0", ZIP_CM_STORE, &file);
    assert_int_equal(open_bytes(file.bytes, file.n, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "big-endian"));
    make_zip(&b, NULL, NULL, ZIP_CM_STORE, &file);
    assert_int_equal(open_bytes(file.bytes, file.n, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "it has no entry made/data/0"));
    make_zip(&b, NULL, "made/data/0", ZIP_CM_STORE, &file);
    for (size_t i = 0; i + 8 <= file.n; i++)
        if (memcmp(file.bytes + i, "data.pkl", 8) == 0) file.bytes[i] = 'D';
    assert_int_equal(open_bytes(file.bytes, file.n, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "it has no data.pkl"));
}

/* A flipped bit among the values shows in the checksum, when they are read. */
static void zip_values_are_checked(void **state)
{
    (void)state;
    buffer b, file;
    lt_weights *w;
    float got[VALUES];
    small_pickle(&b);
    make_zip(&b, NULL, "made/data/0", ZIP_CM_STORE, &file);
    for (size_t i = 0; i + 4 <= file.n; i++)
        if (memcmp(file.bytes + i, &(float){ value_at(9) }, 4) == 0) file.bytes[i] ^= 1;
    assert_ok(open_bytes(file.bytes, file.n, &w));
    assert_int_equal(lt_weights_read(w, "w", 2, (int64_t[]){ 4, 6 }, got), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "the zip is damaged"));
    lt_weights_close(&w);
}

/* Small files that would take all memory, but for the bounds: marks, values, and one list copied into many dicts. */
static void pickles_without_end(void **state)
{
    (void)state;
    enum { N = 5 << 20, PAIRS = 1 << 20 };
    static const struct {
        const char *unit, *says;
    } storms[] = {
        { "(", "more than 4194304 values" }, { "]", "more than 4194304 values" }, { "N", "more than 4194304 values" }, { NULL, "more than 16777216 items" },
    };
    char *bytes = malloc(N + 4096);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++) {
        size_t n = 2;
        lt_weights *w;
        memcpy(bytes, "\x80\x02", 2);
        if (storms[i].unit) {
            memset(bytes + n, *storms[i].unit, N);
            n += N;
        } else {
            memcpy(bytes + n, "K\1K\1\x86q\1](", 9);
            n += 9;
            for (int k = 0; k < PAIRS; k++, n += 2) memcpy(bytes + n, "h\1", 2);
            memcpy(bytes + n, "eq\0" "ccollections\nOrderedDict\nq\2", 30);
            n += 30;
            for (int k = 0; k < 20; k++, n += 6) memcpy(bytes + n, "h\2h\0\x85R", 6);
        }
        assert_int_equal(open_bytes(bytes, n, &w), LT_E_DATA);
        if (!strstr(lt_error_last()->text, storms[i].says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, storms[i].says);
    }
    free(bytes);
}

/* ---- safetensors ---- */

static void safetensors_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *says;
    } bad[] = {
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,23]}}", "reaches outside|23 bytes" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,24]}}", "has 24 bytes, which is not its shape" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[80,104]}}", "ends at byte 104 of 96" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "begins at byte 8 and ends at 0" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", "begins at byte -8" },
        { "{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", "of type F8_E4M3, which longtake does not read" },
        { "{\"x\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "no dtype" },
        { "{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "no shape" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}", "no data_offsets" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}", "is no numbers" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "negative size" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", "9 dimensions" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", "more values than" },
        { "{\"x\":3}", "no dtype" },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"x\":{}}", "its header is damaged: duplicate" },
        { "{\"x\":", "its header is damaged" },
        { "{\"__metadata__\":{\"a\":\"b\"}}", "holds no tensors" },
        { "{}", "holds no tensors" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buffer b = { .n = 0 };
        lt_weights *w;
        uint64_t n = strlen(bad[i].header);
        put(&b, &n, 8);
        words(&b, bad[i].header);
        for (int k = 0; k < VALUES; k++) put(&b, &(float){ value_at(k) }, 4);
        assert_int_equal(open_bytes(b.bytes, b.n, &w), LT_E_DATA);
        char all[128], *rest = all, *one;
        bool said = false;
        snprintf(all, sizeof all, "%s", bad[i].says);
        while ((one = strsep(&rest, "|"))) said |= strstr(lt_error_last()->text, one) != NULL;
        if (!said) fail_msg("case %zu: '%s' does not say '%s'", i, lt_error_last()->text, bad[i].says);
    }
}

static void small_safetensors(buffer *b)
{
    static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[4,5],\"data_offsets\":[16,96]},\"b\":{\"dtype\":\"I16\",\"shape\":[8],\"data_offsets\":[0,16]}}";
    uint64_t n = sizeof header - 1;
    b->n = 0;
    put(b, &n, 8);
    words(b, header);
    for (int k = 0; k < VALUES; k++) put(b, &(float){ value_at(k) }, 4);
}

/* ---- damage of every kind ---- */

/* Opens, and reads all there is. Either works or says why; under AddressSanitizer it is also seen to stay in bounds. */
static lt_status read_all(const void *bytes, size_t n)
{
    lt_weights *w;
    lt_status st = open_bytes(bytes, n, &w);
    assert_true(st == LT_OK || st == LT_E_DATA);
    for (int64_t i = 0; st == LT_OK && i < lt_weights_count(w); i++) {
        const lt_weight_info *x = lt_weights_at(w, i);
        int64_t count = 1;
        for (int d = 0; d < x->n_dims; d++) count *= x->dim[d];
        if (count > 1 << 16) continue;
        float *out = malloc((size_t)(count + 1) * sizeof *out);
        assert_non_null(out);
        st = lt_weights_read(w, x->name, x->n_dims, x->dim, out);
        assert_true(st == LT_OK || st == LT_E_DATA);
        free(out);
    }
    if (st < 0) assert_true(strlen(lt_error_last()->text) > 10);
    lt_weights_close(&w);
    return st;
}

static void small_file(int kind, buffer *out)
{
    buffer pickle;
    small_pickle(&pickle);
    if (kind == 0) legacy(out, &pickle);
    else if (kind == 1) small_safetensors(out);
    else make_zip(&pickle, "little", "made/data/0", kind == 2 ? ZIP_CM_STORE : ZIP_CM_DEFLATE, out);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        buffer file;
        small_file(kind, &file);
        assert_int_equal(read_all(file.bytes, file.n), LT_OK);
        for (size_t n = 0; n < file.n; n++)
            if (read_all(file.bytes, n) == LT_OK) fail_msg("kind %d: the first %zu of %zu bytes pass for the file", kind, n, file.n);
    }
}

static void flipped_bits(void **state)
{
    (void)state;
    uint64_t seed = 0x1234567;
    for (int kind = 0; kind < 4; kind++) {
        buffer whole;
        small_file(kind, &whole);
        for (int round = 0; round < 3000; round++) {
            buffer file = whole;
            for (int flips = 1 + round % 4; flips--;) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                file.bytes[(seed >> 33) % file.n] ^= (uint8_t)(1u << (seed >> 29 & 7));
            }
            read_all(file.bytes, file.n);
        }
    }
}

/* ---- synthetic ---- */

/* By reference code of the formula, in Python with numpy. */
static const struct {
    const char *name;
    uint64_t    seed;
    int         n_dims;
    int64_t     dim[4];
    float       first[6];
} drawn[] = {
    { "a.weight", 7u, 2, { 2, 3 }, { 0x1.82p-16f, 0x1.6b83d8p-2f, -0x1.9ffb8p-4f, -0x1.bae74p-2f, 0x1.558b6p-1f, 0x1.516d2p-4f } },
    { "a.bias", 7u, 1, { 3 }, { -0x1.22b11ep-3f, 0x1.0e1fb2p-3f, 0x1.dd1fbap-4f } },
    { "ls1.gamma", 7u, 1, { 2 }, { 0x1.2f4be6p-2f, 0x1.dd6a52p-3f } },
    { "bn.running_var", 7u, 1, { 2 }, { 0x1.6cf3cep+0f, 0x1.15200ap+0f } },
    { "bn.running_mean", 7u, 1, { 2 }, { -0x1.2ad0c6p-3f, -0x1.fd62ecp-4f } },
    { "pretrained.pos_embed", 7u, 3, { 1, 2, 2 }, { -0x1.431c96p-1f, -0x1.a94226p-1f, -0x1.b5e64ep-1f, 0x1.0ecca2p-2f } },
    { "cls_token", 0u, 3, { 1, 1, 3 }, { -0x1.07932p-1f, 0x1.e328f8p-2f, 0x1.bb6044p-1f } },
    { "norm.weight", 18446744073709551615u, 1, { 3 }, { 0x1.687dfep-1f, 0x1.5296d2p-1f, 0x1.98ad5ap-1f } },
    { "logit_scale", 7u, 0, { 0 }, { 0x1.7185b4p-1f } },
    { "head.weight", 12345u, 4, { 5, 1, 2, 2 }, { 0x1.fb5c98p-3f, 0x1.1a6bbp-1f, 0x1.29163p-1f, -0x1.406806p-3f, 0x1.a6ff2ap-3f, 0x1.375cecp-3f } },
    { "count", 3u, 1, { 2 }, { 0x1.875fdcp-1f, 0x1.e845fp-1f } },
    { "mask_token", 9u, 2, { 2, 2 }, { 0x1.97aeacp-4f, -0x1.9cd9a2p-4f, -0x1.8a13ecp-1f, 0x1.a1490cp-1f } },
};

static void synthetic_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        char path[64];
        float got[64];
        int64_t count = 1;
        lt_weights *w;
        snprintf(path, sizeof path, "synthetic:%llu", (unsigned long long)drawn[i].seed);
        assert_ok(lt_weights_open(path, &w));
        assert_true(lt_weights_is_synthetic(w));
        assert_string_equal(lt_weights_kind(w), "synthetic");
        assert_int_equal(lt_weights_count(w), 0);
        assert_null(lt_weights_find(w, drawn[i].name));
        assert_ok(lt_weights_read(w, drawn[i].name, drawn[i].n_dims, drawn[i].dim, got));
        for (int d = 0; d < drawn[i].n_dims; d++) count *= drawn[i].dim[d];
        for (int k = 0; k < count && k < 6; k++)
            if (got[k] != drawn[i].first[k]) fail_msg("%s[%d] is %a, not %a", drawn[i].name, k, (double)got[k], (double)drawn[i].first[k]);
        lt_weights_close(&w);
    }
}

static void synthetic_large_tensor(void **state)
{
    (void)state;
    enum { ROWS = 1536, COLS = 3001 };
    lt_weights *w;
    uint32_t *got = malloc((size_t)ROWS * COLS * sizeof *got);
    uint64_t sum = 0;
    assert_non_null(got);
    assert_ok(lt_weights_open("synthetic:7", &w));
    assert_ok(lt_weights_read(w, "blocks.7.mlp.fc1.weight", 2, (int64_t[]){ ROWS, COLS }, (float *)(void *)got));
    for (uint64_t i = 0; i < (uint64_t)ROWS * COLS; i++) sum += got[i] * (2 * i + 1);
    assert_int_equal(sum, 0x2ed507b5fb5941cfu);
    lt_weights_close(&w);
    free(got);
}

/* PyTorch computes its table in f32, from angles up to 31: off by half a unit in the last place of the angle, 31 * 2^-24. */
static void synthetic_table(void **state)
{
    (void)state;
    static const struct {
        int   t, c;
        float value;
    } torch[] = {
        { 0, 0, 0.0f }, { 0, 1, 1.0f }, { 1, 0, 0.841470957f }, { 1, 3, 0.731760979f }, { 17, 10, -0.776909471f },
        { 31, 1, 0.914742351f }, { 31, 2, -0.950726509f }, { 31, 63, 0.999991477f },
    };
    static float got[32 * 64];
    lt_weights *w;
    assert_ok(lt_weights_open("synthetic:7", &w));
    assert_ok(lt_weights_read(w, "head.motion_modules.0.pos_encoder.pe", 3, (int64_t[]){ 1, 32, 64 }, got));
    for (size_t i = 0; i < sizeof torch / sizeof *torch; i++)
        if (fabsf(got[torch[i].t * 64 + torch[i].c] - torch[i].value) > 31 * 0x1p-24f)
            fail_msg("pe[%d,%d] is %.9g", torch[i].t, torch[i].c, (double)got[torch[i].t * 64 + torch[i].c]);
    lt_weights_close(&w);
}

/* ---- fit, hash, and what is no checkpoint ---- */

static void fit(void **state)
{
    (void)state;
    buffer b, file;
    lt_weights *w;
    const char *const spare[] = { "t" }, *const other[] = { "v" };
    const lt_weight_want want[] = { { "w", 2, { 4, 6 } }, { "t", 2, { 5, 3 } } };
    const lt_weight_want wrong[] = { { "w", 2, { 6, 4 } }, { "a", 1, { 1 } }, { "b", 1, { 1 } }, { "c", 1, { 1 } }, { "d", 1, { 1 } }, { "e", 0, { 0 } } };
    small_pickle(&b);
    legacy(&file, &b);
    assert_ok(open_bytes(file.bytes, file.n, &w));
    assert_ok(lt_weights_fit(w, "toy", want, 2, NULL, 0));
    assert_ok(lt_weights_fit(w, "toy", want, 1, spare, 1));
    assert_ok(lt_weights_fit(w, "toy", want, 2, other, 1));
    assert_int_equal(lt_weights_fit(w, "toy", want, 1, other, 1), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "does not fit toy: of 1 tensors, 1 unexpected (t)"));
    assert_int_equal(lt_weights_fit(w, "toy", wrong, 6, NULL, 0), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "of 6 tensors, 5 missing (a, b, c, d, ...); 1 unexpected (t); 1 of another shape (w is 4x6, wanted 6x4); are these the weights of another model?"));
    assert_int_equal(lt_weights_read(w, "w", 2, (int64_t[]){ 6, 4 }, NULL), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "tensor 'w' is 4x6, wanted 6x4"));
    assert_int_equal(lt_weights_read(w, "q", 0, NULL, NULL), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "it has no tensor 'q'"));
    lt_weights_close(&w);
    assert_ok(lt_weights_open("synthetic:1", &w));
    assert_ok(lt_weights_fit(w, "toy", wrong, 6, NULL, 0));
    lt_weights_close(&w);
}

static void hashes(void **state)
{
    (void)state;
    buffer b, file;
    lt_weights *w;
    lt_hash hash;
    small_pickle(&b);
    legacy(&file, &b);
    assert_ok(open_bytes(file.bytes, file.n, &w));
    assert_ok(lt_weights_hash(w, &hash));
    assert_true(lt_hash_equal(hash, lt_hash_bytes(file.bytes, file.n)));
    lt_weights_close(&w);
    assert_ok(lt_weights_open("synthetic:07", &w));
    assert_ok(lt_weights_hash(w, &hash));
    assert_true(lt_hash_equal(hash, lt_hash_bytes("synthetic:7", 11)));
    lt_weights_close(&w);
}

static void no_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        lt_status   status;
        const char *says;
    } bad[] = {
        { "data/checkpoints/none.pth", LT_E_ABSENT, "No such file" },   { "data/checkpoints", LT_E_DATA, "is not a file" },
        { "/dev/zero", LT_E_DATA, "is not a file" },                    { "unit/test_weights.c/x", LT_E_ABSENT, "Not a directory" },
        { "unit/test_weights.c", LT_E_DATA, "neither a PyTorch" },      { "synthetic:", LT_E_USAGE, "give a number" },
        { "synthetic:-1", LT_E_USAGE, "give a number" },                { "synthetic:7x", LT_E_USAGE, "give a number" },
        { "synthetic:18446744073709551616", LT_E_USAGE, "give a number" },
    };
    lt_weights *w;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lt_status st = lt_weights_open(bad[i].path, &w);
        if (st != bad[i].status) fail_msg("%s: status %d", bad[i].path, st);
        assert_null(w);
        if (!strstr(lt_error_last()->text, bad[i].says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, bad[i].says);
    }
    assert_int_equal(open_bytes("", 0, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "the file is empty"));
    assert_int_equal(open_bytes("\x80\x02K\1.", 5, &w), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "a pickle, but not a PyTorch checkpoint"));
    lt_weights_close(&(lt_weights *){ NULL });
}

/* A few values far apart in a large storage take little memory; the whole file here is a hole of 3 GiB. */
static void values_far_apart(void **state)
{
    (void)state;
    const int64_t rows = 5, step = (int64_t)150 << 20, n = rows * step;
    buffer b = { .n = 0 }, file;
    lt_weights *w;
    float got[10], one = 1.5f;
    char path[64];
    words(&b, "\x80\x02}(");
    tensor(&b, "x", "FloatStorage", "0", 3, 2, (int64_t[]){ rows, 2 }, (int64_t[]){ step, 1 }, NULL);
    words(&b, "u.");
    legacy(&file, &b);
    file.n -= VALUES * 4;
    memcpy(file.bytes + file.n - 8, &n, 8);
    int fd = memory_file(file.bytes, file.n, path);
    assert_int_equal(ftruncate(fd, (off_t)(file.n + (size_t)n * 4)), 0);
    assert_int_equal(pwrite(fd, &one, 4, (off_t)(file.n + (size_t)(2 * step + 4) * 4)), 4);
    assert_ok(lt_weights_open(path, &w));
    assert_ok(lt_weights_read(w, "x", 2, (int64_t[]){ rows, 2 }, got));
    for (int i = 0; i < 10; i++) assert_true(got[i] == (i == 5 ? 1.5f : 0.0f));
    lt_weights_close(&w);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_hold_what_they_should), cmocka_unit_test(golden_files_are_refused), cmocka_unit_test(layouts),
        cmocka_unit_test(pickles_that_are_read), cmocka_unit_test(prefix_is_stripped_only_from_all), cmocka_unit_test(pickles_that_are_refused),
        cmocka_unit_test(tensors_that_are_refused), cmocka_unit_test(zips_that_are_refused), cmocka_unit_test(zip_values_are_checked), cmocka_unit_test(pickles_without_end),
        cmocka_unit_test(safetensors_headers), cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(flipped_bits),
        cmocka_unit_test(synthetic_values), cmocka_unit_test(synthetic_large_tensor), cmocka_unit_test(synthetic_table),
        cmocka_unit_test(fit), cmocka_unit_test(hashes), cmocka_unit_test(no_checkpoints), cmocka_unit_test(values_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
