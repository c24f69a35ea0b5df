/* Decoding a JPEG file strip by strip, with the libjpeg-turbo that Pillow brings along.

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
    static const char *const names[] = {
        "jpeg_std_error",        "jpeg_CreateDecompress", "jpeg_mem_src",           "jpeg_read_header",
        "jpeg_start_decompress", "jpeg_read_scanlines",   "jpeg_destroy_decompress"};
    void **functions[] = {(void **)&library.std_error, (void **)&library.create,
                          (void **)&library.source,    (void **)&library.header,
                          (void **)&library.start,     (void **)&library.read,
                          (void **)&library.destroy};
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* for good: there is nothing to close */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *functions[i] = handle ? dlsym(handle, names[i]) : NULL;
        if (!*functions[i])
            return PyErr_Format(PyExc_ImportError, "%s has no %s", path, names[i]);
    }
    Decoder trial = {0};
    begin(&trial);
    if (setjmp(trial.failed))
        return PyErr_Format(PyExc_ImportError, "%s: %s", path, trial.message);
    library.create(&trial.info, JPEG_LIB_VERSION, sizeof trial.info);
    library.destroy(&trial.info);
    Py_RETURN_NONE;
}

static PyObject *open_data(PyObject *module, PyObject *data)
{
    (void)module;
    Decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return PyErr_NoMemory();
    if (PyObject_GetBuffer(data, &decoder->data, PyBUF_SIMPLE) < 0) {
        free(decoder);
        return NULL;
    }
    begin(decoder);
    if (setjmp(decoder->failed))
        PyErr_SetString(PyExc_ValueError, decoder->message);
    else {
        library.create(&decoder->info, JPEG_LIB_VERSION, sizeof decoder->info);
        library.source(&decoder->info, decoder->data.buf, (unsigned long)decoder->data.len);
        library.header(&decoder->info, TRUE);
        PyObject *capsule = PyCapsule_New(decoder, NULL, destroy);
        if (capsule)
            return capsule;
    }
    library.destroy(&decoder->info);
    PyBuffer_Release(&decoder->data);
    free(decoder);
    return NULL;
}

static PyObject *read_rows(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    Py_buffer rows;
    (void)module;
    if (!PyArg_ParseTuple(args, "Ow*", &capsule, &rows))
        return NULL;
    Decoder *decoder = PyCapsule_GetPointer(capsule, NULL);
    if (!decoder) {
        PyBuffer_Release(&rows);
        return NULL;
    }
    j_decompress_ptr info = &decoder->info;
    const char *volatile wrong = NULL;
    Py_BEGIN_ALLOW_THREADS
    if (setjmp(decoder->failed))
        wrong = decoder->message;
    else {
        if (!info->output_width)
            library.start(info); /* a progressive picture is read to its end here */
        const Py_ssize_t stride = (Py_ssize_t)info->output_width * info->output_components;
        const Py_ssize_t count = stride ? rows.len / stride : 0;
        if (count * stride != rows.len || info->output_scanline + count > info->output_height)
            wrong = "no such rows";
        else
            for (Py_ssize_t y = 0; y < count;) {
                JSAMPROW some[16];
                JDIMENSION wanted = 0;
                for (; wanted < 16 && y + wanted < count; wanted++)
                    some[wanted] = (JSAMPROW)rows.buf + (y + wanted) * stride;
                y += library.read(info, some, wanted);
            }
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&rows);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"load", load, METH_VARARGS, "Open the library: the path of a file that is linked with it."},
    {"open", open_data, METH_O, "A decoder of a file's bytes. Raises ValueError."},
    {"read", read_rows, METH_VARARGS, "Decode the next rows into a buffer. Raises ValueError."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_jpeg", NULL, 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__jpeg(void) { return PyModule_Create(&definition); }
