#include <longtake/colour.h>

#include <math.h>
#include <string.h>

enum { WHEEL = 55 };

/* Where each sixth of the wheel begins; its colours go from one corner of the colour cube to the next. */
static const int sixth[7] = { 0, 15, 21, 25, 36, 49, 55 };
static const float corner[7][3] = { { 1, 0, 0 }, { 1, 1, 0 }, { 0, 1, 0 }, { 0, 1, 1 }, { 0, 0, 1 }, { 1, 0, 1 }, { 1, 0, 0 } };

static void wheel(int k, float rgb[3])
{
    int s = 0;
    while (k >= sixth[s + 1]) s++;
    const float f = (float)(k - sixth[s]) / (float)(sixth[s + 1] - sixth[s]);
    for (int c = 0; c < 3; c++) rgb[c] = corner[s][c] + (corner[s + 1][c] - corner[s][c]) * f;
}

static uint8_t byte(float x)
{
    return (uint8_t)(x <= 0 ? 0 : x >= 1 ? 255 : (int)(x * 255.0f + 0.5f));
}

lt_rgb lt_colour_flow(float u, float v)
{
    const float pi = 3.14159265358979f;
    const float length = hypotf(u, v);
    float at = (atan2f(-v, -u) / pi + 1) / 2 * (WHEEL - 1);
    if (!(at >= 0)) at = 0;
    if (at > WHEEL - 1) at = WHEEL - 1;
    const int k = (int)at;
    float a[3], b[3], rgb[3];
    wheel(k, a);
    wheel((k + 1) % WHEEL, b);
    for (int c = 0; c < 3; c++) {
        const float hue = a[c] + (b[c] - a[c]) * (at - (float)k);
        rgb[c] = length <= 1 ? 1 - length * (1 - hue) : hue * 0.75f;
    }
    return (lt_rgb){ byte(rgb[0]), byte(rgb[1]), byte(rgb[2]) };
}

lt_rgb lt_colour_scalar(float x)
{
    enum { STOPS = 33 };
    static const uint8_t p[STOPS][3] = {
        { 0, 0, 4 }, { 4, 3, 18 }, { 11, 7, 36 }, { 21, 11, 55 }, { 33, 12, 74 }, { 46, 10, 90 }, { 60, 9, 101 }, { 74, 12, 107 },
        { 87, 16, 109 }, { 99, 20, 110 }, { 112, 25, 110 }, { 125, 30, 109 }, { 137, 34, 106 }, { 150, 39, 102 }, { 163, 43, 97 }, { 175, 49, 92 },
        { 187, 55, 85 }, { 198, 62, 77 }, { 209, 70, 68 }, { 219, 79, 59 }, { 227, 89, 50 }, { 235, 101, 40 }, { 241, 113, 30 }, { 246, 127, 20 },
        { 249, 141, 10 }, { 251, 156, 6 }, { 252, 171, 15 }, { 251, 186, 31 }, { 249, 202, 50 }, { 245, 217, 73 }, { 242, 232, 101 }, { 243, 245, 134 },
        { 252, 255, 164 },
    };
    uint8_t rgb[3];
    x = (x > 0 ? x < 1 ? x : 1 : 0) * (STOPS - 1);
    const int k = x < STOPS - 1 ? (int)x : STOPS - 2;
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((float)p[k][c] + ((float)p[k + 1][c] - (float)p[k][c]) * (x - (float)k) + 0.5f);
    return (lt_rgb){ rgb[0], rgb[1], rgb[2] };
}

lt_rgb lt_colour_label(unsigned label)
{
    if (!label) return (lt_rgb){ 0, 0, 0 };
    const float golden = 0.618033989f;
    float hue = (float)label * golden;
    hue = (hue - floorf(hue)) * 6;
    const float light = label % 3 == 0 ? 0.45f : label % 3 == 1 ? 0.62f : 0.78f;
    const float chroma = (1 - fabsf(2 * light - 1)) * 0.85f;
    float rgb[3];
    for (int c = 0; c < 3; c++) {
        /* distance on the circle of hues from this channel's own corner, in sixths */
        float d = fabsf(hue - 2 * (float)c);
        if (d > 3) d = 6 - d;
        const float full = d <= 1 ? 1 : d >= 2 ? 0 : 2 - d;
        rgb[c] = light + chroma * (full - 0.5f);
    }
    return (lt_rgb){ byte(rgb[0]), byte(rgb[1]), byte(rgb[2]) };
}

lt_rgb lt_colour_absent(int x, int y)
{
    const uint8_t g = ((x >> 3) + (y >> 3)) & 1 ? 112 : 88;
    return (lt_rgb){ g, g, g };
}

static void set(lt_image *image, size_t i, lt_rgb c)
{
    image->rgb[3 * i] = c.r;
    image->rgb[3 * i + 1] = c.g;
    image->rgb[3 * i + 2] = c.b;
}

