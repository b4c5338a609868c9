#include <longtake/picture.h>

#include <longtake/colour.h>
#include <longtake/file.h>
#include <longtake/media.h>
#include <longtake/result.h>
#include <longtake/sheet.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 6, ROWS_MAX = 32 };

/* How a field is drawn. */
typedef enum { DRAW_FLOW, DRAW_SCALAR, DRAW_MASK, DRAW_LABELS } draw_kind;

typedef struct {
    int       field;                 /* of the result */
    draw_kind kind;
    float     lo, hi;
    void     *values;                /* one frame */
} drawn;

typedef struct {
    const lt_picture_opts *o;
    const char           *path;
    lt_result            *result;
    const lt_result_info *info;
    lt_media             *media;     /* NULL: the source is not there */
    lt_index             *index;
    drawn                 fields[FIELDS_MAX];
    int                   n;
} view;

static draw_kind kind_of(const lt_field *f)
{
    if (f->dtype != LT_U8) return f->channels == 2 ? DRAW_FLOW : DRAW_SCALAR;
    return f->long_name && strstr(f->long_name, "label") ? DRAW_LABELS : DRAW_MASK;
}

static lt_status add_field(view *v, int field)
{
    lt_status st = LT_OK;
    const lt_field *f = &v->info->fields[field];
    drawn *d = &v->fields[v->n];
    if (f->channels > 2 || (f->channels == 2 && f->dtype == LT_U8))
        LT_FAIL(LT_E_USAGE, "%s: field %s has %d channels, and view draws 1, or 2 as a motion", v->path, f->name, f->channels);
    *d = (drawn){ .field = field, .kind = kind_of(f) };
    d->values = malloc(lt_field_values(f, v->info->width, v->info->height) * lt_dtype_value_bytes(f->dtype));
    if (!d->values) LT_FAIL(LT_E_MEMORY, "no memory for a frame of %dx%d", v->info->width, v->info->height);
    v->n++;
done:
    return st;
}

/* The field asked for; all that can be drawn for a sheet without --field. */
static lt_status choose_fields(view *v)
{
    lt_status st = LT_OK;
    char names[512] = "";
    for (int i = 0; i < v->info->n_fields; i++) {
        const lt_field *f = &v->info->fields[i];
        const size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", f->name);
        const bool all = !v->o->field && v->o->sheet && f->channels <= 2 && v->n < FIELDS_MAX;
        if (all || (v->o->field ? !strcmp(f->name, v->o->field) : i == 0 && !v->o->sheet)) LT_TRY(add_field(v, i));
    }
    if (!v->n) LT_FAIL(LT_E_USAGE, "%s has no field %s to draw; it has %s", v->path, v->o->field ? v->o->field : "", names);
done:
    return st;
}

/* The source is looked up in video.json beside the result. That it is gone is no failure: there is no frame then. */
static lt_status find_source(view *v)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    json_t *video = NULL;
    char dir[LT_PATH_MAX], id[LT_PATH_MAX];
    const char *slash = strrchr(v->path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - v->path) : 1, slash ? v->path : ".");
    snprintf(id, sizeof id, "%s", slash ? slash + 1 : v->path);
    char *dot = strrchr(id, '.');
    if (dot) *dot = 0;
    LT_TRY(lt_job_load(dir, &job));
    LT_TRY(lt_job_get_video(job, id, &video));
    const char *source = json_string_value(json_object_get(video, "path"));
    if (!source) goto done;
    const int largest = v->info->width > v->info->height ? v->info->width : v->info->height;
    lt_media_opts whole = { 0 }, reduced = { .max_res = largest };
    LT_TRY(lt_media_open(source, &whole, &v->media));
    if (lt_media_get_info(v->media)->width != v->info->width) {
        lt_media_close(&v->media);
        LT_TRY(lt_media_open(source, &reduced, &v->media));
    }
    LT_TRY(lt_index_from_json(json_object_get(video, "index"), &v->index));
    LT_TRY(lt_media_set_index(v->media, v->index));
done:
    if (st < 0) {
        lt_log_debug(v->o->log, "no source frames beside the result: %s", lt_error_last()->text);
        lt_error_clear();
        lt_media_close(&v->media);
    }
    json_decref(video);
    lt_job_close(&job);
    return LT_OK;
}

