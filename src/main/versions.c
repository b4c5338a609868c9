#include "versions.h"

#include "comm/nccl_way.h"

#include <longtake/comm.h>
#include <longtake/gpu.h>
#include <longtake/settings.h>

#include <dnnl.h>
#include <hdf5.h>
#include <jansson.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libdeflate.h>
#include <libswscale/swscale.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <yaml.h>
#include <zip.h>

static void add(lt_version *list, int *n, const char *name, const char *format, ...) LT_PRINTF(4, 5);

static void add(lt_version *list, int *n, const char *name, const char *format, ...)
{
    va_list args;
    if (*n >= LT_VERSIONS_MAX) return;
    list[*n].name = name;
    va_start(args, format);
    vsnprintf(list[*n].version, sizeof list[*n].version, format, args);
    va_end(args);
    (*n)++;
}

static void add_av(lt_version *list, int *n, const char *name, unsigned v)
{
    add(list, n, name, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
}

/* What is loaded, and what it was built with where that differs. CUDA's libraries count alike: 130100. */
static void add_cuda_library(lt_version *list, int *n, const char *name, int built, int found)
{
    if (built == found) add(list, n, name, "%d.%d.%d", found / 10000, found / 100 % 100, found % 100);
    else add(list, n, name, "%d.%d.%d, built with %d.%d.%d", found / 10000, found / 100 % 100, found % 100, built / 10000, built / 100 % 100, built % 100);
}

static void add_cuda(lt_version *list, int *n)
{
    lt_gpu_system g;
    char nccl[64];
    if (!lt_gpu_built()) {
        add(list, n, "CUDA", "not built");
        return;
    }
    lt_gpu_system_read(&g);
    add(list, n, "CUDA", "%d.%d", g.runtime / 1000, g.runtime % 1000 / 10);
    add_cuda_library(list, n, "cuBLASLt", g.cublaslt.built, g.cublaslt.found);
    add_cuda_library(list, n, "cuDNN", g.cudnn.built, g.cudnn.found);
    lt_nccl_version(nccl, sizeof nccl);
    add(list, n, "NCCL", "%s", nccl + strcspn(nccl, "0123456789"));
}

int lt_versions(lt_version *list)
{
    int n = 0;
    unsigned major = 0, minor = 0, release = 0;
    add(list, &n, "longtake", "%s", lt_settings_table()->version);
#if defined(__clang__)
    add(list, &n, "compiler", "clang %s", __clang_version__);
#else
    add(list, &n, "compiler", "gcc %s", __VERSION__);
#endif
    add_cuda(list, &n);
    add(list, &n, "MPI", "%s", lt_comm_library());
    add(list, &n, "FFmpeg", "%s", av_version_info());
    add_av(list, &n, "libavformat", avformat_version());
    add_av(list, &n, "libavcodec", avcodec_version());
    add_av(list, &n, "libavutil", avutil_version());
    add_av(list, &n, "libswscale", swscale_version());
    if (H5get_libversion(&major, &minor, &release) >= 0) add(list, &n, "HDF5", "%u.%u.%u", major, minor, release);
    const dnnl_version_t *dnnl = dnnl_version();
    add(list, &n, "oneDNN", "%d.%d.%d", dnnl->major, dnnl->minor, dnnl->patch);
    add(list, &n, "libzip", "%s", zip_libzip_version());
    add(list, &n, "libdeflate", "%s", LIBDEFLATE_VERSION_STRING);
    add(list, &n, "xxHash", "%u.%u.%u", XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100, XXH_versionNumber() % 100);
    add(list, &n, "libpng", "%s", png_get_libpng_ver(NULL));
    add(list, &n, "jansson", "%s", jansson_version_str());
    add(list, &n, "libyaml", "%s", yaml_get_version_string());
    return n;
}
