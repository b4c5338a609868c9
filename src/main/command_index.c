#include "commands.h"

#include <longtake/media.h>
#include <longtake/stop.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One line of the list: path, frames, size, frames/s, how frames are reached. Only the path is read back. */
static lt_status list_one(const lt_settings *s, const char *path, const atomic_int *stop, FILE *out)
{
    lt_status st = LT_OK;
    lt_media *media = NULL;
    lt_index *index = NULL;
    lt_media_opts opts = { 0 };
    opts.max_res = (int)s->max_res;
    LT_TRY(lt_media_open(path, &opts, &media));
    LT_TRY(lt_media_index(media, stop, &index));
    const lt_media_info *i = lt_media_get_info(media);
    if (fprintf(out, "%s\t%lld\t%dx%d\t%.3f\t%s\n", path, (long long)index->n_frames, i->width, i->height, i->avg_fps,
                index->seek_safe ? "seek" : "from the start") < 0 || fflush(out))
        LT_FAIL(LT_E_STORE, "%s: %s", s->output ? s->output : "standard output", strerror(errno));
done:
    lt_index_destroy(&index);
    lt_media_close(&media);
    return st;
}

int lt_command_index(const lt_settings *s)
{
    lt_status st = LT_OK;
    int code = 0;
    lt_stop *stop = NULL;
    lt_strings paths = { 0 };
    FILE *out = stdout;
    lt_stop_block();
    const lt_stop_opts opts = { NULL, 0, 0 };
    LT_TRY(lt_settings_inputs(s, &paths));
    LT_TRY(lt_stop_create(&opts, &stop));
    if (s->output && !(out = fopen(s->output, "w"))) LT_FAIL(LT_E_STORE, "%s: %s", s->output, strerror(errno));
    for (int i = 0; i < paths.n; i++) {
        st = list_one(s, paths.item[i], lt_stop_flag(stop), out);
        if (st == LT_E_DATA || st == LT_E_ABSENT) {
            lt_log_error(s->log, "%s", lt_error_last()->text);
            code = lt_exit_worse(code, 65);
            st = LT_OK;
        }
        LT_TRY(st);
    }
done:
    if (out && out != stdout && fclose(out) && st >= 0)
        st = lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "%s: %s", s->output, strerror(errno));
    lt_strings_free(&paths);
    lt_stop_destroy(&stop);
    return st < 0 ? (int)st : code;
}
