#include "store/job.h"
#include "store/seal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lt_set_aside(const char *path)
{
    char bad[LT_PATH_MAX + 8];
    snprintf(bad, sizeof bad, "%s.bad", path);
    if (rename(path, bad) < 0) return;       /* gone already, or not ours to rename */
}

static void warn(char **warnings, const char *text, const char *what_now)
{
    char *longer = NULL;
    if (!warnings) return;
    if (asprintf(&longer, "%s%s%s%s", *warnings ? *warnings : "", *warnings ? "\n" : "", text, what_now) < 0) return;
    free(*warnings);
    *warnings = longer;
}

bool lt_ledger_has_result(const lt_job *job, const char *id)
{
    char path[LT_PATH_MAX];
    lt_seal seal;
    if (lt_seal_read(lt_job_result_path(job, id, path), true, &seal) < 0) return false;
    bool good = seal.kind == LT_SEAL_RESULT && seal.complete && lt_hash_equal(seal.settings, lt_job_settings_hash(job));
    lt_seal_free(&seal);
    return good;
}

/* States from a complete result. LT_E_ABSENT where there is none that counts. */
static lt_status from_result(const lt_job *job, const char *id, const lt_range *segments, int64_t n, lt_segment_state *states,
                             char **warnings)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    lt_seal seal = { 0 };
    st = lt_seal_read(lt_job_result_path(job, id, path), true, &seal);
    if (st == LT_E_DATA) {
        warn(warnings, lt_error_last()->text, "; it does not count and will be made again");
        LT_FAIL(LT_E_ABSENT, "no result of %s counts", id);
    }
    LT_TRY(st);
    if (seal.kind != LT_SEAL_RESULT || !seal.complete || !lt_hash_equal(seal.settings, lt_job_settings_hash(job)))
        LT_FAIL(LT_E_ABSENT, "no result of %s counts", id);
    for (int64_t i = 0; i < n; i++) {
        states[i] = LT_SEGMENT_DONE;
        for (int64_t k = 0; k < seal.n_failed; k++)
            if (seal.failed[k].first <= segments[i].last && segments[i].first <= seal.failed[k].last) states[i] = LT_SEGMENT_FAILED;
    }
done:
    lt_seal_free(&seal);
    return st;
}

static lt_status one_segment(const lt_job *job, const char *folder, lt_range frames, bool quick, lt_segment_state *state, char **warnings)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX], text[LT_PATH_MAX + 100];
    lt_seal seal = { 0 };
    *state = LT_SEGMENT_MISSING;
    lt_segment_file(folder, frames, path);
    st = lt_seal_read(path, quick, &seal);
    if (st == LT_E_ABSENT) return LT_OK;
    if (st == LT_E_DATA) {
        warn(warnings, lt_error_last()->text, quick ? "" : "; it was renamed to .bad and will be made again");
        if (!quick) lt_set_aside(path);
        return LT_OK;
    }
    LT_TRY(st);
    if (seal.kind != LT_SEAL_SEGMENT || seal.frames.first != frames.first || seal.frames.last != frames.last ||
        !lt_hash_equal(seal.settings, lt_job_settings_hash(job))) {
        snprintf(text, sizeof text, "%s belongs to a job of other settings and does not count", path);
        warn(warnings, text, "");
        goto done;
    }
    *state = seal.n_failed ? LT_SEGMENT_FAILED : LT_SEGMENT_DONE;
done:
    lt_seal_free(&seal);
    return st;
}

static int by_first(const void *a, const void *b)
{
    const lt_range *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->last > y->last ? -1 : x->last < y->last;
}

/* What the names of the segment files in a folder say, by first frame, longer ones first; no file is opened. */
static lt_status list_names(const char *path, lt_range **list, int64_t *n)
{
    lt_status st = LT_OK;
    int64_t room = 64;
    lt_range *found = malloc((size_t)room * sizeof *found);
    DIR *dir = opendir(path);
    *list = NULL;
    *n = 0;
    if (!found) LT_FAIL(LT_E_MEMORY, "no memory to list %s", path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        long long first, last;
        int used = 0;
        if (sscanf(e->d_name, "seg-%lld-%lld.h5%n", &first, &last, &used) != 2 || used == 0 || e->d_name[used]) continue;
        if (first < 0 || last < first) continue;
        if (*n == room) {
            lt_range *more = realloc(found, (size_t)(room *= 2) * sizeof *found);
            if (!more) LT_FAIL(LT_E_MEMORY, "no memory to list %s", path);
            found = more;
        }
        found[(*n)++] = (lt_range){ first, last };
    }
    qsort(found, (size_t)*n, sizeof *found, by_first);
    *list = found;
    found = NULL;
done:
    if (dir) closedir(dir);
    free(found);
    return st;
}

