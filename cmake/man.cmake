# The version as text for the program, and what is generated from its option table: manual page and completions.
set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/base/settings.c APPEND PROPERTY
  COMPILE_DEFINITIONS LT_VERSION="${PROJECT_VERSION}")

if(TARGET longtake_program AND NOT CMAKE_CROSSCOMPILING)
  set(generated ${CMAKE_BINARY_DIR}/longtake.1)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/longtake.1
    COMMAND longtake_program manual man > ${CMAKE_BINARY_DIR}/longtake.1
    DEPENDS longtake_program COMMENT "Writing the manual page")
  foreach(shell bash zsh fish)
    set(file ${CMAKE_BINARY_DIR}/completion/longtake.${shell})
    add_custom_command(OUTPUT ${file}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/completion
      COMMAND longtake_program completion ${shell} > ${file}
      DEPENDS longtake_program COMMENT "Writing the completion for ${shell}")
    list(APPEND generated ${file})
  endforeach()
  add_custom_target(longtake_pages ALL DEPENDS ${generated})
  install(FILES ${CMAKE_BINARY_DIR}/longtake.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${CMAKE_BINARY_DIR}/completion/longtake.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME longtake)
  install(FILES ${CMAKE_BINARY_DIR}/completion/longtake.zsh
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _longtake)
  install(FILES ${CMAKE_BINARY_DIR}/completion/longtake.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