/* The scales, from all frames shown: the 99th percentile, so that a few wild values do not pale the rest. */
static lt_status find_ranges(view *v, const int64_t *frames, int n)
{
    lt_status st = LT_OK;
    lt_range_finder *finder = malloc(sizeof *finder);
    if (!finder) LT_FAIL(LT_E_MEMORY, "no memory for a scale of colours");
    const size_t pixels = (size_t)v->info->width * (size_t)v->info->height;
    for (int i = 0; i < v->n; i++) {
        drawn *d = &v->fields[i];
        if (d->kind != DRAW_FLOW && d->kind != DRAW_SCALAR) continue;
        /* The range of the whole video, where the file tells it: pictures of different frames can be compared. */
        if (d->kind == DRAW_SCALAR && v->info->range[d->field][0] < v->info->range[d->field][1]) {
            d->lo = (float)v->info->range[d->field][0];
            d->hi = (float)v->info->range[d->field][1];
            continue;
        }
        lt_range_init(finder);
        for (int k = 0; k < n; k++) {
            LT_TRY(lt_result_read(v->result, d->field, frames[k], d->values));
            if (d->kind == DRAW_FLOW) lt_range_add_flow(finder, d->values, pixels);
            else lt_range_add(finder, d->values, pixels);
        }
        d->lo = d->kind == DRAW_FLOW ? 0 : lt_range_quantile(finder, 0.01);
        d->hi = lt_range_quantile(finder, 0.99);
        if (d->kind == DRAW_FLOW) d->hi = lt_range_round(d->hi);
    }
    /* fields of motion share one scale, so that forward and backward can be compared */
    float hi = 0;
    for (int i = 0; i < v->n; i++)
        if (v->fields[i].kind == DRAW_FLOW) hi = fmaxf(hi, v->fields[i].hi);
    for (int i = 0; i < v->n; i++)
        if (v->fields[i].kind == DRAW_FLOW) v->fields[i].hi = hi;
done:
    free(finder);
    return st;
}

static lt_status draw_field(view *v, drawn *d, int64_t frame, lt_image **out)
{
    lt_status st = LT_OK;
    LT_TRY(lt_image_create(v->info->width, v->info->height, out));
    LT_TRY(lt_result_read(v->result, d->field, frame, d->values));
    if (d->kind == DRAW_FLOW) lt_colour_flow_image(d->values, d->hi, *out);
    else if (d->kind == DRAW_SCALAR) lt_colour_scalar_image(d->values, d->lo, d->hi, *out);
    else if (d->kind == DRAW_LABELS) lt_colour_label_image(d->values, *out);
    else lt_colour_mask_image(d->values, *out);
done:
    if (st < 0) lt_image_destroy(out);
    return st;
}

/* NULL where the frame cannot be read: the sheet shows an empty cell. */
static lt_image *draw_source(view *v, int64_t frame)
{
    lt_image *image = NULL;
    const lt_media_info *m = lt_media_get_info(v->media);
    if (lt_image_create(m->width, m->height, &image) < 0
        || lt_media_read(v->media, v->info->frame[frame], image->rgb, (size_t)m->width * 3) < 0) {
        lt_error_clear();
        lt_image_destroy(&image);
    }
    return image;
}

static lt_status add_row(view *v, lt_sheet *sheet, int64_t frame)
{
    lt_status st = LT_OK;
    lt_image *cells[FIELDS_MAX + 1] = { NULL };
    const lt_image *shown[FIELDS_MAX + 1];
    char label[64];
    int n = 0;
    if (v->media) cells[n++] = draw_source(v, frame);
    for (int i = 0; i < v->n; i++) LT_TRY(draw_field(v, &v->fields[i], frame, &cells[n++]));
    for (int i = 0; i < n; i++) shown[i] = cells[i];
    snprintf(label, sizeof label, "frame %" PRId64 "\n%.3f s", v->info->frame[frame], v->info->time[frame]);
    LT_TRY(lt_sheet_add_row(sheet, label, shown));
done:
    for (int i = 0; i <= FIELDS_MAX; i++) lt_image_destroy(&cells[i]);
    return st;
}

static int make_legends(const view *v, lt_legend *legends)
{
    int n = 0;
    bool flow = false;
    for (int i = 0; i < v->n && n < 4; i++) {
        const drawn *d = &v->fields[i];
        const lt_field *f = &v->info->fields[d->field];
        if (d->kind == DRAW_LABELS || (d->kind == DRAW_FLOW && flow)) continue;
        flow = flow || d->kind == DRAW_FLOW;
        legends[n++] = (lt_legend){ d->kind == DRAW_FLOW ? LT_LEGEND_FLOW : d->kind == DRAW_SCALAR ? LT_LEGEND_SCALAR : LT_LEGEND_MASK,
                                    d->kind == DRAW_FLOW ? "motion" : f->name, d->lo, d->hi,
                                    d->kind == DRAW_FLOW ? "px a frame" : f->units };
    }
    return n;
}

static lt_status make_sheet(view *v, const int64_t *frames, int n, const char *output)
{
    lt_status st = LT_OK;
    lt_sheet *sheet = NULL;
    lt_legend legends[4];
    char subtitle[128];
    const char *columns[FIELDS_MAX + 1];
    int c = 0;
    const char *slash = strrchr(v->path, '/');
    if (v->media) columns[c++] = "frame";
    for (int i = 0; i < v->n; i++) columns[c++] = v->info->fields[v->fields[i].field].name;
    snprintf(subtitle, sizeof subtitle, "%s%s%s%dx%d | %" PRId64 " frames%s", v->info->meaningless ? "MEANINGLESS: " : "",
             v->info->meaningless ? v->info->meaningless : "", v->info->meaningless ? " | " : "", v->info->width, v->info->height,
             v->info->n_frames, v->info->complete ? "" : " | incomplete");
    const lt_sheet_opts opts = { .title = slash ? slash + 1 : v->path, .subtitle = subtitle, .columns = columns, .n_columns = c,
                                 .width = (int)v->o->width, .aspect_width = v->info->width, .aspect_height = v->info->height,
                                 .rows = n, .legends = legends, .n_legends = make_legends(v, legends) };
    LT_TRY(lt_sheet_create(&opts, &sheet));
    for (int i = 0; i < n; i++) LT_TRY(add_row(v, sheet, frames[i]));
    LT_TRY(lt_sheet_write(sheet, output));
done:
    lt_sheet_destroy(&sheet);
    return st;
}

