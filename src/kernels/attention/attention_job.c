#include "kernels/attention/attention_job.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_attention_pack, lt_attention_job)
LT_ISA_DISPATCH(lt_attention_rows, lt_attention_job)

static int64_t up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

int64_t lt_attention_n_keys(const lt_args *a)
{
    const int32_t *n = ((const lt_attention_attr *)a->attr)->n_keys;
    const int64_t all = a->in[LT_ATTENTION_K].dim[1];
    return n && *n < all ? *n : all;
}

void lt_attention_job_init(const lt_args *a, int64_t n_keys, lt_attention_job *job)
{
    const lt_tensor *q = &a->in[LT_ATTENTION_Q];
    const int64_t d = q->dim[3], dv = a->out.dim[3], wide = d > dv ? d : dv, panel = 2 * LT_ATTENTION_LANES;
    *job = (lt_attention_job){ .a = a, .n_heads = q->dim[2], .n_queries = q->dim[1], .n_keys = n_keys, .d = d, .dv = dv };
    /* A block of keys and values is to stay in the second cache while the strips of a query block pass over it. */
    job->key_block = wide <= 96 ? LT_ATTENTION_KEYS : wide <= 192 ? LT_ATTENTION_KEYS / 2 : LT_ATTENTION_KEYS / 4;
    job->query_blocks = (int)((job->n_queries + LT_ATTENTION_ROWS - 1) / LT_ATTENTION_ROWS);
    job->key_blocks = (int)((n_keys + job->key_block - 1) / job->key_block);
    const int64_t all = a->in[LT_ATTENTION_K].dim[1], rows = job->n_queries < LT_ATTENTION_ROWS ? job->n_queries : LT_ATTENTION_ROWS;
    job->key_floats = (size_t)up(up(all, panel) * d, 16);
    job->value_floats = (size_t)(all * up(dv, panel));
    job->slot_floats = (size_t)(up(rows * d, 16) + rows * up(dv, panel) + rows * LT_ATTENTION_LANES + up(rows, 16));
}

static bool plain(const lt_tensor *t)
{
    return t->n_dims == 4 && !t->index && (t->stride[3] == 1 || t->dim[3] == 1) && (t->dtype == LT_F32 || t->dtype == LT_BF16);
}

const char *lt_attention_refuse(const lt_args *a)
{
    const lt_attention_attr *attr = a->attr;
    if (attr->compute != LT_F32 && attr->compute != LT_BF16) return "computes in f32 or bf16 only";
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++)
        if (!plain(&a->in[i])) return "q, k and v must be f32 or bf16 of four dimensions, the last dense, without index";
    if (!plain(&a->out)) return "the output must be f32 or bf16 of four dimensions, the last dense, without index";
    return NULL;
}
