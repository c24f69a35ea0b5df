/* Slicing a bilateral grid, compiled: the inner loop of slice.slice_grid.

   The same float32 operations in the same order as slice._Slicer.numpy, so that both give the same
   pixels: build with -ffp-contract=off. An extension of the limited API: one file serves every
   Python from 3.11 on. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
    const int32_t *starts; /* columns + 1: first x whose node is at or beyond a column */
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

__attribute__((target("avx2"))) static void
colour_8_avx2(const Job *job, const Tables *tables, const uint8_t *pixel, uint8_t *out,
              const float *nodes, const float *steps, Py_ssize_t first, Py_ssize_t end)
{
    pixel += 3 * first, out += 3 * first;
    const __m256 ones = _mm256_set1_ps(1);
    const __m128 full = _mm_set1_ps(job->full);
    const int32_t column = (int32_t)job->depth * 16;
    for (Py_ssize_t x = first; x < end; x++, pixel += 3, out += 3) {
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

/* Many pixels at a time: between two columns of nodes, a register holds one coefficient of all
   nodes along the guide, so a permutation fetches it for every pixel. */
enum { ALONG_GUIDE = 16, GROUP = 16, TERMS = 4, OUTPUTS = 3 };

typedef struct {
    float node[TERMS * 4][ALONG_GUIDE], step[TERMS * 4][ALONG_GUIDE];
} __attribute__((aligned(64))) Cell;

static void gather(Cell *cell, const float *nodes, const float *steps, Py_ssize_t depth)
{
    for (Py_ssize_t z = 0; z < depth; z++)
        for (int k = 0; k < TERMS * 4; k++) {
            cell->node[k][z] = nodes[z * 16 + k];
            cell->step[k][z] = steps[z * 16 + k];
        }
}

#define OTHER -1
#define BYTES(...) _mm_setr_epi8(__VA_ARGS__)
/* 16 values of one channel from three registers of R G B R G B ... */
#define CHANNEL(a, b, c, from_a, from_b, from_c)                                                \
    _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, from_a), _mm_shuffle_epi8(b, from_b)),        \
                 _mm_shuffle_epi8(c, from_c))
#define O OTHER