/* How far committed files that follow each other reach into `segment` from its start. *state is theirs together where they
 * reach its end. */
static lt_status reach(const lt_job *job, const char *folder, const lt_range *names, int64_t n, lt_range segment, bool quick,
                       lt_segment_state *state, int64_t *next, char **warnings)
{
    lt_status st = LT_OK;
    bool failed = false;
    *next = segment.first;
    for (int64_t i = 0; i < n && *next <= segment.last; i++) {
        lt_segment_state part = LT_SEGMENT_MISSING;
        if (names[i].first != *next || names[i].last > segment.last) continue;
        LT_TRY(one_segment(job, folder, names[i], quick, &part, warnings));
        if (part == LT_SEGMENT_MISSING) continue;
        failed = failed || part == LT_SEGMENT_FAILED;
        *next = names[i].last + 1;
    }
    *state = *next <= segment.last ? LT_SEGMENT_MISSING : failed ? LT_SEGMENT_FAILED : LT_SEGMENT_DONE;
done:
    return st;
}

static lt_status reach_all(const lt_job *job, const char *folder, const lt_range *segments, int64_t n, bool quick, lt_segment_state *states,
                           int64_t *next, char **warnings)
{
    lt_status st = LT_OK;
    lt_range *names = NULL;
    int64_t n_names = 0, reached;
    LT_TRY(list_names(folder, &names, &n_names));
    for (int64_t i = 0; i < n; i++) {
        LT_TRY(reach(job, folder, names, n_names, segments[i], quick, &states[i], &reached, warnings));
        if (next) next[i] = reached;
    }
done:
    free(names);
    return st;
}

lt_status lt_ledger_raw(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick, lt_segment_state *states,
                        int64_t *next, char **warnings)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    if (warnings) *warnings = NULL;
    LT_TRY(lt_video_id_check(id));
    LT_TRY(reach_all(job, lt_job_raw_folder(job, id, folder), segments, n, quick, states, next, warnings));
done:
    return st;
}

lt_status lt_ledger_reach(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick, lt_segment_state *states,
                          int64_t *next, char **warnings)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    if (warnings) *warnings = NULL;
    LT_TRY(lt_video_id_check(id));
    st = from_result(job, id, segments, n, states, warnings);
    if (st >= 0)
        for (int64_t i = 0; next && i < n; i++) next[i] = segments[i].last + 1;
    if (st != LT_E_ABSENT) goto done;
    st = LT_OK;
    LT_TRY(reach_all(job, lt_job_folder(job, id, folder), segments, n, quick, states, next, warnings));
done:
    return st;
}

lt_status lt_ledger_scan(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick, lt_segment_state *states,
                         char **warnings)
{
    return lt_ledger_reach(job, id, segments, n, quick, states, NULL, warnings);
}

static lt_status list_good(const lt_job *job, const char *folder, lt_range **list, int64_t *n)
{
    lt_status st = LT_OK;
    int64_t n_names = 0, kept = 0;
    LT_TRY(list_names(folder, list, &n_names));
    for (int64_t i = 0; i < n_names; i++) {
        lt_segment_state state;
        const lt_range r = (*list)[i];
        if (kept > 0 && r.first <= (*list)[kept - 1].last) continue;
        LT_TRY(one_segment(job, folder, r, true, &state, NULL));
        if (state != LT_SEGMENT_MISSING) (*list)[kept++] = r;
    }
    *n = kept;
done:
    if (st < 0) {
        free(*list);
        *list = NULL;
    }
    return st;
}

lt_status lt_ledger_list(const lt_job *job, const char *id, lt_range **list, int64_t *n)
{
    char folder[LT_PATH_MAX];
    return list_good(job, lt_job_folder(job, id, folder), list, n);
}

lt_status lt_ledger_list_raw(const lt_job *job, const char *id, lt_range **list, int64_t *n)
{
    char folder[LT_PATH_MAX];
    return list_good(job, lt_job_raw_folder(job, id, folder), list, n);
}
