/* pipeline/inputs.h -- the videos of a job and their names.
 *
 * in    paths from the command line and from --input-list
 * out   inputs in the order of their ids, which is the order of the job on every rank
 * owns  lt_inputs its strings */
#ifndef LT_PIPELINE_INPUTS_H
#define LT_PIPELINE_INPUTS_H

#include <longtake/settings.h>
#include <longtake/status.h>

#include <stdint.h>

typedef struct {
    char   *path;
    char   *id;                  /* names the results: <out>/<id>.h5 */
    int64_t bytes;               /* of the file, or of a directory's files; 0 where there is none */
    int64_t weight;              /* bytes when the job began: what shards are cut by */
} lt_input;

typedef struct {
    lt_input *items;
    int64_t   n;
} lt_inputs;

/* LT_E_USAGE: no input at all, an unreadable list, or two inputs of one name (the message names both). A path that
 * does not exist is kept: it is a bad input, which costs itself only. */
LT_NODISCARD lt_status lt_inputs_collect(const lt_settings *s, lt_inputs *out);

void lt_inputs_free(lt_inputs *in);

/* The id of a path: its stem, or with whole_path its full text with '/' as '_'. Allocated; NULL without memory. */
char *lt_input_id(const char *path, int whole_path);

#endif