/* The same float32 operations in the same order as COLOUR, on PIXELS pixels at a time. */
#define PERMUTED(NAME, TARGET, PIXELS, V, I, PERMUTE, LEAST, MOST, WIDEN, NARROW)               \
    __attribute__((target(TARGET))) static void NAME(const Job *job, const Cell *cell,          \
                                                     const uint8_t *pixel, uint8_t *out,        \
                                                     Py_ssize_t first, Py_ssize_t end)          \
    {                                                                                           \
        const V zero = {0}, top = zero + (float)(job->depth - 1);                               \
        const V last = zero + (float)(job->depth - 2), full = zero + job->full;                 \
        for (Py_ssize_t x = first; x < end; x += GROUP) {                                       \
            const __m128i *from = (const __m128i *)(pixel + 3 * x);                             \
            const __m128i p = _mm_loadu_si128(from), q = _mm_loadu_si128(from + 1);             \
            const __m128i s = _mm_loadu_si128(from + 2);                                        \
            const __m128i channels[3] = {                                                       \
                CHANNEL(p, q, s, BYTES(0, 3, 6, 9, 12, 15, O, O, O, O, O, O, O, O, O, O),       \
                        BYTES(O, O, O, O, O, O, 2, 5, 8, 11, 14, O, O, O, O, O),                \
                        BYTES(O, O, O, O, O, O, O, O, O, O, O, 1, 4, 7, 10, 13)),               \
                CHANNEL(p, q, s, BYTES(1, 4, 7, 10, 13, O, O, O, O, O, O, O, O, O, O, O),       \
                        BYTES(O, O, O, O, O, 0, 3, 6, 9, 12, 15, O, O, O, O, O),                \
                        BYTES(O, O, O, O, O, O, O, O, O, O, O, 2, 5, 8, 11, 14)),               \
                CHANNEL(p, q, s, BYTES(2, 5, 8, 11, 14, O, O, O, O, O, O, O, O, O, O, O),       \
                        BYTES(O, O, O, O, O, 1, 4, 7, 10, 13, O, O, O, O, O, O),                \
                        BYTES(O, O, O, O, O, O, O, O, O, O, 0, 3, 6, 9, 12, 15)),               \
            };                                                                                  \
            uint8_t result[OUTPUTS][GROUP] __attribute__((aligned(16)));                        \
            for (int part = 0; part < GROUP; part += PIXELS) {                                  \
                const V r = WIDEN(channels[0], part), g = WIDEN(channels[1], part);             \
                const V b = WIDEN(channels[2], part);                                           \
                V z = ((r + b) + 2 * g) * job->scale;                                           \
                z = LEAST(MOST(z, zero), top);                                                  \
                const I node = __builtin_convertvector(LEAST(z, last), I), next = node + 1;     \
                const V fz = z - __builtin_convertvector(node, V);                              \
                V fx;                                                                           \
                memcpy(&fx, job->column_part + x + part, sizeof fx);                            \
                for (int o = 0; o < OUTPUTS; o++) {                                             \
                    V c[TERMS];                                                                 \
                    for (int t = 0; t < TERMS; t++) {                                           \
                        const V n = *(const V *)cell->node[4 * t + o];                          \
                        const V d = *(const V *)cell->step[4 * t + o];                          \
                        const V low = PERMUTE(n, node) + fx * PERMUTE(d, node);                 \
                        const V high = PERMUTE(n, next) + fx * PERMUTE(d, next);                \
                        c[t] = low + fz * (high - low);                                         \
                    }                                                                           \
                    V sum = (c[0] * r + c[2] * b) + (c[1] * g + c[3]);                          \
                    sum = LEAST(MOST(sum, zero), full);                                         \
                    NARROW(result[o] + part, sum);                                              \
                }                                                                               \
            }                                                                                   \
            const __m128i *channel = (const __m128i *)result;                                   \
            const __m128i u = channel[0], v = channel[1], w = channel[2];                       \
            __m128i *to = (__m128i *)(out + 3 * x);                                             \
            _mm_storeu_si128(                                                                   \
                to, CHANNEL(u, v, w, BYTES(0, O, O, 1, O, O, 2, O, O, 3, O, O, 4, O, O, 5),     \
                            BYTES(O, 0, O, O, 1, O, O, 2, O, O, 3, O, O, 4, O, O),              \
                            BYTES(O, O, 0, O, O, 1, O, O, 2, O, O, 3, O, O, 4, O)));            \
            _mm_storeu_si128(                                                                   \
                to + 1,                                                                         \
                CHANNEL(u, v, w, BYTES(O, O, 6, O, O, 7, O, O, 8, O, O, 9, O, O, 10, O),        \
                        BYTES(5, O, O, 6, O, O, 7, O, O, 8, O, O, 9, O, O, 10),                 \
                        BYTES(O, 5, O, O, 6, O, O, 7, O, O, 8, O, O, 9, O, O)));                \
            _mm_storeu_si128(                                                                   \
                to + 2,                                                                         \
                CHANNEL(u, v, w, BYTES(O, 11, O, O, 12, O, O, 13, O, O, 14, O, O, 15, O, O),    \
                        BYTES(O, O, 11, O, O, 12, O, O, 13, O, O, 14, O, O, 15, O),             \
                        BYTES(10, O, O, 11, O, O, 12, O, O, 13, O, O, 14, O, O, 15)));          \
        }                                                                                       \
    }

typedef int32_t i8 __attribute__((vector_size(32)));
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));

#define PERMUTE_8(table, index) ((v8)_mm256_permutevar8x32_ps((__m256)(table), (__m256i)(index)))
#define LEAST_8(a, b) ((v8)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define MOST_8(a, b) ((v8)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define WIDEN_8(bytes, part)                                                                    \
    ((v8)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32((part) ? _mm_srli_si128(bytes, 8) : (bytes))))
#define NARROW_8(to, values)                                                                    \
    do { /* rounds half to even, as rint does */                                                \
        const __m256i codes = _mm256_cvtps_epi32((__m256)(values));                             \
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(codes),                    \
                                              _mm256_extracti128_si256(codes, 1));              \
        _mm_storel_epi64((__m128i *)(to), _mm_packus_epi16(words, words));                      \
    } while (0)
