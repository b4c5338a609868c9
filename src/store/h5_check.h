/* HDF5's errors in the library's words. Include it only below src/store. */
#ifndef LT_STORE_H5_CHECK_H
#define LT_STORE_H5_CHECK_H

#include <longtake/fault.h>
#include <longtake/status.h>

#include <hdf5.h>
#include <stdint.h>

/* Negative: the innermost description of HDF5's error stack becomes the record. hid_t, herr_t and htri_t all fit. */
lt_status lt_h5_status(int64_t returned);

/* HDF5 stops printing its errors; once a thread, before its first call. */
void lt_h5_quiet(void);

/* #call is taken here, not in an inner macro, or it would print expanded. */
#define LT_H5(call) LT_TRY_(LT_FAULT_("h5", LT_E_STORE) lt_h5_status(call), #call)

/* Below `done:`: closes what is open, whatever came before. */
#define LT_H5_CLOSE(close, id)                                               \
    do {                                                                     \
        if ((id) >= 0) LT_ALSO(lt_h5_status(close(id)));                     \
        (id) = -1;                                                           \
    } while (0)

#endif
