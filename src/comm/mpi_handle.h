/* comm/mpi_handle.h -- the only header that shows MPI. Private to src/comm. */
#ifndef LT_COMM_MPI_HANDLE_H
#define LT_COMM_MPI_HANDLE_H

#include <mpi.h>

#include <longtake/status.h>

/* Raises LT_E_PEER with MPI's own words for a code other than MPI_SUCCESS. */
lt_status lt_mpi_status(int code, const char *file, int line, const char *func, const char *call);

#define LT_MPI(call) LT_TRY_(lt_mpi_status((call), __FILE__, __LINE__, __func__, #call), #call)

#endif
