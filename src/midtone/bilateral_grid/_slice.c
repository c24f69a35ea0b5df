/* Slicing a bilateral grid, compiled: the inner loop of upsample.apply.

   The same float32 operations in the same order as upsample._numpy_rows, so that both give the same
   pixels: build with -ffp-contract=off. An extension of the limited API: one file serves every
   Python from 3.11 on. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#if !defined(__GNUC__)
#error "vector extensions of GCC and Clang are needed; without them midtone uses NumPy"
#endif

typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
typedef int32_t i4 __attribute__((vector_size(16)));

/* Added to 0 .. 65535, it leaves the value rounded half to even in the low bits. */
#define ROUND 12582912.0f

enum { UINT8, UINT16, FLOAT32 };

typedef struct {
    const float *table;   /* rows x columns x depth x TERMS grid nodes */
    const int32_t *row;   /* H: node above, and the part of the way to the next */
    const float *row_part;
    const int32_t *column; /* W */
    const float *column_part;
    Py_ssize_t width, columns, depth, floats;
    float scale, full;
} Job;

#define INLINE static inline __attribute__((always_inline))

/* One row of the image between two rows of the grid: nodes, and differences to the next column. */
INLINE void blend(const Job *job, Py_ssize_t y, float *nodes, float *steps)
{
    const Py_ssize_t count = job->columns * job->depth * job->floats;
    const Py_ssize_t next = job->depth * job->floats;
    const float *above = job->table + job->row[y] * count, *below = above + count;
    const float part = job->row_part[y];
    for (Py_ssize_t i = 0; i < count; i++)
        nodes[i] = above[i] + part * (below[i] - above[i]);
    for (Py_ssize_t i = 0; i < count - next; i++)
        steps[i] = nodes[i + next] - nodes[i];
}

INLINE float clip(float value, float low, float high)
{
    value = value > low ? value : low;
    return value < high ? value : high;
}

typedef v8 __attribute__((aligned(4), may_alias)) loose;

#define LOAD(from) ((v8) * (const loose *)(from))

/* 16 floats a node: coefficients of R, G, B and 1, each for three outputs and a filler. */
#define COLOUR(TYPE, INTEGER)                                                                   \
    for (Py_ssize_t x = 0; x < job->width; x++, pixel += 3, out += 3) {                         \
        const float r = pixel[0], g = pixel[1], b = pixel[2];                                   \
        const float z = clip(((r + b) + 2 * g) * job->scale, 0, top);                           \
        const int32_t node = z < last ? (int32_t)z : (int32_t)last;                             \
        const float fz = z - node, fx = job->column_part[x];                                    \
        const Py_ssize_t at = (job->column[x] * job->depth + node) * 16;                        \
        const float *n = nodes + at, *s = steps + at;                                           \
        const v8 low0 = LOAD(n) + fx * LOAD(s), low1 = LOAD(n + 8) + fx * LOAD(s + 8);          \
        const v8 high0 = LOAD(n + 16) + fx * LOAD(s + 16);                                      \
        const v8 high1 = LOAD(n + 24) + fx * LOAD(s + 24);                                      \
        const v8 c0 = low0 + fz * (high0 - low0), c1 = low1 + fz * (high1 - low1);              \
        const v4 rgb = {r, g, b, 1};                                                            \
        const v8 sum = c0 * __builtin_shufflevector(rgb, rgb, 0, 0, 0, 0, 1, 1, 1, 1)           \
                     + c1 * __builtin_shufflevector(rgb, rgb, 2, 2, 2, 2, 3, 3, 3, 3);          \
        v4 result = __builtin_shufflevector(sum, sum, 0, 1, 2, 3)                               \
                  + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);                              \
        if (INTEGER) {                                                                          \
            const v4 zero = {0, 0, 0, 0}, full = zero + job->full;                              \
            result = (v4)((i4)result & (result > zero));                                        \
            const i4 below = result < full;                                                     \
            result = (v4)(((i4)result & below) | ((i4)full & ~below)) + ROUND;                  \
            const i4 bits = (i4)result;                                                         \
            out[0] = (TYPE)bits[0], out[1] = (TYPE)bits[1], out[2] = (TYPE)bits[2];             \
        } else                                                                                  \
            out[0] = (TYPE)result[0], out[1] = (TYPE)result[1], out[2] = (TYPE)result[2];       \
    }

