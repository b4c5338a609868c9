/* show_rows RESULT: /segments and the plans of a result as JSON, for tests. */
#include "store/layout.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

static json_t *real(double x)
{
    return isnan(x) ? json_null() : json_real(x);
}

int main(int argc, char **argv)
{
    lt_tables t;
    const hid_t file = argc == 2 ? H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
    if (file < 0 || lt_tables_read(file, &t) < 0) {
        fprintf(stderr, "%s\n", lt_error_last()->text);
        return 1;
    }
    json_t *rows = json_array(), *plans = json_array();
    for (int64_t i = 0; i < t.n; i++) {
        const lt_segment_row *r = &t.row[i].row;
        json_array_append_new(rows, json_pack("{s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:i}", "start", (json_int_t)t.row[i].frames.first, "end",
                                              (json_int_t)t.row[i].frames.last, "rank", r->rank, "planned_bytes", (json_int_t)r->planned_bytes, "observed_bytes",
                                              (json_int_t)r->observed_bytes, "host_planned_bytes", (json_int_t)r->host_planned_bytes, "host_observed_bytes",
                                              (json_int_t)r->host_observed_bytes, "seconds", real(r->seconds), "seconds_decode", real(r->seconds_decode),
                                              "seconds_network", real(r->seconds_network), "seconds_store", real(r->seconds_store), "plan", t.row[i].plan));
    }
    for (int i = 0; i < t.n_plans; i++) json_array_append_new(plans, json_string(t.plans[i]));
    json_t *all = json_pack("{s:o, s:o}", "rows", rows, "plans", plans);
    json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    lt_tables_free(&t);
    H5Fclose(file);
    return 0;
}
