/* Decoding a JPEG file in strips or reduced, with the libjpeg-turbo that Pillow brings along.

   The library is opened at run time, so a wheel holds no codec of its own. Its structures are those
   of version 6.2 of the interface; with another version `load` fails, and whole images are decoded
   instead. An extension of the limited API: one file serves every Python from 3.11 on. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#if JPEG_LIB_VERSION != 62
#error "the structures of Pillow's libjpeg-turbo are those of version 6.2"
#endif

static struct {
    struct jpeg_error_mgr *(*std_error)(struct jpeg_error_mgr *);
    void (*create)(j_decompress_ptr, int, size_t);
    void (*source)(j_decompress_ptr, const unsigned char *, unsigned long);
    int (*header)(j_decompress_ptr, boolean);
    void (*measure)(j_decompress_ptr);
    boolean (*start)(j_decompress_ptr);
    JDIMENSION (*read)(j_decompress_ptr, JSAMPARRAY, JDIMENSION);
    void (*destroy)(j_decompress_ptr);
} library;

typedef struct {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
    Py_buffer data;
    int started;
} Decoder;

static void fail(j_common_ptr info)
{
    Decoder *decoder = info->client_data;
    info->err->format_message(info, decoder->message);
    longjmp(decoder->failed, 1);
}

/* Warnings are of damaged data, which the decoder fills as well as it can. */
static void ignore(j_common_ptr info, int level) { (void)info, (void)level; }

static void destroy(PyObject *capsule)
{
    Decoder *decoder = PyCapsule_GetPointer(capsule, NULL);
    library.destroy(&decoder->info);
    PyBuffer_Release(&decoder->data);
    free(decoder);
}

static void begin(Decoder *decoder)
{
    decoder->info.err = library.std_error(&decoder->errors);
    decoder->errors.error_exit = fail;
    decoder->errors.emit_message = ignore;
    decoder->info.client_data = decoder;
}

static PyObject *load(PyObject *module, PyObject *args)
{
    const char *path;
    (void)module;
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    static const struct {
        const char *name;
        void **function;
    } wanted[] = {{"jpeg_std_error", (void **)&library.std_error},
                  {"jpeg_CreateDecompress", (void **)&library.create},
                  {"jpeg_mem_src", (void **)&library.source},
                  {"jpeg_read_header", (void **)&library.header},
                  {"jpeg_calc_output_dimensions", (void **)&library.measure},
                  {"jpeg_start_decompress", (void **)&library.start},
                  {"jpeg_read_scanlines", (void **)&library.read},
                  {"jpeg_destroy_decompress", (void **)&library.destroy}};
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* for good: there is nothing to close */
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].function = handle ? dlsym(handle, wanted[i].name) : NULL;
        if (!*wanted[i].function)
            return PyErr_Format(PyExc_ImportError, "%s has no %s", path, wanted[i].name);
    }
    Decoder trial = {0};
    begin(&trial);
    if (setjmp(trial.failed))
        return PyErr_Format(PyExc_ImportError, "%s: %s", path, trial.message);
    library.create(&trial.info, JPEG_LIB_VERSION, sizeof trial.info);
    library.destroy(&trial.info);
    Py_RETURN_NONE;
}

static PyObject *open_data(PyObject *module, PyObject *args)
{
    PyObject *data;
    unsigned denominator;
    (void)module;
    if (!PyArg_ParseTuple(args, "OI", &data, &denominator))
        return NULL;
    Decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return PyErr_NoMemory();
    if (PyObject_GetBuffer(data, &decoder->data, PyBUF_SIMPLE) < 0) {
        free(decoder);
        return NULL;
    }
    j_decompress_ptr info = &decoder->info;
    begin(decoder);
    if (setjmp(decoder->failed))
        PyErr_SetString(PyExc_ValueError, decoder->message);
    else {
        library.create(info, JPEG_LIB_VERSION, sizeof *info);
        library.source(info, decoder->data.buf, (unsigned long)decoder->data.len);
        library.header(info, TRUE);
        info->scale_denom = denominator;
        library.measure(info);
        PyObject *capsule = PyCapsule_New(decoder, NULL, destroy);
        if (capsule)
            return Py_BuildValue("NIIi", capsule, info->output_height, info->output_width,
                                 info->out_color_components);
    }
    library.destroy(info);
    PyBuffer_Release(&decoder->data);
    free(decoder);
    return NULL;
}

static PyObject *read_rows(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    unsigned count;
    (void)module;
    if (!PyArg_ParseTuple(args, "OI", &capsule, &count))
        return NULL;
    Decoder *decoder = PyCapsule_GetPointer(capsule, NULL);
    if (!decoder)
        return NULL;
    j_decompress_ptr info = &decoder->info;
    if (*decoder->message) /* of an error before: the library cannot go on */
        return PyErr_Format(PyExc_ValueError, "%s", decoder->message);
    if (count > info->output_height - info->output_scanline)
        return PyErr_Format(PyExc_ValueError, "no such rows");
    const size_t stride = (size_t)info->output_width * info->out_color_components;
    PyObject *rows = PyByteArray_FromStringAndSize(NULL, count * stride);
    if (!rows)
        return NULL;
    JSAMPROW first = (JSAMPROW)PyByteArray_AsString(rows);
    volatile int failed = 1;
    Py_BEGIN_ALLOW_THREADS
    if (!setjmp(decoder->failed)) {
        if (!decoder->started)
            library.start(info); /* a progressive picture is read to its end here */
        decoder->started = 1;
        for (JDIMENSION y = 0; y < count;) {
            JSAMPROW some[16];
            JDIMENSION wanted = 0;
            for (; wanted < 16 && y + wanted < count; wanted++)
                some[wanted] = first + (y + wanted) * stride;
            y += library.read(info, some, wanted);
        }
        failed = 0;
    }
    Py_END_ALLOW_THREADS
    if (failed) {
        PyErr_SetString(PyExc_ValueError, decoder->message);
        Py_DECREF(rows);
        return NULL;
    }
    return rows;
}

static PyMethodDef methods[] = {
    {"load", load, METH_VARARGS, "Open the library: the path of a file that is linked with it."},
    {"open", open_data, METH_VARARGS,
     "Of a file's bytes, at 1/n of its size: decoder, rows, columns, channels. Raises ValueError."},
    {"read", read_rows, METH_VARARGS, "The next rows, as many as wanted. Raises ValueError."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_jpeg", NULL, 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__jpeg(void) { return PyModule_Create(&definition); }