/* 2 floats a node: coefficients of the grey value and 1. */
#define GREY(TYPE, INTEGER)                                                                     \
    for (Py_ssize_t x = 0; x < job->width; x++, pixel++, out++) {                               \
        const float v = *pixel;                                                                 \
        const float z = clip(((v + v) + 2 * v) * job->scale, 0, top);                           \
        const int32_t node = z < last ? (int32_t)z : (int32_t)last;                             \
        const float fz = z - node, fx = job->column_part[x];                                    \
        const Py_ssize_t at = (job->column[x] * job->depth + node) * 2;                         \
        const float *n = nodes + at, *s = steps + at;                                           \
        const float low0 = n[0] + fx * s[0], low1 = n[1] + fx * s[1];                           \
        const float high0 = n[2] + fx * s[2], high1 = n[3] + fx * s[3];                         \
        float result = (low0 + fz * (high0 - low0)) * v + (low1 + fz * (high1 - low1));         \
        if (INTEGER) {                                                                          \
            union { float value; int32_t bits; } code = {clip(result, 0, job->full) + ROUND};   \
            *out = (TYPE)code.bits;                                                             \
        } else                                                                                  \
            *out = (TYPE)result;                                                                \
    }

#define ROWS(NAME, TYPE, INTEGER, LOOP)                                                         \
    INLINE void NAME(const Job *job, const TYPE *pixel, TYPE *out, const float *nodes,          \
                     const float *steps)                                                        \
    {                                                                                           \
        const float top = (float)(job->depth - 1), last = (float)(job->depth - 2);              \
        LOOP(TYPE, INTEGER)                                                                     \
    }

ROWS(colour_8, uint8_t, 1, COLOUR)
ROWS(colour_16, uint16_t, 1, COLOUR)
ROWS(colour_float, float, 0, COLOUR)
ROWS(grey_8, uint8_t, 1, GREY)
ROWS(grey_16, uint16_t, 1, GREY)
ROWS(grey_float, float, 0, GREY)

INLINE void rows(const Job *job, int type, int channels, const char *image, char *result,
                 Py_ssize_t first, Py_ssize_t end, float *nodes)
{
    const Py_ssize_t bytes = type == UINT8 ? 1 : type == UINT16 ? 2 : 4;
    const Py_ssize_t stride = job->width * channels * bytes;
    float *steps = nodes + job->columns * job->depth * job->floats;
    for (Py_ssize_t y = first; y < end; y++) {
        const void *pixel = image + y * stride;
        void *out = result + y * stride;
        blend(job, y, nodes, steps);
        if (channels == 3 && type == UINT8)
            colour_8(job, pixel, out, nodes, steps);
        else if (channels == 3 && type == UINT16)
            colour_16(job, pixel, out, nodes, steps);
        else if (channels == 3)
            colour_float(job, pixel, out, nodes, steps);
        else if (type == UINT8)
            grey_8(job, pixel, out, nodes, steps);
        else if (type == UINT16)
            grey_16(job, pixel, out, nodes, steps);
        else
            grey_float(job, pixel, out, nodes, steps);
    }
}

typedef void Rows(const Job *, int, int, const char *, char *, Py_ssize_t, Py_ssize_t, float *);

static void rows_anywhere(const Job *job, int type, int channels, const char *image, char *result,
                          Py_ssize_t first, Py_ssize_t end, float *nodes)
{
    rows(job, type, channels, image, result, first, end, nodes);
}

#if defined(__x86_64__) || defined(__i386__)
/* Tables by 8-bit code: what photographs have most of is worth them. */
typedef struct {
    float code[256];      /* the code itself */
    int32_t node[1021];   /* by R + 2 G + B: floats from the column's first node, */
    float part[1021];     /* and the part of the way to the next */
} Tables;

static void fill(Tables *tables, const Job *job)
{
    const float top = (float)(job->depth - 1), last = (float)(job->depth - 2);
    for (int code = 0; code < 256; code++)
        tables->code[code] = (float)code;
    for (int sum = 0; sum < 1021; sum++) {
        const float z = clip((float)sum * job->scale, 0, top);
        const int32_t node = z < last ? (int32_t)z : (int32_t)last;
        tables->node[sum] = node * 16;
        tables->part[sum] = z - node;
    }
}

