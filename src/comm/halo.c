#include <longtake/halo.h>

#include <string.h>

/* Layout of a block: `header`, then the values, each at a multiple of 64. */
typedef struct {
    char     name[LT_HALO_NAME];
    uint32_t dtype, n_dims;
    uint64_t dim[LT_HALO_DIMS];
    uint64_t offset, n_bytes;
    uint64_t hash[2];
} entry;

typedef struct {
    char     magic[8];
    uint64_t n_bytes, n;                     /* of the whole; tensors */
    uint64_t hash[2];                        /* of the table */
    entry    table[LT_HALO_TENSORS];
} header;

static const char magic[8] = { 'L', 'T', 'H', 'A', 'L', 'O', '1', '\n' };

static size_t aligned(size_t n)
{
    return (n + 63) / 64 * 64;
}

size_t lt_halo_bytes(int n, size_t n_bytes)
{
    return aligned(sizeof(header)) + n_bytes + 64 * (size_t)n;
}

lt_status lt_halo_begin(void *block, size_t room)
{
    lt_status st = LT_OK;
    header *h = block;
    if (room < aligned(sizeof *h)) LT_FAIL(LT_E_INTERNAL, "no room for the table of a halo record");
    memset(h, 0, aligned(sizeof *h));
    memcpy(h->magic, magic, sizeof magic);
    h->n_bytes = aligned(sizeof *h);
done:
    return st;
}

lt_status lt_halo_add(void *block, size_t room, const char *name, lt_dtype dtype, int n_dims, const int64_t *dim, void **data)
{
    lt_status st = LT_OK;
    header *h = block;
    size_t n = lt_dtype_bytes(dtype);
    *data = NULL;
    for (int i = 0; i < n_dims; i++) n *= (size_t)dim[i];
    if (h->n == LT_HALO_TENSORS || n_dims > LT_HALO_DIMS || strlen(name) >= LT_HALO_NAME || h->n_bytes + aligned(n) > room)
        LT_FAIL(LT_E_INTERNAL, "no room for '%s' in a halo record", name);
    for (uint64_t i = 0; i < h->n; i++)
        if (!strcmp(h->table[i].name, name)) LT_FAIL(LT_E_INTERNAL, "'%s' is in the halo record already", name);
    entry *e = &h->table[h->n++];
    memcpy(e->name, name, strlen(name));
    e->dtype = (uint32_t)dtype;
    e->n_dims = (uint32_t)n_dims;
    for (int i = 0; i < n_dims; i++) e->dim[i] = (uint64_t)dim[i];
    e->offset = h->n_bytes;
    e->n_bytes = n;
    *data = (char *)block + e->offset;
    /* What pads the last bytes travels too. */
    memset((char *)*data + n, 0, aligned(n) - n);
    h->n_bytes += aligned(n);
done:
    return st;
}

size_t lt_halo_seal(void *block)
{
    header *h = block;
    for (uint64_t i = 0; i < h->n; i++) {
        const lt_hash hash = lt_hash_bytes((char *)block + h->table[i].offset, h->table[i].n_bytes);
        h->table[i].hash[0] = hash.low;
        h->table[i].hash[1] = hash.high;
    }
    const lt_hash hash = lt_hash_bytes(h->table, sizeof h->table);
    h->hash[0] = hash.low;
    h->hash[1] = hash.high;
    return h->n_bytes;
}

static lt_status check_entry(const header *h, const entry *e)
{
    lt_status st = LT_OK;
    uint64_t n;
    if (memchr(e->name, 0, sizeof e->name) == NULL || e->dtype >= LT_DTYPES || e->n_dims > LT_HALO_DIMS)
        LT_FAIL(LT_E_DATA, "a halo record's table makes no sense");
    n = lt_dtype_bytes((lt_dtype)e->dtype);
    for (uint32_t i = 0; i < e->n_dims; i++) {
        if (e->dim[i] > (uint64_t)1 << 40 || n > (uint64_t)1 << 40) LT_FAIL(LT_E_DATA, "a halo record's '%s' has an impossible shape", e->name);
        n *= e->dim[i];
    }
    if (n != e->n_bytes || e->offset < aligned(sizeof *h) || e->offset > h->n_bytes || n > h->n_bytes - e->offset)
        LT_FAIL(LT_E_DATA, "a halo record's '%s' lies outside of it", e->name);
    const lt_hash hash = lt_hash_bytes((const char *)h + e->offset, e->n_bytes);
    if (hash.low != e->hash[0] || hash.high != e->hash[1]) LT_FAIL(LT_E_DATA, "a halo record's '%s' does not match its checksum", e->name);
done:
    return st;
}

lt_status lt_halo_check(const void *block, size_t n_bytes)
{
    lt_status st = LT_OK;
    const header *h = block;
    if (n_bytes < aligned(sizeof *h) || memcmp(h->magic, magic, sizeof magic) || h->n_bytes != n_bytes || h->n > LT_HALO_TENSORS)
        LT_FAIL(LT_E_DATA, "a halo record is damaged");
    const lt_hash hash = lt_hash_bytes(h->table, sizeof h->table);
    if (hash.low != h->hash[0] || hash.high != h->hash[1]) LT_FAIL(LT_E_DATA, "a halo record's table does not match its checksum");
    for (uint64_t i = 0; i < h->n; i++) LT_TRY(check_entry(h, &h->table[i]));
done:
    return st;
}

lt_status lt_halo_get(const void *block, const char *name, lt_halo_tensor *out)
{
    lt_status st = LT_OK;
    const header *h = block;
    for (uint64_t i = 0; i < h->n; i++) {
        const entry *e = &h->table[i];
        if (strcmp(e->name, name)) continue;
        *out = (lt_halo_tensor){ e->name, (lt_dtype)e->dtype, (int)e->n_dims, { 0 }, (const char *)block + e->offset, e->n_bytes };
        for (uint32_t d = 0; d < e->n_dims; d++) out->dim[d] = (int64_t)e->dim[d];
        return LT_OK;
    }
    LT_FAIL(LT_E_ABSENT, "the halo record has no '%s'", name);
done:
    return st;
}
