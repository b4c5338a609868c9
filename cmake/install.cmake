# cmake --install: program, library, headers, pkg-config file, configurations, and the launch scripts with the cluster
# templates, which stay together: the templates look for launch/mpirun.sh beside them. cmake/man.cmake adds its pages.
if(LT_CUDA STREQUAL "FAKE")
  return()      # refused by cmake/cuda.cmake
endif()
install(TARGETS longtake ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/longtake DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")

set(LT_PC_LIBS "-lhdf5_hl -ldnnl -lpthread -ldl -lm")
if(LT_HAVE_CUDA)
  string(APPEND LT_PC_LIBS " ${CUDA_cudart_static_LIBRARY} ${CUDA_cublasLt_LIBRARY} ${LT_CUDNN_LIBRARY} ${LT_NCCL_LIBRARY} -ldl -lrt")
endif()
configure_file(cmake/longtake.pc.in ${CMAKE_BINARY_DIR}/longtake.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/longtake.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET longtake_program)
  install(TARGETS longtake_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
set(LT_SHARE ${CMAKE_INSTALL_DATADIR}/longtake)
install(DIRECTORY configs DESTINATION ${LT_SHARE})
install(PROGRAMS launch/mpirun.sh DESTINATION ${LT_SHARE}/launch)
install(DIRECTORY cluster DESTINATION ${LT_SHARE} USE_SOURCE_PERMISSIONS)