__attribute__((target("avx2"))) static void colour_8_avx2(const Job *job, const Tables *tables,
                                                          const uint8_t *pixel, uint8_t *out,
                                                          const float *nodes, const float *steps)
{
    const __m256 ones = _mm256_set1_ps(1);
    const __m128 full = _mm_set1_ps(job->full);
    const int32_t column = (int32_t)job->depth * 16;
    for (Py_ssize_t x = 0; x < job->width; x++, pixel += 3, out += 3) {
        const uint8_t r = pixel[0], g = pixel[1], b = pixel[2];
        const int sum = r + 2 * g + b;
        const int32_t at = job->column[x] * column + tables->node[sum];
        const float *n = nodes + at, *s = steps + at;
        const __m256 fx = _mm256_broadcast_ss(job->column_part + x);
        const __m256 fz = _mm256_broadcast_ss(tables->part + sum);
#define ALONG(i) _mm256_add_ps(_mm256_loadu_ps(n + i), _mm256_mul_ps(fx, _mm256_loadu_ps(s + i)))
        const __m256 low0 = ALONG(0), low1 = ALONG(8), high0 = ALONG(16), high1 = ALONG(24);
#undef ALONG
        const __m256 c0 = _mm256_add_ps(low0, _mm256_mul_ps(fz, _mm256_sub_ps(high0, low0)));
        const __m256 c1 = _mm256_add_ps(low1, _mm256_mul_ps(fz, _mm256_sub_ps(high1, low1)));
        const __m256 rg = _mm256_blend_ps(_mm256_broadcast_ss(tables->code + r),
                                          _mm256_broadcast_ss(tables->code + g), 0xF0);
        const __m256 b1 = _mm256_blend_ps(_mm256_broadcast_ss(tables->code + b), ones, 0xF0);
        const __m256 both = _mm256_add_ps(_mm256_mul_ps(c0, rg), _mm256_mul_ps(c1, b1));
        __m128 result = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
        result = _mm_min_ps(_mm_max_ps(result, _mm_setzero_ps()), full);
        __m128i codes = _mm_cvtps_epi32(result); /* rounds half to even, as rint does */
        codes = _mm_packus_epi16(_mm_packs_epi32(codes, codes), codes);
        const uint32_t packed = (uint32_t)_mm_cvtsi128_si32(codes);
        out[0] = (uint8_t)packed, out[1] = (uint8_t)(packed >> 8), out[2] = (uint8_t)(packed >> 16);
    }
}

__attribute__((target("avx2"))) static void
rows_avx2(const Job *job, int type, int channels, const char *image, char *result, Py_ssize_t first,
          Py_ssize_t end, float *nodes)
{
    if (type != UINT8 || channels != 3) {
        rows(job, type, channels, image, result, first, end, nodes);
        return;
    }
    Tables tables;
    fill(&tables, job);
    float *steps = nodes + job->columns * job->depth * job->floats;
    for (Py_ssize_t y = first; y < end; y++) {
        blend(job, y, nodes, steps);
        colour_8_avx2(job, &tables, (const uint8_t *)image + y * job->width * 3,
                      (uint8_t *)result + y * job->width * 3, nodes, steps);
    }
}
#endif

static Rows *fastest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        return rows_avx2;
#endif
    return rows_anywhere;
}

static PyObject *slice_rows(PyObject *module, PyObject *args)
{
    Py_buffer table, row, row_part, column, column_part, image, result;
    Py_ssize_t columns, depth, first, end, width;
    int type, channels;
    float scale, full;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*nnnnniiff", &table, &row, &row_part, &column,
                          &column_part, &image, &result, &width, &columns, &depth, &first, &end,
                          &type, &channels, &scale, &full))
        return NULL;
    const Py_ssize_t floats = channels == 3 ? 16 : 2;
    const Job job = {table.buf, row.buf, row_part.buf, column.buf, column_part.buf,
                     width,     columns, depth,        floats,     scale, full};
    /* One node more, which the last column's differences would need. */
    float *nodes = calloc(2 * columns * depth * floats + 32, sizeof *nodes);
    if (nodes) {
        Py_BEGIN_ALLOW_THREADS
        fastest()(&job, type, channels, image.buf, result.buf, first, end, nodes);
        Py_END_ALLOW_THREADS
        free(nodes);
    }
    Py_buffer *given[] = {&table, &row, &row_part, &column, &column_part, &image, &result};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        PyBuffer_Release(given[i]);
    if (!nodes)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"rows", slice_rows, METH_VARARGS, "Rows first to end of an image; see upsample._Slicer."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_slice", NULL, 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__slice(void) { return PyModule_Create(&definition); }
