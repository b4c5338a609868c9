# LT_CUDA: ON asks for CUDA and fails with what to install, AUTO takes it where nvcc is found. CUDA tells what GPUs there are (longtake/gpu.h), and
# the sources *_cuda.cu are compiled for CMAKE_CUDA_ARCHITECTURES; no plan takes these kernels yet.
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

  set(CMAKE_CUDA_ARCHITECTURES "80;90a" CACHE STRING "GPU architectures that the CUDA kernels are compiled for")
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
  endif()
  enable_language(CUDA)
  file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*_cuda.cu)
  add_library(lt_cuda_kernels OBJECT ${cuda_sources})
  target_include_directories(lt_cuda_kernels PRIVATE include src)
  # No contraction to FMA, as on the CPU (cmake/options.cmake): where one rounding is meant, the source says fmaf.
  target_compile_options(lt_cuda_kernels PRIVATE -fmad=false "SHELL:-Xcompiler -Wall,-Wextra,-ffp-contract=off")
  if(LT_WERROR)
    target_compile_options(lt_cuda_kernels PRIVATE "SHELL:-Werror all-warnings" "SHELL:-Xcompiler -Werror")
  endif()
  set_target_properties(lt_cuda_kernels PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON POSITION_INDEPENDENT_CODE ON)
  target_sources(longtake PRIVATE $<TARGET_OBJECTS:lt_cuda_kernels>)
  set_target_properties(longtake PROPERTIES CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")     # made before the language was known
endif()
message(STATUS "CUDA: ${LT_HAVE_CUDA} (LT_CUDA=${LT_CUDA})")