void lt_colour_flow_image(const float *flow, float scale, lt_image *image)
{
    size_t i = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, i++) {
            const float u = flow[2 * i], v = flow[2 * i + 1];
            set(image, i, isfinite(u) && isfinite(v) ? lt_colour_flow(u / scale, v / scale) : lt_colour_absent(x, y));
        }
}

void lt_colour_scalar_image(const float *values, float lo, float hi, lt_image *image)
{
    size_t i = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, i++)
            set(image, i, !isfinite(values[i]) ? lt_colour_absent(x, y)
                                               : lt_colour_scalar(hi > lo ? (values[i] - lo) / (hi - lo) : 0.5f));
}

void lt_colour_mask_image(const uint8_t *mask, lt_image *image)
{
    size_t i = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, i++) {
            const uint8_t g = mask[i] ? 255 : 0;
            set(image, i, mask[i] == 255 ? lt_colour_absent(x, y) : (lt_rgb){ g, g, g });
        }
}

void lt_colour_label_image(const uint8_t *labels, lt_image *image)
{
    size_t i = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, i++)
            set(image, i, labels[i] == 255 ? lt_colour_absent(x, y) : lt_colour_label(labels[i]));
}

void lt_colour_overlay(lt_image *image, const uint8_t *mask, lt_rgb colour, float opacity)
{
    const float tint[3] = { colour.r, colour.g, colour.b };
    const size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < n; i++) {
        if (mask[i] == 0 || mask[i] == 255) continue;
        for (int c = 0; c < 3; c++) {
            const float old = image->rgb[3 * i + (size_t)c];
            image->rgb[3 * i + (size_t)c] = byte((old + (tint[c] - old) * opacity) / 255.0f);
        }
    }
}

/* Colour of the wheel at a point of the unit disc, or the background outside it. */
static lt_rgb wheel_at(float u, float v, lt_rgb background)
{
    return u * u + v * v <= 1 ? lt_colour_flow(u, v) : background;
}

void lt_colour_wheel(lt_image *image, int x, int y, int size, lt_rgb background)
{
    const float r = (float)size / 2;
    for (int j = 0; j < size; j++)
        for (int i = 0; i < size; i++) {
            if (x + i < 0 || y + j < 0 || x + i >= image->width || y + j >= image->height) continue;
            int sum[3] = { 0, 0, 0 };
            for (int k = 0; k < 16; k++) {      /* 4 x 4 samples, for a smooth rim */
                const float u = ((float)i + ((float)(k % 4) + 0.5f) / 4) / r - 1;
                const float v = ((float)j + ((float)(k / 4) + 0.5f) / 4) / r - 1;
                const lt_rgb c = wheel_at(u, v, background);
                sum[0] += c.r;
                sum[1] += c.g;
                sum[2] += c.b;
            }
            set(image, (size_t)(y + j) * (size_t)image->width + (size_t)(x + i),
                (lt_rgb){ (uint8_t)((sum[0] + 8) / 16), (uint8_t)((sum[1] + 8) / 16), (uint8_t)((sum[2] + 8) / 16) });
        }
}

/* ---- the scale ---- */

/* A bin is the exponent and the upper five bits of the mantissa; their integer order is the order of lengths. */
enum { BINS = 8192, DROPPED_BITS = 18 };

void lt_range_init(lt_range_finder *f)
{
    memset(f, 0, sizeof *f);
}

static void add(lt_range_finder *f, float x)
{
    uint32_t bits;
    if (!isfinite(x)) return;
    f->n++;
    if (x == 0) {
        f->zeros++;
        return;
    }
    memcpy(&bits, &x, sizeof bits);
    const uint32_t bin = (bits & 0x7FFFFFFFu) >> DROPPED_BITS;
    f->count[x < 0 ? BINS - 1 - bin : BINS + bin]++;
}

void lt_range_add(lt_range_finder *f, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) add(f, values[i]);
}

void lt_range_add_flow(lt_range_finder *f, const float *flow, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++) add(f, hypotf(flow[2 * i], flow[2 * i + 1]));
}

static float centre(uint32_t bin)
{
    const uint32_t bits = bin << DROPPED_BITS | 1u << (DROPPED_BITS - 1);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

float lt_range_quantile(const lt_range_finder *f, double q)
{
    if (!f->n) return 0;
    const uint64_t rank = (uint64_t)(q * (double)(f->n - 1) + 0.5);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < 2 * BINS; i++) {
        if (i == BINS && (seen += f->zeros) > rank) return 0;
        if ((seen += f->count[i]) > rank) return i < BINS ? -centre(BINS - 1 - i) : centre(i - BINS);
    }
    return 0;
}

float lt_range_round(float x)
{
    static const double steps[] = { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 };
    if (!(x > 0.1f)) return 0.1f;
    const double decade = pow(10, floor(log10((double)x)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if ((float)(steps[i] * decade) >= x) return (float)(steps[i] * decade);
    return (float)(10 * decade);
}
