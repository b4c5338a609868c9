# LT_CUDA: ON asks for CUDA and fails with what to install, AUTO takes it where nvcc is found. So far CUDA tells what GPUs there
# are (longtake/gpu.h); the kernels run on the CPU.
set(LT_HAVE_CUDA FALSE)
if(NOT LT_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_FOUND AND CUDAToolkit_NVCC_EXECUTABLE AND TARGET CUDA::cudart_static)
    set(LT_HAVE_CUDA TRUE)
  elseif(LT_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LT_CUDA=ON, but nvcc or the CUDA runtime was not found: install the CUDA Toolkit (13 or later) and put nvcc "
      "on PATH or name it with -DCMAKE_CUDA_COMPILER, or configure with -DLT_CUDA=OFF")
  endif()
endif()
if(LT_HAVE_CUDA)
  target_compile_definitions(longtake PRIVATE LT_HAVE_CUDA=1)
  # Static, so that the program starts where no CUDA is installed; the driver is looked for at run time.
  target_include_directories(longtake SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(longtake PRIVATE CUDA::cudart_static)
endif()
message(STATUS "CUDA: ${LT_HAVE_CUDA} (LT_CUDA=${LT_CUDA})")
