# SPDX-License-Identifier: Apache-2.0
# `cmake --install` puts the program and its demo model under the prefix; with the prefix /usr it is a Debian
# package: the service, its settings and the documents too, and `cpack -G DEB` (preset package) makes the file.
include(GNUInstallDirs)
set(install_share "${CMAKE_INSTALL_DATADIR}/monocle")
set(install_doc "${CMAKE_INSTALL_DATADIR}/doc/monocle")

install(TARGETS monocle RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
# Where open_model.cc looks: ../share/monocle/models/demo as seen from the program.
install(DIRECTORY models/demo DESTINATION "${install_share}/models")
install(FILES README.md CHANGELOG.md THIRD_PARTY.md DESTINATION "${install_doc}")

if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  install(FILES LICENSE DESTINATION "${install_doc}")
  return()
endif()

# monocle.service names /usr/bin/monocle and /etc/monocle.
install(FILES packaging/monocle.service DESTINATION lib/systemd/system)
install(FILES packaging/environment DESTINATION /etc/monocle)
install(DIRECTORY docs/user/ DESTINATION "${install_doc}" FILES_MATCHING PATTERN "*.md")
install(FILES packaging/copyright DESTINATION "${install_doc}")
install(FILES packaging/gpu.conf packaging/keys.conf DESTINATION "${install_doc}/examples")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "monocle maintainers <maintainers@monocle.example>")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "questions about pictures, answered on this machine
monocle runs Qwen3-VL models: one program with a command line, a web page and
the OpenAI API on port 7860. A small demo model, trained by the project, is
included; published checkpoints are loaded in their own form.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
# What the file system has, not what the person who builds it has as umask.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/conffiles;${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm;${PROJECT_SOURCE_DIR}/packaging/debian/postrm")
include(CPack)
