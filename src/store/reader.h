/* A committed file, open for reading. */
#ifndef LT_STORE_READER_H
#define LT_STORE_READER_H

#include "store/layout.h"

typedef struct {
    lt_h5_file    file;
    hid_t         h5;
    lt_layout     layout;
    lt_layout_ids ids;
    lt_tables     tables;
    bool          is_result;
    int64_t       complete;          /* of a result */
    double       *time;              /* [T] of a result */
    int64_t      *frame;             /* [T] of a result */
} lt_file_reader;

/* Reads all but the chunks. LT_E_DATA: what is not as it should be; LT_E_ABSENT: no file. Free with lt_file_reader_close, also
 * after a failure. */
LT_NODISCARD lt_status lt_file_reader_open(const char *path, lt_file_reader *r);
lt_status lt_file_reader_close(lt_file_reader *r);

#endif
