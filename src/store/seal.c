#include "store/seal.h"

#include <longtake/fault.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Failed segments, 16 bytes each, then the fixed part: eleven numbers of 8 bytes, little endian, and the magic. */
enum { W_KIND, W_COMPLETE, W_FIRST, W_LAST, W_LENGTH, W_SETTINGS_LOW, W_SETTINGS_HIGH, W_HASH_LOW, W_HASH_HIGH, W_FAILED, W_SELF, W_COUNT };
enum { MAGIC_BYTES = 8, FIXED = 8 * W_COUNT + MAGIC_BYTES, MAX_FAILED = 1 << 24 };
static const char magic[MAGIC_BYTES] = { 'L', 'T', 'S', 'E', 'A', 'L', '1', '\n' };

static void put64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) at[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get64(const unsigned char *at)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | at[i];
    return v;
}

static lt_status read_at(int fd, int64_t at, void *bytes, size_t n)
{
    lt_status st = LT_OK;
    for (size_t done_bytes = 0; done_bytes < n;) {
        ssize_t got = pread(fd, (char *)bytes + done_bytes, n - done_bytes, (off_t)at + (off_t)done_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) LT_FAIL(LT_E_STORE, "cannot read: %s", strerror(errno));
        if (got == 0) LT_FAIL(LT_E_DATA, "it ends early");
        done_bytes += (size_t)got;
    }
done:
    return st;
}

lt_status lt_seal_append(int fd, const char *path, const lt_seal *seal)
{
    lt_status st = LT_OK;
    struct stat about;
    lt_hash hash;
    size_t list = 16 * (size_t)seal->n_failed, n = list + FIXED;
    unsigned char *bytes = malloc(n), *fixed = bytes + list;
    if (!bytes) LT_FAIL(LT_E_MEMORY, "no memory to seal %s", path);
    if (fstat(fd, &about) < 0) LT_FAIL(LT_E_STORE, "cannot read %s: %s", path, strerror(errno));
    LT_TRY(lt_hash_file(fd, about.st_size, &hash));
    for (int64_t i = 0; i < seal->n_failed; i++) {
        put64(bytes + 16 * i, (uint64_t)seal->failed[i].first);
        put64(bytes + 16 * i + 8, (uint64_t)seal->failed[i].last);
    }
    put64(fixed + 8 * W_KIND, seal->kind);
    put64(fixed + 8 * W_COMPLETE, seal->complete);
    put64(fixed + 8 * W_FIRST, (uint64_t)seal->frames.first);
    put64(fixed + 8 * W_LAST, (uint64_t)seal->frames.last);
    put64(fixed + 8 * W_LENGTH, (uint64_t)about.st_size);
    put64(fixed + 8 * W_SETTINGS_LOW, seal->settings.low);
    put64(fixed + 8 * W_SETTINGS_HIGH, seal->settings.high);
    put64(fixed + 8 * W_HASH_LOW, hash.low);
    put64(fixed + 8 * W_HASH_HIGH, hash.high);
    put64(fixed + 8 * W_FAILED, (uint64_t)seal->n_failed);
    put64(fixed + 8 * W_SELF, lt_hash_bytes(bytes, list + 8 * W_SELF).low);
    memcpy(fixed + 8 * W_COUNT, magic, MAGIC_BYTES);
    for (size_t put = 0; put < n;) {
        ssize_t wrote = LT_FAULTY("write", ENOSPC, pwrite(fd, bytes + put, n - put, about.st_size + (off_t)put));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) LT_FAIL(LT_E_STORE, "cannot write: %s", strerror(errno));
        put += (size_t)wrote;
    }
done:
    free(bytes);
    return st;
}

/* The seal of an open file. LT_E_DATA: "it ..." */
static lt_status read_open(int fd, bool quick, lt_seal *out)
{
    lt_status st = LT_OK;
    struct stat about;
    unsigned char fixed[FIXED], *bytes = NULL;
    lt_hash hash;
    if (fstat(fd, &about) < 0) LT_FAIL(LT_E_STORE, "cannot read: %s", strerror(errno));
    if (!S_ISREG(about.st_mode) || about.st_size < FIXED) LT_FAIL(LT_E_DATA, "it has no seal: it is damaged, or longtake did not write it");
    LT_TRY(read_at(fd, about.st_size - FIXED, fixed, FIXED));
    if (memcmp(fixed + 8 * W_COUNT, magic, MAGIC_BYTES) != 0)
        LT_FAIL(LT_E_DATA, "it has no seal: it is damaged, or another program changed it");
    uint64_t n_failed = get64(fixed + 8 * W_FAILED), length = get64(fixed + 8 * W_LENGTH);
    if (n_failed > MAX_FAILED || length + 16 * n_failed + FIXED != (uint64_t)about.st_size)
        LT_FAIL(LT_E_DATA, "it is damaged: its length is not what its seal says");
    bytes = malloc(16 * n_failed + FIXED);
    out->failed = malloc((n_failed + 1) * sizeof *out->failed);
    if (!bytes || !out->failed) LT_FAIL(LT_E_MEMORY, "no memory to read a seal");
    LT_TRY(read_at(fd, (int64_t)length, bytes, 16 * n_failed + FIXED));
    if (lt_hash_bytes(bytes, 16 * n_failed + 8 * W_SELF).low != get64(fixed + 8 * W_SELF)) LT_FAIL(LT_E_DATA, "its seal is damaged");
    out->kind = (lt_seal_kind)get64(fixed + 8 * W_KIND);
    out->complete = get64(fixed + 8 * W_COMPLETE) != 0;
    out->frames = (lt_range){ (int64_t)get64(fixed + 8 * W_FIRST), (int64_t)get64(fixed + 8 * W_LAST) };
    out->settings = (lt_hash){ get64(fixed + 8 * W_SETTINGS_LOW), get64(fixed + 8 * W_SETTINGS_HIGH) };
    out->n_failed = (int64_t)n_failed;
    for (uint64_t i = 0; i < n_failed; i++)
        out->failed[i] = (lt_range){ (int64_t)get64(bytes + 16 * i), (int64_t)get64(bytes + 16 * i + 8) };
    if (quick) goto done;
    LT_TRY(lt_hash_file(fd, (int64_t)length, &hash));
    if (hash.low != get64(fixed + 8 * W_HASH_LOW) || hash.high != get64(fixed + 8 * W_HASH_HIGH))
        LT_FAIL(LT_E_DATA, "it is damaged: its bytes do not match their checksum");
done:
    free(bytes);
    return st;
}

lt_status lt_seal_read(const char *path, bool quick, lt_seal *out)
{
    lt_status st = LT_OK;
    memset(out, 0, sizeof *out);
    /* O_NONBLOCK: a pipe in the place of a file must not stop us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) LT_FAIL(LT_E_ABSENT, "there is no file %s", path);
    if (fd < 0) LT_FAIL(LT_E_STORE, "cannot read %s: %s", path, strerror(errno));
    st = read_open(fd, quick, out);
    if (st < 0) lt_error_prefix("%s", path);
done:
    if (fd >= 0) close(fd);
    if (st < 0) lt_seal_free(out);
    return st;
}

void lt_seal_free(lt_seal *seal)
{
    free(seal->failed);
    seal->failed = NULL;
    seal->n_failed = 0;
}