/* Across the top of a picture that means nothing. */
static void write_notice(lt_image *image, const char *why)
{
    char text[128], fitted[128];
    const int scale = image->width >= 640 ? 2 : 1, bar = (LT_TEXT_HEIGHT + 4) * scale;
    snprintf(text, sizeof text, "MEANINGLESS: %s", why);
    lt_image_fill(image, 0, 0, image->width, bar < image->height ? bar : image->height, (lt_rgb){ 0, 0, 0 });
    lt_image_text(image, 2 * scale, 2 * scale, scale, (lt_rgb){ 255, 255, 255 },
                  lt_text_fit(text, scale, image->width - 4 * scale, fitted, sizeof fitted));
}

static lt_status make_picture(view *v, int64_t frame, const char *output)
{
    lt_status st = LT_OK;
    lt_image *image = NULL, *sized = NULL;
    LT_TRY(draw_field(v, &v->fields[0], frame, &image));
    if (v->o->width > 0) {
        const int64_t height = (int64_t)image->height * v->o->width / image->width;
        LT_TRY(lt_image_resize(image, (int)v->o->width, height < 1 ? 1 : (int)height, &sized));
    }
    if (v->info->meaningless) write_notice(sized ? sized : image, v->info->meaningless);
    LT_TRY(lt_image_write_png(sized ? sized : image, output));
done:
    lt_image_destroy(&sized);
    lt_image_destroy(&image);
    return st;
}

static void name_output(const view *v, char *out, size_t size)
{
    const char *dot = strrchr(v->path, '.'), *slash = strrchr(v->path, '/');
    const int n = dot && (!slash || dot > slash) ? (int)(dot - v->path) : (int)strlen(v->path);
    const char *field = v->info->fields[v->fields[0].field].name;
    if (v->o->output) snprintf(out, size, "%s", v->o->output);
    else if (v->o->sheet) snprintf(out, size, "%.*s-%s.png", n, v->path, v->o->field ? field : "sheet");
    else snprintf(out, size, "%.*s-%s-%06" PRId64 ".png", n, v->path, field, v->o->frame);
}

/* Moments spread evenly; the last frame of a video has no motion, so it is not among them where others are. */
static int choose_frames(const view *v, int64_t *frames)
{
    if (!v->o->sheet) {
        frames[0] = v->o->frame;
        return 1;
    }
    const int64_t last = v->info->n_frames > 1 ? v->info->n_frames - 2 : 0;
    int64_t n = v->o->rows < 1 ? 1 : v->o->rows > ROWS_MAX ? ROWS_MAX : v->o->rows;
    if (n > last + 1) n = last + 1;
    for (int64_t i = 0; i < n; i++) frames[i] = n > 1 ? last * i / (n - 1) : last / 2;
    return (int)n;
}

lt_status lt_picture_draw(const lt_picture_opts *o, char *path)
{
    lt_status st = LT_OK;
    view v = { .o = o, .path = o->result };
    int64_t frames[ROWS_MAX];
    LT_TRY(lt_result_open(v.path, &v.result));
    v.info = lt_result_info_get(v.result);
    if (v.info->n_frames < 1) LT_FAIL(LT_E_DATA, "%s has no frames", v.path);
    if (!o->sheet && (o->frame < 0 || o->frame >= v.info->n_frames))
        LT_FAIL(LT_E_USAGE, "--frame %" PRId64 ": %s has frames 0 to %" PRId64, o->frame, v.path, v.info->n_frames - 1);
    LT_TRY(choose_fields(&v));
    if (o->sheet) LT_TRY(find_source(&v));
    const int n = choose_frames(&v, frames);
    LT_TRY(find_ranges(&v, frames, n));
    name_output(&v, path, LT_PICTURE_PATH);
    if (o->sheet) LT_TRY(make_sheet(&v, frames, n, path));
    else LT_TRY(make_picture(&v, o->frame, path));
    const drawn *d = &v.fields[0];
    if (!o->sheet && (d->kind == DRAW_FLOW || d->kind == DRAW_SCALAR))
        lt_log_info(o->log, "colours of %s: %g to %g %s", v.info->fields[d->field].name, (double)d->lo, (double)d->hi,
                    v.info->fields[d->field].units);
done:
    for (int i = 0; i < v.n; i++) free(v.fields[i].values);
    lt_media_close(&v.media);
    lt_index_destroy(&v.index);
    lt_result_close(&v.result);
    return st;
}