PERMUTED(cell_8_avx2, "avx2", 8, v8, i8, PERMUTE_8, LEAST_8, MOST_8, WIDEN_8, NARROW_8)

#define PERMUTE_16(table, index) ((v16)_mm512_permutexvar_ps((__m512i)(index), (__m512)(table)))
#define LEAST_16(a, b) ((v16)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define MOST_16(a, b) ((v16)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define WIDEN_16(bytes, part) ((v16)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)))
#define NARROW_16(to, values)                                                                   \
    _mm_store_si128((__m128i *)(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32((__m512)(values))))
PERMUTED(cell_8_avx512, "avx512f", 16, v16, i16, PERMUTE_16, LEAST_16, MOST_16, WIDEN_16,
         NARROW_16)
#undef O

typedef void CellRow(const Job *, const Cell *, const uint8_t *, uint8_t *, Py_ssize_t,
                     Py_ssize_t);

INLINE void rows_x86(const Job *job, int type, int channels, const char *image, char *result,
                     Py_ssize_t first, Py_ssize_t end, float *nodes, CellRow *cell_row,
                     Py_ssize_t deepest)
{
    if (type != UINT8 || channels != 3) {
        rows(job, type, channels, image, result, first, end, nodes);
        return;
    }
    Tables tables;
    Cell cell = {0};
    fill(&tables, job);
    float *steps = nodes + job->columns * job->depth * job->floats;
    /* A cell's table costs as much as some 50 pixels. */
    const int permuted = job->depth <= deepest && job->width >= 128 * job->columns;
    for (Py_ssize_t y = first; y < end; y++) {
        const uint8_t *pixel = (const uint8_t *)image + y * job->width * 3;
        uint8_t *out = (uint8_t *)result + y * job->width * 3;
        blend(job, y, nodes, steps);
        Py_ssize_t x = 0;
        while (permuted && x < job->width) {
            const int32_t column = job->column[x];
            const Py_ssize_t at = column * job->depth * 16;
            const Py_ssize_t next = job->starts[column + 1];
            const Py_ssize_t whole = x + (next - x) / GROUP * GROUP;
            gather(&cell, nodes + at, steps + at, job->depth);
            cell_row(job, &cell, pixel, out, x, whole);
            colour_8_avx2(job, &tables, pixel, out, nodes, steps, whole, next);
            x = next;
        }
        colour_8_avx2(job, &tables, pixel, out, nodes, steps, x, job->width);
    }
}

__attribute__((target("avx2"))) static void
rows_avx2(const Job *job, int type, int channels, const char *image, char *result, Py_ssize_t first,
          Py_ssize_t end, float *nodes)
{
    rows_x86(job, type, channels, image, result, first, end, nodes, cell_8_avx2, 8);
}

__attribute__((target("avx512f"))) static void
rows_avx512(const Job *job, int type, int channels, const char *image, char *result,
            Py_ssize_t first, Py_ssize_t end, float *nodes)
{
    rows_x86(job, type, channels, image, result, first, end, nodes, cell_8_avx512, ALONG_GUIDE);
}
#endif

static Rows *fastest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return rows_avx512;
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
    /* One node more, which the last column's differences would need. */
    float *nodes = calloc(2 * columns * depth * floats + 32, sizeof *nodes);
    int32_t *starts = malloc((columns + 1) * sizeof *starts);
    const Job job = {table.buf, row.buf, row_part.buf, column.buf, column_part.buf, starts,
                     width,     columns, depth,        floats,     scale,           full};
    if (nodes && starts) {
        Py_ssize_t x = 0;
        for (Py_ssize_t c = 0; c <= columns; c++) {
            while (x < width && job.column[x] < c)
                x++;
            starts[c] = (int32_t)x;
        }
        Py_BEGIN_ALLOW_THREADS
        fastest()(&job, type, channels, image.buf, result.buf, first, end, nodes);
        Py_END_ALLOW_THREADS
    }
    Py_buffer *given[] = {&table, &row, &row_part, &column, &column_part, &image, &result};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        PyBuffer_Release(given[i]);
    const int done = nodes && starts;
    free(nodes);
    free(starts);
    if (!done)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"rows", slice_rows, METH_VARARGS, "Rows first to end of an image; see slice._Slicer."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_slice", NULL, 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__slice(void) { return PyModule_Create(&definition); }
