set(LT_CUDA AUTO CACHE STRING "CUDA back-end: ON, OFF, AUTO (ON where all of it is found), or FAKE (for tests: without a GPU)")
set_property(CACHE LT_CUDA PROPERTY STRINGS ON OFF AUTO FAKE)
option(LT_WERROR "Warnings are errors" OFF)
option(LT_FAULTS "Compile the fault injection that tests use (LT_FAULT in the environment)" OFF)
set(LT_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(lt_flags INTERFACE)
# No contraction to FMA and no reassociation: what is IEEE-exact by contract must be so at every ISA level.
target_compile_options(lt_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wvla -ffp-contract=off -fno-math-errno
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)   # messages are cut on purpose
target_compile_definitions(lt_flags INTERFACE _GNU_SOURCE)
if(LT_WERROR)
  target_compile_options(lt_flags INTERFACE -Werror)
endif()
if(LT_FAULTS)
  target_compile_definitions(lt_flags INTERFACE LT_FAULTS=1)
endif()
if(LT_SANITIZE)
  add_compile_options(-fsanitize=${LT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${LT_SANITIZE})
endif()
