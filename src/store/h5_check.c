#include "store/h5_check.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    char text[400];
} finding;

static herr_t innermost(unsigned n, const H5E_error2_t *e, void *ctx)
{
    finding *f = ctx;
    if (n == 0 || f->text[0] == 0)
        snprintf(f->text, sizeof f->text, "%s: %s", e->func_name ? e->func_name : "?", e->desc ? e->desc : "?");
    return 0;
}

lt_status lt_h5_status(int64_t returned)
{
    finding f = { "no description" };
    if (returned >= 0) return LT_OK;
    if (H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &f) < 0) f.text[0] = 0;
    return lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "HDF5: %s", f.text);
}

void lt_h5_quiet(void)
{
    if (H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0) return;       /* it would only be noisier */
}
