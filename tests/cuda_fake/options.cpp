/* LT_FAKE_CUDA, read. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include <utility>

namespace lt_fake {

namespace {

const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
#define E(name, text) { name, #name, text }
    E(cudaSuccess, "no error"),
    E(cudaErrorInvalidValue, "invalid argument"),
    E(cudaErrorMemoryAllocation, "out of memory"),
    E(cudaErrorInitializationError, "initialization error"),
    E(cudaErrorCudartUnloading, "driver shutting down"),
    E(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    E(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    E(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    E(cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable"),
    E(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    E(cudaErrorInvalidDevice, "invalid device ordinal"),
    E(cudaErrorDeviceUninitialized, "invalid device context"),
    E(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    E(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    E(cudaErrorUnsupportedPtxVersion, "the provided PTX was compiled with an unsupported toolchain."),
    E(cudaErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    E(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    E(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    E(cudaErrorNotReady, "device not ready"),
    E(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    E(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    E(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    E(cudaErrorAssert, "device-side assert triggered"),
    E(cudaErrorHardwareStackError, "hardware stack error"),
    E(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    E(cudaErrorMisalignedAddress, "misaligned address"),
    E(cudaErrorLaunchFailure, "unspecified launch failure"),
    E(cudaErrorNotPermitted, "operation not permitted"),
    E(cudaErrorNotSupported, "operation not supported"),
    E(cudaErrorSystemNotReady, "system not yet initialized"),
    E(cudaErrorSystemDriverMismatch, "system has unsupported display driver / cuda driver combination"),
    E(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    E(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    E(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    E(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    E(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    E(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    E(cudaErrorStreamCaptureImplicit, "operation would make the legacy stream depend on a capturing blocking stream"),
    E(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    E(cudaErrorStreamCaptureWrongThread, "attempt to terminate a thread-local capture sequence from another thread"),
    E(cudaErrorUnknown, "unknown error"),
#undef E
};

/* A number with KiB, MiB or GiB behind it. Whether it is one. */
bool size_of(const std::string &text, size_t *out)
{
    char *end;
    const double n = strtod(text.c_str(), &end);
    const std::string unit = end;
    const double scale = unit == "KiB" ? 1024. : unit == "MiB" ? 1048576. : unit == "GiB" ? 1073741824. : unit.empty() ? 1. : 0.;
    *out = static_cast<size_t>(n * scale);
    return end != text.c_str() && scale > 0 && n >= 0;
}

bool number_of(const std::string &text, int64_t *out)
{
    char *end;
    *out = strtoll(text.c_str(), &end, 10);
    return end != text.c_str() && !*end;
}

/* function:nth or function:nth:error */
bool fault_of(const std::string &text, fault *out)
{
    const size_t first = text.find(':'), second = first == std::string::npos ? first : text.find(':', first + 1);
    if (first == std::string::npos) return false;
    out->function = text.substr(0, first);
    if (second != std::string::npos) out->error = text.substr(second + 1);
    return number_of(text.substr(first + 1, second == std::string::npos ? second : second - first - 1), &out->nth) && out->nth > 0;
}

bool word_of(const std::string &word, options *o)
{
    const std::pair<const char *, bool *> flags[] = { { "nodriver", &o->no_driver }, { "nodevice", &o->no_device }, { "busy", &o->busy },
                                                      { "ecc", &o->ecc },            { "noimage", &o->no_image },   { "eager", &o->eager } };
    const std::pair<const char *, size_t *> sizes[] = { { "memory", &o->memory }, { "context", &o->context }, { "others", &o->others } };
    const std::pair<const char *, int *> numbers[] = { { "gpus", &o->gpus }, { "sm", &o->sm }, { "sms", &o->sms }, { "driver", &o->driver }, { "idle", &o->idle } };
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals), value = equals == std::string::npos ? "" : word.substr(equals + 1);
    int64_t n;
    for (auto &f : flags)
        if (word == f.first) return *f.second = true;
    for (auto &s : sizes)
        if (key == s.first) return size_of(value, s.second);
    for (auto &i : numbers)
        if (key == i.first) return number_of(value, &n) && n >= 0 && (*i.second = static_cast<int>(n), true);
    if (key == "seed") return number_of(value, &n) && (o->seed = static_cast<uint32_t>(n), true);
    if (key == "sticky") return number_of(value, &o->sticky);
    if (key == "name") return !(o->name = value).empty();
    if (word == "uuid=same") return o->same_uuid = true;
    if (key != "fail") return false;
    o->faults.emplace_back();
    return fault_of(value, &o->faults.back()) && (o->faults.back().error.empty() || o->faults.back().function.compare(0, 4, "cuda") ||
                                                  error_of(o->faults.back().error) != cudaErrorUnknown || o->faults.back().error == "cudaErrorUnknown");
}

}

options parse(const char *text)
{
    options o;
    for (std::string rest = text ? text : ""; !rest.empty();) {
        const size_t comma = rest.find(',');
        const std::string word = rest.substr(0, comma);
        if (!word.empty() && !word_of(word, &o)) o.wrong = word;
        rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    }
    return o;
}

cudaError_t error_of(const std::string &name)
{
    for (auto &e : errors)
        if (name == e.name) return e.error;
    return cudaErrorUnknown;
}

}

const char *cudaGetErrorName(cudaError_t e)
{
    for (auto &i : lt_fake::errors)
        if (e == i.error) return i.name;
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t e)
{
    for (auto &i : lt_fake::errors)
        if (e == i.error) return i.text;
    return "unrecognized error code";
}
